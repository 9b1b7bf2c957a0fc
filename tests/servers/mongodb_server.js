// A small MongoDB server to record against: the wire protocol with its compressors, the commands of mongodb_commands.js,
// and the opcodes of old drivers.  It counts what it did, and what passed over its sockets.
//
//     NODE_PATH=FOLDER/node_modules node mongodb_server.js PORT COUNTS    ends with SIGTERM; COUNTS
//     gets what `counts` below has
//
// https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/
'use strict';
const fs = require('fs');
const net = require('net');
const zlib = require('zlib');
const { BSON } = require('bson');
const snappy = require('snappy');
const zstd = require('@mongodb-js/zstd');
const {
    BATCH,
    COMMANDS,
    COMPRESSORS,
    CommandError,
    cursors,
    documentsOf,
    hello,
    insert,
    keepCursor,
    matches,
} = require('./mongodb_commands.js');

const OP = {
    REPLY: 1,
    UPDATE: 2001,
    INSERT: 2002,
    QUERY: 2004,
    GET_MORE: 2005,
    DELETE: 2006,
    KILL_CURSORS: 2007,
    COMPRESSED: 2012,
    MSG: 2013,
};
const CHECKSUM = 1;
const MORE_TO_COME = 2;
const EXHAUST_ALLOWED = 1 << 16;
const NEVER_COMPRESSED = /^(hello|ismaster|sasl.*|getnonce|authenticate|createuser|updateuser)$/i;
const HELLO_EVERY_MS = 300;

const [port, countsFile] = process.argv.slice(2);
// commands by name, steps of logins apart; sent: replies, of which `unasked` are more than one to a request
const counts = {
    commands: {},
    steps: 0,
    sent: 0,
    unasked: 0,
    failures: 0,
    documents: 0,
    changed: 0,
    logins: 0,
    refused: 0,
    bytes: { client: 0, server: 0 },
};
let nextId = 1;

BSON.setInternalBufferSize(48 << 20); // a reply at its largest

// What a reply brings and changes, by the protocol's documentation and not by its bytes.
function account(name, reply) {
    const batch = reply.cursor && (reply.cursor.firstBatch || reply.cursor.nextBatch);
    counts.documents += (batch || reply.values || reply.databases || []).length;
    if (name === 'findAndModify' && reply.lastErrorObject) {
        counts.documents += reply.value ? 1 : 0;
        counts.changed += reply.lastErrorObject.n;
    }
    if (name === 'insert' || name === 'delete') counts.changed += reply.n || 0;
    if (name === 'update') counts.changed += (reply.nModified || 0) + (reply.upserted || []).length;
    if (!reply.ok && reply.code === 18) counts.refused++;
    else if (!reply.ok || reply.writeErrors) counts.failures++;
    if (name.startsWith('sasl')) {
        counts.logins += reply.ok && reply.done ? 1 : 0;
        counts.steps++;
    } else {
        counts.commands[name] = (counts.commands[name] || 0) + 1;
    }
}

function run(c, database, connection) {
    const [name] = Object.keys(c);
    let reply;
    try {
        if (!COMMANDS[name]) throw new CommandError(59, 'CommandNotFound', `no such command: '${name}'`);
        reply = COMMANDS[name](c, database, connection);
    } catch (error) {
        if (!(error instanceof CommandError)) throw error;
        reply = { ok: 0, errmsg: error.message, code: error.code, codeName: error.codeName };
    }
    account(name, reply);
    return reply;
}

// --- messages

function frame(opcode, replyTo, body, id = nextId++) {
    const head = Buffer.alloc(16);
    [16 + body.length, id, replyTo, opcode].forEach((value, n) => head.writeInt32LE(value, 4 * n));
    return Buffer.concat([head, body]);
}

