// What npm's oracledb needs of an Oracle server, and no more: Oracle publishes no specification, so that this rests on
// what the driver sends and accepts.  It knows nothing of seepwatch.  Statements are not executed: their words say what
// comes back ("rownum <= 500", "from lobs", "missing", "set 7 rows").
//
//     node tns_server.js PORT PROFILE    19: separate negotiations, replies without an end of their own;
//                                        23: fast authentication, tokens, ends of replies, pipelines;
//                                        12: as 19, of 12.1
const net = require('net');
const crypto = require('crypto');

const USER = 'AGENT', PASSWORD = 'hunter2-password';
const PROFILES = {
    12: { tns: 315, fields: 7, flags: 0, unit: 8192, zone: 0 },
    19: { tns: 318, fields: 13, flags: 0, unit: 8192, zone: 0 },
    23: { tns: 319, fields: 24, flags: 0x12000000, unit: 65535, zone: 1 },
};
const CONNECT = 1, ACCEPT = 2, REFUSE = 4, DATA = 6, RESEND = 11, MARKER = 12;
const NUMBER = 2, VARCHAR = 1, DATE = 12, RAW = 23, LONG = 8, ROWID = 11, CLOB = 112, TIMESTAMP = 180, DOUBLE = 101;

class Reader {
    constructor(buffer) { this.b = buffer; this.at = 0; }
    byte() { return this.b[this.at++]; }
    raw(n) { this.at += n; return this.b.subarray(this.at - n, this.at); }
    number() {
        let n = 0;
        for (const byte of this.raw(this.byte() & 0x7f)) n = n * 256 + byte;
        return n;
    }
    text() {
        const first = this.byte();
        if (first === 0 || first === 255) return null;
        if (first !== 254) return Buffer.from(this.raw(first));
        const parts = [];
        for (let n = this.number(); n > 0; n = this.number()) parts.push(Buffer.from(this.raw(n)));
        return Buffer.concat(parts);
    }
    sized() { return this.number() > 0 ? this.text() : null; }
    left() { return this.b.length - this.at; }
}

class Writer {
    constructor() { this.parts = []; }
    raw(buffer) { this.parts.push(buffer); return this; }
    bytes(...values) { return this.raw(Buffer.from(values)); }
    number(n) {
        const digits = [];
        for (; n > 0; n = Math.floor(n / 256)) digits.unshift(n % 256);
        return this.bytes(digits.length, ...digits);
    }
    numbers(...all) { all.forEach((n) => this.number(n)); return this; }
    text(value) {
        const b = Buffer.from(value);
        if (b.length <= 252) return this.bytes(b.length).raw(b);
        this.bytes(254);
        for (let at = 0; at < b.length; at += 32767) {
            const part = b.subarray(at, at + 32767);
            this.number(part.length).raw(part);
        }
        return this.bytes(0);
    }
    sized(value) { return value ? this.number(Buffer.byteLength(value)).text(value) : this.number(0); }
    done() { return Buffer.concat(this.parts); }
}

function oracleNumber(n) {
    if (n === 0) return Buffer.from([0x80]);
    const digits = [];
    for (; n > 0; n = Math.floor(n / 100)) digits.unshift(n % 100);
    const exponent = digits.length;
    while (digits[digits.length - 1] === 0) digits.pop();
    return Buffer.from([0xc0 + exponent, ...digits.map((d) => d + 1)]);
}

function oracleDouble(n) {
    const b = Buffer.alloc(8);
    b.writeDoubleBE(n);
    b[0] |= 0x80;
    return b;
}

// Tables: columns [name, type, size], and the value of a row's column; null is null.
const PERSON = [['ID', NUMBER, 22], ['NAME', VARCHAR, 200], ['PHONE', VARCHAR, 40], ['BORN', DATE, 7], ['CITY', VARCHAR, 80]];
const MIXED = [['ID', NUMBER, 22], ['AT', TIMESTAMP, 11], ['SHARE', DOUBLE, 8], ['ROW_ID', ROWID, 18], ['KEY', RAW, 16],
    ['EMPTY', VARCHAR, 0], ['NOTHING', VARCHAR, 40]];
