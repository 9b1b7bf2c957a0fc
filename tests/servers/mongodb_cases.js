// Drives a MongoDB server with npm's driver, and with messages as old drivers sent them.  The driver's own events
// tell what it asked and what it got.
//
//     NODE_PATH=FOLDER/node_modules node mongodb_cases.js PORT EVENTS    EVENTS gets {started, succeeded, failed, documents,
//     changed, logins, refused, software, people}
'use strict';
const fs = require('fs');
const net = require('net');
const { BSON, MongoClient } = require('mongodb');
const { version } = require('mongodb/package.json');

const [port, eventsFile] = process.argv.slice(2);
const SECRET = 'Xq7Secret'; // in passwords, filters and documents: must be nowhere in what seepwatch writes
const events = {
    started: {},
    succeeded: {},
    failed: {},
    documents: {},
    changed: {},
    unanswered: 0,
    logins: 0,
    refused: 0,
    software: `nodejs ${version} billing`,
    people: [], // of the collection of that name: each command, and the customers in it
};

const add = (to, name, count = 1) => {
    to[name] = (to[name] || 0) + count;
};

function listen(client) {
    const silent = new Set();
    client.on('commandStarted', ({ commandName, command, requestId }) => {
        add(events.started, commandName);
        if (command.writeConcern && command.writeConcern.w === 0) silent.add(requestId);
    });
    client.on('commandFailed', ({ commandName }) => add(events.failed, commandName));
    client.on('commandSucceeded', ({ commandName, reply, requestId }) => {
        if (silent.has(requestId)) {
            events.unanswered++;
            return;
        }
        const batch = reply.cursor && (reply.cursor.firstBatch || reply.cursor.nextBatch);
        add(reply.writeErrors ? events.failed : events.succeeded, commandName);
        add(
            events.documents,
            commandName,
            (batch || reply.values || reply.databases || []).length + (commandName === 'findAndModify' && reply.value ? 1 : 0),
        );
        if (commandName === 'insert' || commandName === 'delete') add(events.changed, commandName, reply.n);
        if (commandName === 'update') add(events.changed, commandName, reply.nModified + (reply.upserted || []).length);
        if (commandName === 'findAndModify') add(events.changed, commandName, reply.lastErrorObject.n);
    });
}

async function open(options = {}) {
    const client = new MongoClient(`mongodb://127.0.0.1:${port}/`, {
        appName: 'billing',
        monitorCommands: true,
        maxPoolSize: 1,
        ...options,
    });
    listen(client);
    await client.connect();
    return client;
}

async function fails(promise) {
    try {
        await promise;
    } catch {
        return;
    }
    throw new Error('it should have failed');
}

const customers = (from, count) =>
    Array.from({ length: count }, (_, n) => ({
        _id: from + n,
        msisdn: SECRET + (from + n),
        plan: ['basic', 'family', 'business'][n % 3],
        age: n % 90,
        calls: [
            { to: SECRET, seconds: n },
            { to: SECRET, seconds: 2 * n },
            { to: SECRET, seconds: n },
        ],
        note: SECRET.repeat(n % 20),
    }));

// What an application does, whatever the compressor.
async function everyday(client) {
    const db = client.db('crm'),
        all = db.collection('customers');
    await all.drop().catch(() => {});
    await all.insertMany(customers(0, 1000));
    for (const batchSize of [1, 7, 100, 500, 5000])
        await all.find({ plan: 'family', age: { $gt: 10 } }, { batchSize }).toArray();
    await all.find({}).limit(350).toArray();
    await all.find({ nothing: SECRET }).toArray();
    await all.findOne({ msisdn: `${SECRET}7` });
    const cursor = all.find({ $or: [{ age: 3 }, { age: 4 }] }, { batchSize: 2 });
    await cursor.next();
    await cursor.close();
    await all.updateMany({ plan: 'basic' }, { $set: { note: SECRET } });
    await all.updateMany({ plan: 'basic' }, { $set: { note: SECRET } }); // changes nothing
    await all.updateOne({ _id: 5000 }, { $set: { note: SECRET } }, { upsert: true });
    await all.replaceOne({ _id: 3 }, { msisdn: SECRET });
    await all.findOneAndUpdate({ _id: 4 }, { $inc: { age: 1 } });
    await all.findOneAndDelete({ _id: 'nobody' });
    await all.deleteMany({ age: { $in: [1, 2, 3] } });
    await all
        .aggregate([{ $match: { plan: 'family' } }, { $lookup: { from: 'customers', as: 'others' } }], { batchSize: 40 })
        .toArray();
    await all.aggregate([{ $match: { plan: 'basic' } }, { $out: 'copies' }]).toArray();
    await all.countDocuments({ plan: 'business' });
    await all.estimatedDocumentCount();
    await all.distinct('plan', {});
    await db.listCollections().toArray();
    await client.db('admin').command({ listDatabases: 1 });
    await client.db('other').collection('things').insertOne({ a: SECRET });
    await all.createIndex({ msisdn: 1 });
    await all.indexes();
    await db.command({ ping: 1 });
    await all.bulkWrite([
        { insertOne: { document: { _id: 7000, a: SECRET } } },
        { updateOne: { filter: { _id: 7000 }, update: { $set: { a: 1 } } } },
        { deleteOne: { filter: { _id: 7000 } } },
    ]);
}