async function send(connection, opcode, replyTo, body, id, compressor) {
    const number = COMPRESSORS.indexOf(compressor);
    if (number > 0) {
        const head = Buffer.alloc(9);
        head.writeInt32LE(opcode, 0);
        head.writeInt32LE(body.length, 4);
        head[8] = number;
        const packed =
            number === 1 ? snappy.compressSync(body) : number === 2 ? zlib.deflateSync(body) : await zstd.compress(body);
        [body, opcode] = [Buffer.concat([head, packed]), OP.COMPRESSED];
    }
    if (!connection.socket.writable) return;
    connection.socket.write(frame(opcode, replyTo, body, id));
    counts.sent++;
}

function msgBody(reply, flags = 0) {
    const head = Buffer.alloc(5);
    head.writeInt32LE(flags, 0);
    return Buffer.concat([head, BSON.serialize(reply)]);
}

function replyBody(documents, cursor = 0, flags = 8) {
    const head = Buffer.alloc(20);
    head.writeInt32LE(flags, 0);
    head.writeBigInt64LE(BigInt(cursor), 4);
    head.writeInt32LE(documents.length, 16);
    return Buffer.concat([head, ...documents.map((one) => BSON.serialize(one))]);
}

function readMsg(body) {
    const flags = body.readInt32LE(0),
        end = body.length - (flags & CHECKSUM ? 4 : 0),
        sequences = {};
    let c,
        at = 4;
    while (at < end) {
        const kind = body[at++],
            size = body.readInt32LE(at);
        if (kind === 0) c = BSON.deserialize(body.subarray(at, at + size), { promoteBuffers: false });
        else {
            const zero = body.indexOf(0, at + 4),
                documents = [];
            for (let from = zero + 1; from < at + size; from += body.readInt32LE(from))
                documents.push(BSON.deserialize(body.subarray(from, from + body.readInt32LE(from))));
            sequences[body.toString('utf8', at + 4, zero)] = documents;
        }
        at += size;
    }
    return { flags, c: Object.assign(c, sequences) };
}

async function onMsg(connection, id, body, compressor) {
    const { flags, c } = readMsg(body),
        [name] = Object.keys(c),
        { changed } = counts;
    const reply = run(c, c.$db, connection);
    if (flags & MORE_TO_COME) {
        counts.changed = changed; // nobody is told
        return;
    }
    if (NEVER_COMPRESSED.test(name)) compressor = undefined;
    if (!(flags & EXHAUST_ALLOWED)) return send(connection, OP.MSG, id, msgBody(reply), nextId++, compressor);
    if (name === 'getMore') return sendBatches(connection, id, c, reply, compressor);
    let last = nextId++;
    await send(connection, OP.MSG, id, msgBody(reply, MORE_TO_COME), last);
    connection.timer = setInterval(() => {
        const next = nextId++;
        counts.unasked++;
        send(connection, OP.MSG, last, msgBody(hello(), MORE_TO_COME), next);
        last = next;
    }, HELLO_EVERY_MS);
}

// An exhaust cursor: all batches, one behind the other.
async function sendBatches(connection, id, c, reply, compressor) {
    for (let to = id; ; reply = COMMANDS.getMore(c)) {
        const more = reply.ok && !reply.cursor.id.isZero(),
            own = nextId++;
        if (to !== id) {
            counts.unasked++;
            counts.documents += reply.cursor.nextBatch.length;
        }
        await send(connection, OP.MSG, to, msgBody(reply, more ? MORE_TO_COME : 0), own, compressor);
        if (!more) return;
        to = own;
    }
}