const TABLES = {
    customers: PERSON,
    mixed: MIXED,
    wide: Array.from({ length: 300 }, (_, n) => [`C${n}`, n % 2 ? VARCHAR : NUMBER, 100]),
    notes: [['ID', NUMBER, 22], ['NOTE', VARCHAR, 32767]],
    letters: [['ID', NUMBER, 22], ['LETTER', LONG, 0]],
    lobs: [['ID', NUMBER, 22], ['BODY', CLOB, 4000]],
    subscribers: [['NAME', VARCHAR, 200], ['MSISDN', VARCHAR, 40], ['CUSTOMER_ID', NUMBER, 22], ['NOTE', VARCHAR, 80]],
};

// Columns whose values are often those of the row before, and are then not sent.
const REPEATED = ['CITY', 'MSISDN', 'CUSTOMER_ID'];
const isSame = (a, b) => (Buffer.isBuffer(a) ? a.equals(b) : a === b);
const customer = (n) => Math.floor(n / 3) * 7 % 300; // three rows each, made up

function value(column, n) {
    const [name, type] = column;
    if (name === 'NOTHING') return null;
    if (name === 'CITY') return `hunter2-town-${Math.floor(n / 3)}`; // often that of the row before
    if (name === 'MSISDN') return customer(n) % 5 ? `4670${String(customer(n)).padStart(7, '0')}` : null;
    if (name === 'CUSTOMER_ID') return oracleNumber(100000 + customer(n));
    if (name === 'NOTE') return 'hunter2-note '.repeat(1 + n * 397 % 2500);
    if (name === 'LETTER') return 'hunter2-letter '.repeat(1 + n * 911 % 9000);
    switch (type) {
        case NUMBER: return oracleNumber(n);
        case DATE: return Buffer.from([120, 100 + n % 50, 1 + n % 12, 1 + n % 28, 1, 1, 1]);
        case TIMESTAMP: return Buffer.from([120, 120, 5, 1 + n % 28, 1, 2, 3, 0, 0, 0, 1]);
        case DOUBLE: return oracleDouble(n / 7);
        case RAW: return crypto.createHash('md5').update(`${n}`).digest();
        default: return `hunter2-${name}-${n}`;
    }
}

function writeValue(w, column, n) {
    const [, type, size] = column;
    if (size === 0 && type !== LONG) return;
    if (type === ROWID) { w.bytes(13).numbers(n + 1, 5).bytes(0).numbers(77, n % 1000); return; }
    if (type === CLOB) { w.number(40).number(lobText(n).length).number(8060).text(locator(n)); return; }
    const v = value(column, n);
    if (v === null) w.bytes(n % 2 ? 0 : 255); else w.text(v);
    if (type === LONG) w.numbers(0, 0);
}

const lobText = (n) => 'hunter2-body '.repeat(100 + n * 37);
const locator = (n) => { const b = Buffer.alloc(40, 7); b.writeUInt32BE(n, 20); b[6] = b[7] = 0; return b; };

class Session {
    constructor(socket, profile) {
        Object.assign(this, { socket, profile, input: Buffer.alloc(0), request: [], cursors: new Map(), large: false,
            asked: 0, packets: 0 });
        this.fields = 0;
        socket.on('data', (data) => this.take(data));
        socket.on('error', () => {});
    }

    take(data) {
        this.input = Buffer.concat([this.input, data]);
        while (this.input.length >= 8) {
            const length = this.large ? this.input.readUInt32BE(0) : this.input.readUInt16BE(0);
            if (this.input.length < length) return;
            const packet = this.input.subarray(0, length);
            this.input = this.input.subarray(length);
            this.packet(packet[4], packet);
        }
    }

    packet(type, packet) {
        if (type === CONNECT) this.connect(packet);
        if (type === MARKER) this.marker(packet);
        if (type !== DATA) return;
        if (this.awaited) { this.awaited = false; this.accept(packet.subarray(10)); return; }
        if (packet.length === 10) return; // the end
        this.request.push(Buffer.from(packet.subarray(10)));
        if (!(packet.readUInt16BE(8) & 0x800)) return;
        const request = Buffer.concat(this.request);
        this.request = [];
        this.message(new Reader(request));
    }

    send(type, body) {
        const head = Buffer.alloc(8);
        if (this.large) head.writeUInt32BE(8 + body.length, 0); else head.writeUInt16BE(8 + body.length, 0);
        head[4] = type;
        this.socket.write(Buffer.concat([head, body]));
    }

