// The commands of the small MongoDB server beside this file: over documents in memory, by the manual's words.
//
// https://www.mongodb.com/docs/manual/reference/command/
'use strict';
const crypto = require('crypto');
const { BSON, Long, ObjectId } = require('bson');

const BATCH = 101; // documents of a reply where nobody says
const COMPRESSORS = ['noop', 'snappy', 'zlib', 'zstd']; // by their numbers
const ACCOUNTS = { agent: 'Xq7Secret', 'odd,na=me': 'Xq7Secret' };

const collections = new Map();
const cursors = new Map();
const topologyVersion = { processId: new ObjectId(), counter: Long.fromNumber(0) };
let nextCursor = 1;

class CommandError extends Error {
    constructor(code, codeName, message) {
        super(message);
        Object.assign(this, { code, codeName });
    }
}

// --- documents

const same = (a, b) => BSON.serialize({ v: a }).equals(BSON.serialize({ v: b }));
const valueAt = (document, path) =>
    path.split('.').reduce((at, part) => (at === null || at === undefined ? at : at[part]), document);
const number = (v) => (Long.isLong(v) ? v.toNumber() : v);

const OPERATORS = {
    $eq: (v, w) => same(v, w),
    $ne: (v, w) => !same(v, w),
    $gt: (v, w) => v > w,
    $gte: (v, w) => v >= w,
    $lt: (v, w) => v < w,
    $lte: (v, w) => v <= w,
    $in: (v, w) => w.some((x) => same(v, x)),
    $exists: (v, w) => (v !== undefined) === Boolean(w),
    $elemMatch: (v, w) => Array.isArray(v) && v.some((x) => matches(x, w)),
    $not: (v, w) => !matchesValue(v, w),
};

function matchesValue(value, wanted) {
    const names = wanted && typeof wanted === 'object' && !wanted._bsontype ? Object.keys(wanted) : [];
    if (!names.length || !names[0].startsWith('$')) return value !== undefined && same(value, wanted);
    return names.every((name) => {
        if (!OPERATORS[name]) throw new CommandError(2, 'BadValue', `unknown operator: ${name}`);
        return OPERATORS[name](value, wanted[name]);
    });
}

function matches(document, filter) {
    return Object.entries(filter || {}).every(([name, wanted]) => {
        if (name === '$or') return wanted.some((one) => matches(document, one));
        if (name === '$and') return wanted.every((one) => matches(document, one));
        if (name.startsWith('$')) throw new CommandError(2, 'BadValue', `unknown top level operator: ${name}`);
        return matchesValue(valueAt(document, name), wanted);
    });
}

function change(document, update) {
    const before = BSON.serialize(document);
    if (!Object.keys(update).some((name) => name.startsWith('$'))) {
        for (const name of Object.keys(document)) if (name !== '_id') delete document[name];
        Object.assign(document, update);
    }
    Object.assign(document, update.$set || {});
    for (const [name, by] of Object.entries(update.$inc || {})) document[name] = (number(document[name]) || 0) + by;
    return !before.equals(BSON.serialize(document));
}

const idOf = (document) => BSON.serialize({ v: document._id }).toString('latin1');
const namespaceOf = (database, name) => `${database}.${name}`;
const documentsOf = (namespace) => collections.get(namespace) || [];

function insert(namespace, documents, ordered = true) {
    const kept = documentsOf(namespace),
        errors = [];
    collections.set(namespace, kept);
    kept.ids = kept.ids || new Set(kept.map(idOf));
    let n = 0;
    for (const [index, document] of documents.entries()) {
        if (!('_id' in document)) document._id = new ObjectId();
        if (kept.ids.has(idOf(document))) {
            errors.push({ index, code: 11000, keyPattern: { _id: 1 }, errmsg: 'E11000 duplicate key error' });
            if (ordered) break;
            continue;
        }
        kept.push(document);
        kept.ids.add(idOf(document));
        n++;
    }
    return { n, errors };
}

function cursorReply(namespace, documents, batchSize, name = 'firstBatch', single = false) {
    const batch = documents.splice(0, batchSize);
    let id = 0;
    if (documents.length && !single) {
        id = keepCursor(namespace, documents);
    }
    return { cursor: { [name]: batch, id: Long.fromNumber(id), ns: namespace }, ok: 1 };
}