// The opcodes of old drivers.  Writes have no reply.
function onOld(connection, opcode, id, body) {
    const zero = body.indexOf(0, 4),
        namespace = body.toString('utf8', 4, zero),
        [database] = namespace.split('.');
    const documents = (from) => {
        const all = [];
        for (; from < body.length; from += body.readInt32LE(from))
            all.push(BSON.deserialize(body.subarray(from, from + body.readInt32LE(from)), { promoteBuffers: false }));
        return all;
    };
    const tell = (name) => {
        counts.commands[name] = (counts.commands[name] || 0) + 1;
    };
    const batch = (found, size) => {
        const left = found.splice(size);
        const kept = left.length ? keepCursor(namespace, left) : 0;
        counts.documents += found.length;
        return send(connection, OP.REPLY, id, replyBody(found, kept));
    };
    if (opcode === OP.QUERY && namespace.endsWith('.$cmd')) {
        const [c] = documents(zero + 9);
        return send(connection, OP.REPLY, id, replyBody([run(c.$query || c, database, connection)]));
    }
    if (opcode === OP.QUERY) {
        const [c] = documents(zero + 9),
            size = Math.abs(body.readInt32LE(zero + 5)) || BATCH;
        tell('find');
        return batch(
            documentsOf(namespace).filter((one) => matches(one, c.$query || c)),
            size,
        );
    }
    if (opcode === OP.GET_MORE) {
        const cursor = Number(body.readBigInt64LE(zero + 5)),
            known = cursors.get(cursor);
        tell('getMore');
        cursors.delete(cursor);
        if (known) return batch(known.documents, body.readInt32LE(zero + 1) || BATCH);
        counts.failures++;
        return send(connection, OP.REPLY, id, replyBody([], 0, 1));
    }
    if (opcode === OP.INSERT) insert(namespace, documents(zero + 1));
    if (opcode === OP.UPDATE) {
        const [q, u] = documents(zero + 5);
        COMMANDS.update({ update: namespace.slice(database.length + 1), updates: [{ q, u }] }, database);
    }
    if (opcode === OP.DELETE)
        COMMANDS.delete({ delete: namespace.slice(database.length + 1), deletes: [{ q: documents(zero + 5)[0] }] }, database);
    tell({ [OP.INSERT]: 'insert', [OP.UPDATE]: 'update', [OP.DELETE]: 'delete' }[opcode] || 'killCursors');
    return undefined;
}

async function onMessage(connection, message) {
    let opcode = message.readInt32LE(12),
        body = message.subarray(16),
        compressor;
    const id = message.readInt32LE(4);
    if (opcode === OP.COMPRESSED) {
        opcode = body.readInt32LE(0);
        compressor = COMPRESSORS[body[8]];
        const packed = body.subarray(9);
        body =
            compressor === 'snappy'
                ? snappy.uncompressSync(packed, { asBuffer: true })
                : compressor === 'zlib'
                  ? zlib.inflateSync(packed)
                  : compressor === 'zstd'
                    ? await zstd.decompress(packed)
                    : packed;
    }
    return opcode === OP.MSG ? onMsg(connection, id, body, compressor) : onOld(connection, opcode, id, body);
}

const server = net.createServer((socket) => {
    const connection = { socket, kept: [], len: 0, work: Promise.resolve() };
    socket.setNoDelay(true);
    socket.on('data', (data) => {
        connection.kept.push(data);
        connection.len += data.length;
        while (connection.len >= 4) {
            const all =
                connection.kept.length > 1 && connection.kept[0].length < 16
                    ? Buffer.concat(connection.kept)
                    : connection.kept[0];
            if (all !== connection.kept[0]) connection.kept = [all];
            if (all.length < 4 || connection.len < all.readInt32LE(0)) return;
            const whole = connection.kept.length > 1 ? Buffer.concat(connection.kept) : all,
                size = whole.readInt32LE(0);
            connection.kept = [whole.subarray(size)];
            connection.len = whole.length - size;
            const message = whole.subarray(0, size);
            connection.work = connection.work.then(() => onMessage(connection, message));
        }
    });
    socket.on('close', () => {
        clearInterval(connection.timer);
        counts.bytes.client += socket.bytesRead;
        counts.bytes.server += socket.bytesWritten;
    });
    socket.on('error', () => {});
});

process.on('SIGTERM', () => {
    fs.writeFileSync(countsFile, JSON.stringify(counts));
    process.exit(0);
});
server.listen(Number(port), '127.0.0.1', () => console.log('listening'));