// Customers, in filters and in documents: one, some hundred, ten thousand, and again.
async function people(client) {
    const all = client.db('crm').collection('people');
    const msisdn = (n) => `4670${String(n).padStart(7, '0')}`;
    const some = (count) => Array.from({ length: count }, (_, n) => msisdn(n));
    const told = (name, count) => events.people.push([name, count]);
    await all.insertMany(
        Array.from({ length: 10000 }, (_, n) => ({
            _id: n,
            name: { first: 'Ann', born: new Date(0) },
            lines: [{ msisdn: msisdn(n), text: 'x'.repeat(n % 300) }, { plan: 1.5 }],
            email: `n${n}@example.org`,
        })),
    );
    told('insert', 10000);
    await all.findOne({ _id: 5 });
    told('find', 1);
    await all.findOne({ 'lines.msisdn': msisdn(99999) });
    told('find', 1);
    await all.find({ msisdn: { $in: some(100) } }, { batchSize: 1000 }).toArray();
    told('find', 100);
    await all.find({}, { batchSize: 500 }).limit(1500).toArray();
    for (const name of ['find', 'getMore', 'getMore']) told(name, 500);
    await all.find({}, { batchSize: 20000 }).toArray();
    told('find', 10000);
    await all.find({ $or: some(50).map((one) => ({ msisdn: one })) }).toArray();
    told('find', 50);
    await all.aggregate([{ $match: { msisdn: { $in: some(7) } } }]).toArray();
    told('aggregate', 7);
    await all.bulkWrite(some(60).map((one) => ({ updateOne: { filter: { msisdn: one }, update: { $set: { plan: 2 } } } })));
    told('update', 60);
    await all.deleteMany({ msisdn: msisdn(3) });
    told('delete', 1);
    await all.find({ msisdn: { $gt: msisdn(3) } }).toArray(); // not one of them
    await all.drop();
}

async function mistakes(client) {
    const all = client.db('crm').collection('customers');
    await fails(all.insertOne({ _id: 10, msisdn: SECRET }));
    await fails(all.insertMany([{ _id: 8000 }, { _id: 11 }, { _id: 8001 }], { ordered: false }));
    await fails(all.find({ $nothing: SECRET }).toArray());
    await fails(client.db('crm').command({ noSuchCommand: SECRET }));
    await fails(client.db('crm').createCollection('customers'));
    await fails(all.aggregate([{ $nothing: SECRET }]).toArray());
    await client.db('crm').command({ createUser: SECRET, pwd: SECRET, roles: [] });
}

async function logins() {
    for (const username of ['agent', 'odd,na=me']) {
        const client = await open({ auth: { username, password: SECRET } });
        events.logins++;
        await client.db('crm').collection('customers').find({ msisdn: SECRET }).toArray();
        await client.close();
    }
    const plain = await open({ auth: { username: 'agent', password: SECRET }, authMechanism: 'PLAIN' });
    events.logins++;
    await plain.db('crm').command({ ping: 1 });
    await plain.close();
    for (const auth of [
        { username: 'agent', password: `wrong${SECRET}` },
        { username: 'nobody', password: SECRET },
    ]) {
        const client = new MongoClient(`mongodb://127.0.0.1:${port}/`, {
            auth,
            maxPoolSize: 1,
            serverSelectionTimeoutMS: 2000,
        });
        await fails(client.connect());
        events.refused++;
        await client.close();
    }
}

// --- old drivers, and what npm's driver does not do

class Raw {
    static async open() {
        const raw = new Raw();
        raw.socket = net.connect(Number(port), '127.0.0.1');
        raw.socket.setNoDelay(true);
        raw.id = 1;
        raw.kept = Buffer.alloc(0);
        await new Promise((resolve) => raw.socket.once('connect', resolve));
        return raw;
    }