    connect(packet) {
        if (this.asked++ === 0 && this.profile.tns === 315) { this.send(RESEND, Buffer.alloc(0)); return; }
        const length = packet.readUInt16BE(24), at = packet.readUInt16BE(26);
        if (at + length > packet.length) { this.awaited = true; return; }
        this.accept(packet.subarray(at, at + length));
    }

    accept(text) {
        if (/SERVICE_NAME=nowhere/i.test(text.toString())) {
            const why = '(DESCRIPTION=(TMP=)(VSNNUM=318767104)(ERR=12514)(ERROR_STACK=(ERROR=(CODE=12514)(EMFI=4))))';
            const head = Buffer.alloc(4);
            head[0] = 34;
            head.writeUInt16BE(why.length, 2);
            this.send(REFUSE, Buffer.concat([head, Buffer.from(why)]));
            return;
        }
        const body = Buffer.alloc(37);
        const { tns, unit, flags } = this.profile;
        body.writeUInt16BE(tns, 0);
        body.writeUInt16BE(0x0801, 2);
        body.writeUInt16BE(Math.min(unit, 65535), 4);
        body.writeUInt16BE(65535, 6);
        body.writeUInt16BE(1, 8);
        body.writeUInt16BE(45, 12);
        body[14] = body[15] = 0x08; // no native services
        body.writeUInt32BE(unit, 24);
        body.writeUInt32BE(2097152, 28);
        body.writeUInt32BE(flags, 33);
        this.send(ACCEPT, body);
        this.large = true;
    }

    marker(packet) {
        if (packet[10] === 3) { // interrupted: break, then the client resets
            this.send(MARKER, Buffer.from([1, 0, 1]));
        } else if (packet[10] === 2) {
            this.send(MARKER, Buffer.from([1, 0, 2]));
            this.reply(new Writer().raw(this.status({ error: 1013 })));
        }
    }

    // --- replies

    reply(w) {
        const ends = this.fields >= 24;
        if (ends) w.bytes(29);
        const body = w.done(), room = this.profile.unit - 10;
        for (let at = 0; at < body.length; at += room) {
            const part = body.subarray(at, at + room), flags = Buffer.alloc(2);
            if (ends && at + room >= body.length) flags.writeUInt16BE(0x2000, 0);
            this.send(DATA, Buffer.concat([flags, part]));
        }
    }

    status({ error = 0, rows = 0, cursor = 0, type = 0, batch = [] } = {}) {
        const w = new Writer().bytes(4).numbers(0, 1, rows % 65536, error, 0, 0, cursor, 0);
        w.bytes(type, 0, 0, 0, 0, 0).numbers(1, 1).bytes(0).numbers(1, 1).number(0).bytes(0, 0).numbers(0, 0).number(0);
        w.number(batch.length);
        if (batch.length > 0) { w.bytes(batch.length); batch.forEach(([, code]) => w.number(code)); }
        w.number(batch.length);
        if (batch.length > 0) { w.bytes(batch.length); batch.forEach(([row]) => w.number(row)); }
        w.number(batch.length);
        if (batch.length > 0) {
            w.bytes(0);
            batch.forEach(([, code]) => w.number(40).text(`ORA-${String(code).padStart(5, '0')}: hunter2-batch\n`).bytes(0, 0));
        }
        if (this.fields === 0 || this.fields >= 7) w.numbers(error, rows);
        if (this.fields >= 14) w.numbers(type, 0);
        if (error) w.text(`ORA-${String(error).padStart(5, '0')}: hunter2-message\n`);
        return w.done();
    }

    describe(columns) {
        const w = new Writer().number(0).number(columns.length);
        if (columns.length > 0) w.bytes(0);
        columns.forEach(([name, type, size], n) => {
            w.bytes(type, 0, 0, 0).number(size).numbers(0, 0).number(0).numbers(0, 873).bytes(type === RAW || type === NUMBER ? 0 : 1);
            w.number(size);
            if (this.fields >= 8) w.number(0);
            w.bytes(1, name.length).sized(name).sized('').sized('').numbers(n, 0);
            if (this.fields >= 17) w.sized(n ? '' : 'SCOTT').sized(n ? '' : 'DOMAIN_OF_IT');
            if (this.fields >= 20) {
                w.number(n === 1 ? 1 : 0);
                if (n === 1) w.bytes(1).number(2).bytes(1).number(3).text('KEY').number(5).text('VALUE').number(0).number(3).text('FLAG').number(0).number(0).number(0);
            }
            if (this.fields >= 24) w.number(0).bytes(0, 0);
        });
        return w.number(7).text(Buffer.from([120, 120, 1, 1, 1, 1, 1])).numbers(0, 0, 0, 0).number(0).done();
    }