function aggregate(documents, pipeline) {
    for (const stage of pipeline) {
        const [name] = Object.keys(stage),
            value = stage[name];
        if (name === '$match') documents = documents.filter((one) => matches(one, value));
        else if (name === '$limit') documents = documents.slice(0, number(value));
        else if (name === '$skip') documents = documents.slice(number(value));
        else if (name === '$group') documents = documents.length ? [{ _id: 1, n: documents.length }] : [];
        else if (name === '$lookup')
            documents = documents.map((one) => ({
                ...one,
                [value.as]: documentsOf(namespaceOf('crm', value.from)).slice(0, 2),
            }));
        else if (name === '$out') {
            collections.set(namespaceOf('crm', value), documents);
            documents = [];
        } else throw new CommandError(40324, 'Location40324', `Unrecognized pipeline stage name: '${name}'`);
    }
    return documents;
}

// --- commands: each gets its document, its database and its connection

const hello = () => ({
    helloOk: true,
    isWritablePrimary: true,
    ismaster: true,
    topologyVersion,
    maxBsonObjectSize: 16777216,
    maxMessageSizeBytes: 48000000,
    maxWriteBatchSize: 100000,
    localTime: new Date(),
    logicalSessionTimeoutMinutes: 30,
    connectionId: 1,
    minWireVersion: 0,
    maxWireVersion: 21,
    readOnly: false,
    ok: 1,
});

function sayHello(c, database, connection) {
    const reply = hello();
    if (c.compression) {
        connection.compressor = c.compression.find((name) => COMPRESSORS.includes(name));
        if (connection.compressor) reply.compression = [connection.compressor];
    }
    if (c.speculativeAuthenticate) {
        try {
            reply.speculativeAuthenticate = COMMANDS.saslStart(c.speculativeAuthenticate, 'admin', connection);
        } catch (error) {
            if (!(error instanceof CommandError)) throw error;
        }
    }
    return reply;
}

const refused = () => new CommandError(18, 'AuthenticationFailed', 'Authentication failed.');
const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();