    send(opcode, ...parts) {
        const body = Buffer.concat(parts),
            head = Buffer.alloc(16);
        [16 + body.length, this.id++, 0, opcode].forEach((value, n) => head.writeInt32LE(value, 4 * n));
        this.socket.write(Buffer.concat([head, body]));
    }

    async receive() {
        while (this.kept.length < 4 || this.kept.length < this.kept.readInt32LE(0)) {
            const data = await new Promise((resolve) => this.socket.once('data', resolve));
            this.kept = Buffer.concat([this.kept, data]);
        }
        const message = this.kept.subarray(0, this.kept.readInt32LE(0));
        this.kept = this.kept.subarray(message.length);
        return message;
    }
}

const int = (value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    return bytes;
};
const text = (value) => Buffer.from(`${value}\0`);
const bson = (document) => BSON.serialize(document);

async function oldDriver() {
    const raw = await Raw.open();
    raw.send(2004, int(0), text('admin.$cmd'), int(0), int(-1), bson({ isMaster: 1 }));
    await raw.receive();
    raw.send(2004, int(0), text('crm.customers'), int(0), int(50), bson({ $query: { plan: 'family' }, $orderby: { age: 1 } }));
    for (let reply = await raw.receive(); reply.readBigInt64LE(20) !== 0n; reply = await raw.receive())
        raw.send(2005, int(0), text('crm.customers'), int(60), reply.subarray(20, 28));
    raw.send(2005, int(0), text('crm.customers'), int(60), Buffer.alloc(8, 1)); // no such cursor
    await raw.receive();
    raw.send(2002, int(0), text('crm.customers'), bson({ _id: 'old', msisdn: SECRET }));
    raw.send(2001, int(0), text('crm.customers'), int(0), bson({ _id: 'old' }), bson({ $set: { msisdn: SECRET } }));
    raw.send(2006, int(0), text('crm.customers'), int(1), bson({ _id: 'old' }));
    raw.send(2007, int(0), int(1), Buffer.alloc(8, 1));
    raw.send(
        2004,
        int(0),
        text('crm.$cmd'),
        int(0),
        int(-1),
        bson({ $query: { count: 'customers', query: { age: 5 } }, $readPreference: { mode: 'nearest' } }),
    );
    await raw.receive();
    raw.socket.end();
}

// A cursor that the server empties unasked, with checksums; many requests that wait together.
async function exhaust() {
    const raw = await Raw.open();
    const ask = (flags, command) => raw.send(2013, int(flags | 1), Buffer.from([0]), bson({ ...command, $db: 'crm' }), int(0));
    ask(0, { find: 'customers', filter: { plan: 'family' }, batchSize: 10 });
    const first = BSON.deserialize((await raw.receive()).subarray(21), { promoteLongs: false });
    ask(1 << 16, { getMore: first.cursor.id, collection: 'customers', batchSize: 30 });
    while ((await raw.receive()).readInt32LE(16) & 2);
    for (let n = 0; n < 300; n++) ask(0, n % 2 ? { ping: 1 } : { find: 'customers', filter: { _id: n } });
    for (let n = 0; n < 300; n++) await raw.receive();
    raw.socket.end();
}

async function large(client) {
    const all = client.db('crm').collection('large');
    await all.insertMany(Array.from({ length: 40 }, (_, n) => ({ _id: n, text: SECRET.repeat(45000) })));
    await all.find({}, { batchSize: 1000 }).toArray();
    await all.insertMany(Array.from({ length: 100000 }, (_, n) => ({ _id: `s${n}` })));
    await all.find({ _id: { $exists: true } }, { batchSize: 1000000 }).toArray();
}

async function main() {
    for (const compressors of [[], ['zlib'], ['snappy'], ['zstd']]) {
        const client = await open({ compressors });
        await everyday(client);
        await people(client);
        await client.close();
    }
    const client = await open();
    await mistakes(client);
    await large(client);
    await client.close();
    const silent = await open({ writeConcern: { w: 0 } });
    await silent.db('crm').collection('customers').insertOne({ _id: 'silent', msisdn: SECRET });
    await silent.close();
    const together = await open({ maxPoolSize: 10 });
    await Promise.all(
        Array.from({ length: 200 }, (_, n) =>
            together
                .db('crm')
                .collection('customers')
                .find({ age: n % 90 }, { batchSize: 3 })
                .toArray(),
        ),
    );
    await together.close();
    await logins();
    await oldDriver();
    await exhaust();
    await new Promise((resolve) => setTimeout(resolve, 300));
    fs.writeFileSync(eventsFile, JSON.stringify(events));
}

main().catch((error) => {
    console.error(String(error.stack).slice(0, 2000));
    process.exit(1);
});