    rows(cursor, count) {
        const w = new Writer(), { columns } = cursor, last = Math.min(cursor.sent + count, cursor.rows);
        w.bytes(6, 0).numbers(columns.length, 0, count, 0).number(0).number(0);
        for (let first = cursor.sent; cursor.sent < last; cursor.sent++) {
            const n = cursor.sent, sent = columns.map((column) => n === first || !REPEATED.includes(column[0]) || !isSame(value(column, n), value(column, n - 1)));
            if (sent.includes(false)) {
                const bits = Buffer.alloc(Math.ceil(columns.length / 8));
                sent.forEach((is, i) => { if (is) bits[i >> 3] |= 1 << (i & 7); });
                w.bytes(21).number(sent.filter(Boolean).length).raw(bits);
            }
            w.bytes(7);
            columns.forEach((column, i) => { if (sent[i]) writeValue(w, column, n); });
        }
        const error = cursor.sent === cursor.rows ? 1403 : 0;
        return w.raw(this.status({ error, rows: cursor.sent, cursor: cursor.id, type: 3 })).done();
    }

    // --- requests

    message(r) {
        const type = r.byte();
        if (type === 1) { this.reply(this.protocol()); return; }
        if (type === 2) { this.reply(this.types(r)); return; }
        if (type === 34) { this.fast(r); return; }
        if (type === 19) { this.reply(new Writer().raw(this.status({}))); return; }
        if (type === 17) { this.piggyback(r); this.message(r); return; }
        const call = r.byte();
        r.byte();
        this.token = this.fields >= 18 ? r.number() : 0;
        this.call(type, call, r);
    }

    start() {
        const w = new Writer();
        return this.token ? w.bytes(33).number(this.token) : w;
    }

    protocol() {
        const caps = Buffer.alloc(53, 1), run = Buffer.from([2, this.profile.zone, 0, 0, 0, 0, 4]);
        caps[7] = this.profile.fields;
        caps[15] = 0x29;
        caps[16] = 0x90;
        caps[37] = 0xb8;
        caps[45] = 0;
        const fdo = Buffer.alloc(20);
        fdo.writeUInt16BE(2000, 9);
        return new Writer().bytes(1, 6, 0).raw(Buffer.from('Linuxi386/Linux-2.0.34-8.1.0\0')).bytes(0x69, 3, 1, 0, 0)
            .bytes(0, fdo.length).raw(fdo).text(caps).text(run);
    }

    types() {
        this.fields = this.profile.fields;
        const zone = this.profile.zone ? Buffer.from([0x80, 0, 0, 0, 60, 60, 60, 0x80, 0, 0, 0]) : Buffer.alloc(0);
        return new Writer().bytes(2).raw(zone).raw(Buffer.from([0, 1, 0, 1, 0, 1, 0, 0, 0, 2, 0, 2, 0, 10, 0, 0, 0, 3, 0, 0, 0, 0]));
    }

    fast(r) {
        // behind protocol and types, which are those of the driver, the first call of the login
        const text = r.b, at = text.lastIndexOf(Buffer.from([3, 118]));
        const w = this.protocol().raw(this.types().done());
        const inner = new Reader(text.subarray(at + 3));
        this.token = 0;
        this.login(118, inner, w);
    }

    piggyback(r) {
        const call = r.byte();
        r.byte();
        if (this.fields >= 18) r.number();
        if (call === 105 || call === 120) {
            r.byte();
            for (let n = r.number(); n > 0; n--) this.cursors.delete(r.number());
        } else if (call === 199) {
            r.number(); r.byte(); r.byte();
        } else if (call === 152) {
            r.byte(); r.sized();
        } else if (call === 135) {
            r.byte(); r.byte(); r.number();
            const lengths = [];
            const one = () => { r.byte(); lengths.push(r.number()); };
            one(); one(); one(); one(); r.byte(); r.number(); one(); r.byte(); r.number(); r.byte(); r.number(); one();
            lengths.forEach((n) => { if (n) r.text(); });
        } else {
            throw new Error(`piggyback ${call}`);
        }
    }