const COMMANDS = {
    hello: sayHello,
    ismaster: sayHello,
    isMaster: sayHello,
    ping: () => ({ ok: 1 }),
    buildInfo: () => ({ version: '7.0.0', ok: 1 }),
    endSessions: () => ({ ok: 1 }),
    logout: () => ({ ok: 1 }),

    saslStart(c, database, connection) {
        const first = c.payload.buffer.toString();
        if (c.mechanism === 'PLAIN') {
            const [, user, password] = first.split('\0');
            if (ACCOUNTS[user] !== password) throw refused();
            return { conversationId: 1, done: true, payload: Buffer.alloc(0), ok: 1 };
        }
        const bare = first.slice(3),
            user = /^n=([^,]*)/.exec(bare)[1].replace(/=2C/g, ',').replace(/=3D/g, '=');
        if (!ACCOUNTS[user]) throw refused();
        const salt = crypto.randomBytes(16),
            nonce = /r=(.*)$/.exec(bare)[1] + crypto.randomBytes(12).toString('base64');
        const answer = `r=${nonce},s=${salt.toString('base64')},i=4096`;
        connection.sasl = { bare, answer, key: crypto.pbkdf2Sync(ACCOUNTS[user], salt, 4096, 32, 'sha256') };
        return { conversationId: 1, done: false, payload: Buffer.from(answer), ok: 1 };
    },

    saslContinue(c, database, connection) {
        if (c.payload.buffer.length === 0) return { conversationId: 1, done: true, payload: Buffer.alloc(0), ok: 1 };
        const { bare, answer, key } = connection.sasl,
            last = c.payload.buffer.toString();
        const text = `${bare},${answer},${last.slice(0, last.lastIndexOf(',p='))}`;
        const clientKey = hmac(key, 'Client Key'),
            stored = crypto.createHash('sha256').update(clientKey).digest();
        const signature = hmac(stored, text),
            proof = Buffer.from(last.slice(last.lastIndexOf(',p=') + 3), 'base64');
        if (!proof.every((byte, n) => byte === (clientKey[n] ^ signature[n]))) throw refused();
        return {
            conversationId: 1,
            done: false,
            payload: Buffer.from(`v=${hmac(hmac(key, 'Server Key'), text).toString('base64')}`),
            ok: 1,
        };
    },

    insert(c, database) {
        const { n, errors } = insert(namespaceOf(database, c.insert), c.documents, c.ordered);
        return { n, ...(errors.length ? { writeErrors: errors } : {}), ok: 1 };
    },

    find(c, database) {
        const found = documentsOf(namespaceOf(database, c.find)).filter((one) => matches(one, c.filter));
        const limited = found.slice(number(c.skip) || 0).slice(0, number(c.limit) || undefined);
        return cursorReply(namespaceOf(database, c.find), limited, number(c.batchSize) || BATCH, 'firstBatch', c.singleBatch);
    },

    getMore(c) {
        const id = number(c.getMore),
            cursor = cursors.get(id);
        if (!cursor) throw new CommandError(43, 'CursorNotFound', `cursor id ${id} not found`);
        const batch = cursor.documents.splice(0, number(c.batchSize) || 100000);
        if (!cursor.documents.length) cursors.delete(id);
        return {
            cursor: { nextBatch: batch, id: Long.fromNumber(cursor.documents.length ? id : 0), ns: cursor.namespace },
            ok: 1,
        };
    },

    killCursors(c) {
        for (const id of c.cursors) cursors.delete(number(id));
        return { cursorsKilled: c.cursors, ok: 1 };
    },

    update(c, database) {
        const namespace = namespaceOf(database, c.update),
            upserted = [];
        let n = 0,
            nModified = 0;
        for (const [index, { q, u, multi, upsert }] of c.updates.entries()) {
            const found = documentsOf(namespace)
                .filter((one) => matches(one, q))
                .slice(0, multi ? undefined : 1);
            for (const document of found) nModified += change(document, u);
            n += found.length;
            if (found.length || !upsert) continue;
            const made = { _id: new ObjectId(), ...q };
            change(made, u);
            insert(namespace, [made]);
            upserted.push({ index, _id: made._id });
            n++;
        }
        return { n, nModified, ...(upserted.length ? { upserted } : {}), ok: 1 };
    },

    delete(c, database) {
        const namespace = namespaceOf(database, c.delete);
        let n = 0;
        for (const { q, limit } of c.deletes) {
            let left = limit || Infinity;
            const kept = documentsOf(namespace).filter((one) => !(matches(one, q) && left-- > 0));
            n += documentsOf(namespace).length - kept.length;
            collections.set(namespace, kept);
        }
        return { n, ok: 1 };
    },

    findAndModify(c, database) {
        const namespace = namespaceOf(database, c.findAndModify),
            found = documentsOf(namespace).find((one) => matches(one, c.query));
        if (!found) return { lastErrorObject: { n: 0, updatedExisting: false }, value: null, ok: 1 };
        const before = BSON.deserialize(BSON.serialize(found));
        if (c.remove)
            collections.set(
                namespace,
                documentsOf(namespace).filter((one) => one !== found),
            );
        else change(found, c.update);
        return {
            lastErrorObject: { n: 1, ...(c.remove ? {} : { updatedExisting: true }) },
            value: c.new ? found : before,
            ok: 1,
        };
    },

    aggregate(c, database) {
        const documents = aggregate([...documentsOf(namespaceOf(database, c.aggregate))], c.pipeline);
        return cursorReply(namespaceOf(database, c.aggregate), documents, number(c.cursor && c.cursor.batchSize) || BATCH);
    },

    count: (c, database) => ({
        n: documentsOf(namespaceOf(database, c.count)).filter((one) => matches(one, c.query)).length,
        ok: 1,
    }),

    distinct(c, database) {
        const values = documentsOf(namespaceOf(database, c.distinct))
            .filter((one) => matches(one, c.query))
            .map((one) => one[c.key]);
        return { values: [...new Set(values)], ok: 1 };
    },

    listCollections(c, database) {
        const found = [...collections.keys()].filter((name) => name.startsWith(`${database}.`));
        return cursorReply(
            `${database}.$cmd.listCollections`,
            found.map((name) => ({ name: name.slice(database.length + 1), type: 'collection' })),
            BATCH,
        );
    },

    listDatabases: () => ({
        databases: [...new Set([...collections.keys()].map((name) => name.split('.')[0]))].map((name) => ({ name })),
        ok: 1,
    }),
    listIndexes: (c, database) =>
        cursorReply(namespaceOf(database, c.listIndexes), [{ v: 2, key: { _id: 1 }, name: '_id_' }], BATCH),
    createIndexes: () => ({ numIndexesBefore: 1, numIndexesAfter: 2, ok: 1 }),
    createUser: () => ({ ok: 1 }),

    create(c, database) {
        if (collections.has(namespaceOf(database, c.create)))
            throw new CommandError(48, 'NamespaceExists', 'Collection already exists.');
        collections.set(namespaceOf(database, c.create), []);
        return { ok: 1 };
    },

    drop(c, database) {
        if (!collections.delete(namespaceOf(database, c.drop))) throw new CommandError(26, 'NamespaceNotFound', 'ns not found');
        return { nIndexesWas: 1, ns: namespaceOf(database, c.drop), ok: 1 };
    },
};

// A cursor over documents that are left; its number.
function keepCursor(namespace, documents) {
    const id = nextCursor++;
    cursors.set(id, { namespace, documents });
    return id;
}

module.exports = { BATCH, COMMANDS, COMPRESSORS, CommandError, cursors, documentsOf, hello, insert, keepCursor, matches };