    login(call, r, w = this.start()) {
        if (call === 118) {
            r.byte();
            r.number(); r.number();
            r.raw(1);
            r.number();
            r.raw(2);
            this.user = r.text().toString();
            this.salt = crypto.randomBytes(16);
            this.mix = crypto.randomBytes(16);
            const speedy = crypto.pbkdf2Sync(PASSWORD, Buffer.concat([this.salt, Buffer.from('AUTH_PBKDF2_SPEEDY_KEY')]), 64, 64, 'sha512');
            this.hash = crypto.createHash('sha512').update(speedy).update(this.salt).digest().subarray(0, 32);
            this.keyA = crypto.randomBytes(32);
            this.reply(w.raw(this.pairs({ AUTH_SESSKEY: this.crypt(this.hash, this.keyA), AUTH_VFR_DATA: [this.salt.toString('hex'), 0x4815],
                AUTH_PBKDF2_CSK_SALT: this.mix.toString('hex').toUpperCase(), AUTH_PBKDF2_VGEN_COUNT: '64',
                AUTH_PBKDF2_SDER_COUNT: '3' })).raw(this.status({})));
            return;
        }
        const given = this.given(r), found = Buffer.from(given.AUTH_SESSKEY, 'hex');
        const keyB = this.crypt(this.hash, found, true);
        const mixed = Buffer.concat([keyB, this.keyA]).toString('hex').toUpperCase();
        const key = crypto.pbkdf2Sync(mixed, this.mix, 3, 32, 'sha512');
        const plain = this.crypt(key, Buffer.from(given.AUTH_PASSWORD, 'hex'), true).subarray(16).toString('latin1');
        if (this.user.toUpperCase() !== USER || !plain.startsWith(PASSWORD)) {
            this.reply(w.raw(this.status({ error: 1017 })));
            return;
        }
        const answer = this.crypt(key, Buffer.concat([crypto.randomBytes(16), Buffer.from('SERVER_TO_CLIENT')]));
        this.reply(w.raw(this.pairs({ AUTH_SVR_RESPONSE: answer, AUTH_VERSION_NO: '318767104', AUTH_SESSION_ID: '7', AUTH_SERIAL_NUM: '9',
            AUTH_SC_SERVICE_NAME: 'crm', AUTH_MAX_OPEN_CURSORS: '300', AUTH_DBNAME: 'CRM' })).bytes(23, 5).number(1).bytes(1).number(1).bytes(1)
            .number(5).text('EN_US').number(0).number(168).number(0).raw(this.status({})));
    }

    given(r) {
        const pairs = {};
        r.byte(); r.number(); r.number(); r.byte();
        let count = r.number();
        r.raw(2);
        this.user = r.text().toString();
        for (; count > 0; count--) {
            const name = r.sized().toString(), v = r.sized();
            pairs[name] = v ? v.toString() : '';
            r.number();
        }
        return pairs;
    }

    crypt(key, data, back = false) {
        const cipher = crypto[back ? 'createDecipheriv' : 'createCipheriv']('aes-256-cbc', key, Buffer.alloc(16)).setAutoPadding(false);
        const out = Buffer.concat([cipher.update(data), cipher.final()]);
        return back ? out : out.toString('hex').toUpperCase();
    }

    pairs(all) {
        const w = new Writer().bytes(8).number(Object.keys(all).length);
        for (const [name, v] of Object.entries(all)) {
            const [text, flag] = Array.isArray(v) ? v : [v, 0];
            w.number(name.length).text(name).number(text.length);
            if (text.length) w.text(text);
            w.number(flag);
        }
        return w.done();
    }

    call(type, call, r) {
        if (call === 115 || call === 118) { this.login(call, r); return; }
        if (call === 94) { this.execute(r); return; }
        if (call === 4 || call === 78) { this.again(call, r); return; }
        if (call === 5) {
            const cursor = this.cursors.get(r.number());
            this.reply(this.start().raw(this.rows(cursor, r.number())));
            return;
        }
        if (call === 96) { this.lob(r); return; }
        if (type === 26) return;
        this.reply(this.start().bytes(9).numbers(0, 1)); // commit, rollback, ping, the end, a pipeline's end
    }

    lob(r) {
        r.byte();
        const length = r.number();
        r.byte(); r.number(); r.number(); r.number();
        r.raw(3);
        const operation = r.number();
        r.raw(2);
        const from = r.number();
        r.number(); r.byte(); r.raw(6);
        const where = Buffer.from(r.raw(length)), text = lobText(where.readUInt32BE(20)), amount = r.left() ? r.number() : 0;
        const w = this.start(), part = text.substr(from - 1, amount);
        if (operation === 2) w.bytes(14).text(part);
        w.bytes(8).raw(where).number(operation === 2 ? part.length : 8060);
        this.reply(w.raw(this.status({})));
    }

    execute(r) {
        const options = r.number(), id = r.number(), has = r.byte(), length = r.number();
        r.byte(); r.number(); r.raw(2); r.number();
        const fetches = r.number();
        r.number(); r.byte();
        const binds = r.number();
        r.raw(5); r.byte();
        r.number(); r.number(); r.raw(3); r.number(); r.byte(); r.number(); r.number();
        const counts = r.byte();
        r.number(); r.byte();
        if (this.fields >= 8) { r.byte(); r.number(); r.byte(); r.number(); r.byte(); }
        if (this.fields >= 9) { r.byte(); r.number(); }
        const sql = has && length ? r.text().toString() : '';
        const times = [...Array(13)].map(() => r.number())[1];
        const cursor = sql ? this.parse(sql) : this.cursors.get(id);
        if (sql) { cursor.id = this.cursors.size % 60000 + 1 + (this.next = (this.next || 0) + 1); this.cursors.set(cursor.id, cursor); }
        if (options & 0x10 && !(options & 0x20)) { // columns as the client wants them
            this.reply(this.start().raw(this.rows(cursor, fetches)));
            return;
        }
        this.run(cursor, { times, fetches: options & 0x40 ? fetches : 0, described: !!sql, counts, binds, batch: !!(options & 0x80000) });
    }

    again(call, r) {
        const cursor = this.cursors.get(r.number()), times = r.number();
        this.run(cursor, { times, fetches: call === 78 ? times : 0, described: false, counts: 0, binds: 0 });
    }

    parse(sql) {
        const rows = Number((/rownum <= (\d+)/i.exec(sql) || [0, 1])[1]), set = Number((/(\d+) rows/i.exec(sql) || [0, 1])[1]);
        const table = Object.keys(TABLES).find((name) => sql.includes(`from ${name}`));
        return { sql, columns: TABLES[table || 'customers'], rows, set, sent: 0, isQuery: /^\s*(select|with)/i.test(sql) };
    }

    run(cursor, { times, fetches, described, counts, binds, batch }) {
        const w = this.start();
        if (/missing/.test(cursor.sql)) {
            this.reply(w.raw(this.status({ error: 942 })));
            return;
        }
        if (!cursor.isQuery) {
            if (/^\s*begin/i.test(cursor.sql)) {
                if (/:out/.test(cursor.sql)) {
                    w.bytes(11, 0).numbers(binds || 1, 0, 1, 0).number(0).number(0);
                    w.bytes(16);
                    w.bytes(7).text('hunter2-out').number(0);
                }
                this.reply(w.raw(this.status({ cursor: cursor.id, rows: 1, type: 47 })));
                return;
            }
            const changed = cursor.set * times, type = /^\s*insert/i.test(cursor.sql) ? 2 : /^\s*delete/i.test(cursor.sql) ? 7 : 6;
            w.bytes(8).number(6).numbers(1, 2, 3, 4, 5, 6).number(0).number(0).number(0);
            if (counts) { w.number(times); for (let n = 0; n < times; n++) w.number(cursor.set); }
            const failed = batch ? [[1, 1], [3, 2291]] : [];
            this.reply(w.raw(this.status({ error: failed.length ? 24381 : 0, rows: changed - failed.length, cursor: cursor.id, type, batch: failed })));
            return;
        }
        cursor.sent = 0;
        if (described) w.bytes(16).text(Buffer.alloc(20, 3)).raw(this.describe(cursor.columns));
        if (fetches && !/lobs/.test(cursor.sql)) {
            w.raw(this.rows(cursor, fetches));
        } else {
            w.bytes(8).number(6).numbers(1, 2, 3, 4, 5, 6).number(0).number(0).number(0);
            w.raw(this.status({ cursor: cursor.id, type: 3 }));
        }
        this.reply(w);
    }
}

const profile = PROFILES[process.argv[3]];
net.createServer((socket) => new Session(socket, profile)).listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
