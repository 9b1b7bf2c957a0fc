// A small made-up dealer portal, as portals are built: express, sessions in cookies, tokens, lists in
// all forms.  It writes what it did to the file LOG, a JSON object a line: that is what seepwatch is
// held against.
//
//     node portal.js PORT LOG      SIGTERM ends it
const {execFileSync} = require('child_process');
const crypto = require('crypto');
const fs = require('fs');
const zlib = require('zlib');
const express = require('express');
const session = require('express-session');
const jwt = require('jsonwebtoken');

const [port, path] = process.argv.slice(2);
const log = fs.openSync(path, 'w');
const accounts = {anna: 'geheim-Anna-7', bo: 'geheim-Bo-8', 'dora@dealer.example': 'geheim "Dora" & 9'};
const tokens = new Map();
const key = crypto.randomBytes(32);
const app = express();

app.disable('etag');
app.use(express.urlencoded({extended: false}));
app.use(express.json());
app.use(session({secret: key.toString('hex'), resave: false, saveUninitialized: true}));

app.use((req, res, next) => {
    const did = res.locals.did = {records: null, bytes: 0, action: null, outcome: null};
    const token = (req.get('authorization') || '').match(/^Bearer (.*)$/);
    req.user = req.session.user || null;
    if (token && tokens.has(token[1])) req.user = tokens.get(token[1]);
    else if (token) {
        try { req.user = jwt.verify(token[1], key).preferred_username; } catch { req.user = null; }
    }
    res.on('finish', () => fs.writeSync(log, JSON.stringify({
        agent: req.get('user-agent'), method: req.method, status: res.statusCode, user: did.user || req.user,
        action: did.action, outcome: did.outcome, records: did.records, bytes: did.bytes, template: did.template, customers: did.customers || null,
    }) + '\n'));
    next();
});

const codings = {
    gzip: zlib.gzipSync, deflate: zlib.deflateSync, raw: zlib.deflateRawSync, br: zlib.brotliCompressSync,
    zstd: zlib.zstdCompressSync || ((body) => execFileSync('zstd', ['-q', '-c'], {input: body})),
};

// Sends a text in the coding that was asked for, in pieces or as a whole.
function give(req, res, type, text, records = null) {
    const coding = req.query.coding, did = res.locals.did;
    let body = Buffer.from(text);
    if (coding) {
        body = codings[coding](body);
        res.set('Content-Encoding', coding === 'raw' ? 'deflate' : coding);
    }
    did.records = records;
    did.bytes = body.length;
    res.type(type);
    if (!req.query.pieces) return res.end(body);
    for (let at = 0; at < body.length; at += 700) res.write(body.subarray(at, at + 700));
    return res.end();
}

function turn(res, where, status = 302) {
    const body = 'to ' + where;
    res.locals.did.bytes = body.length;
    res.status(status).set('Location', where).type('text').end(body);
}

function told(res, action, outcome, user) {
    Object.assign(res.locals.did, {action, outcome, user});
}

const good = (user, password) => Object.hasOwn(accounts, user) && accounts[user] === password;
// With an icon of its own: else a browser asks for one by itself, in no order with what else it asks.
const page = (body) => `<!doctype html><html><link rel=icon href="data:,"><title>Portal</title><script>if (1<td) "<tr><td>";</script>${body}</html>`;
const form = page('<table><tr><th>Log in</th></tr></table><form method=post><input name=username><input type=password name=password><button>Log in</button></form>');

app.get('/login', (req, res) => give(req, res, 'html', form, 0));
app.post('/login', (req, res) => {
    const {username, password} = req.body;
    if (!good(username, password)) {
        told(res, 'login', 'failure', username);
        return turn(res, '/login?error=1');
    }
    return req.session.regenerate(() => {
        req.session.user = username;
        told(res, 'login', 'success', username);
        turn(res, '/', 303);
    });
});
app.post('/old/login', (req, res) => {
    const {j_username, j_password} = req.body;
    const is_good = good(j_username, j_password);
    told(res, 'login', is_good ? 'success' : 'failure', j_username);
    if (!is_good) return give(req, res, 'html', form, 0);
    req.session.user = j_username;
    return turn(res, '/home');
});
app.post('/api/login', (req, res) => {
    const {email, password} = req.body.credentials;
    const is_good = good(email, password);
    told(res, 'login', is_good ? 'success' : 'failure', email);
    if (!is_good) {
        res.status(req.query.soft ? 200 : 401);
        return give(req, res, 'json', JSON.stringify({success: false}), null);
    }
    const token = req.query.jwt ? jwt.sign({sub: '4711', preferred_username: email}, key) : crypto.randomBytes(24).toString('hex');
    if (!req.query.jwt) tokens.set(token, email);
    return give(req, res, 'json', JSON.stringify({profile: {id: 4711}, access_token: token, expires_in: 3600}), null);
});
for (const method of ['get', 'post']) {
    app[method]('/logout', (req, res) => {
        told(res, 'logout', 'success', req.user);
        req.session.user = null;
        turn(res, '/login');
    });
}

app.use((req, res, next) => {
    const basic = (req.get('authorization') || '').match(/^Basic (.*)$/);
    if (basic) {
        const [user, password] = Buffer.from(basic[1], 'base64').toString().split(':');
        res.locals.did.user = user;
        if (good(user, password)) req.user = user;
        else told(res, 'login', 'failure', user);
    }
    if (req.user || req.path === '/') return next();
    res.status(basic ? 401 : 403);
    return give(req, res, 'json', '{"error":"who are you?"}');
});

const customers = (n) => Array.from({length: n}, (_, i) => ({
    id: 100000 + i, name: `Agent "${i}" [x], {y}`, phone: `0170 ${1000000 + i}`,
    contracts: [{n: 1}, {n: 2}, {n: 3}], note: i % 3 ? null : 'zwei\nZeilen, mit Komma',
}));
const count = (req) => Number(req.query.n || 0);
const quoted = (text) => `"${String(text).replaceAll('"', '""')}"`;

app.get('/', (req, res) => give(req, res, 'html', page('<p>Hello'), 0));
app.get('/home', (req, res) => give(req, res, 'html', page('<p>Home'), 0));
// A request is about so many customers; of a login, about none.
app.use((req, res, next) => {
    res.locals.did.customers = count(req);
    next();
});
app.get('/api/customers', (req, res) => {
    const list = customers(count(req));
    give(req, res, 'json', JSON.stringify({total: 99999, facets: [{c: 1}].slice(0, list.length), page: {size: list.length}, customers: list}), list.length);
});
app.get('/api/customers/:id', (req, res) => {
    res.locals.did.customers = 1;
    give(req, res, 'json', JSON.stringify({id: req.params.id, name: 'x'}), null);
});
app.get('/export.csv', (req, res) => give(req, res, 'csv',
    'name,phone,note\r\n' + customers(count(req)).map((c) => [c.name, c.phone, c.note].map(quoted).join(',') + '\r\n').join(''), count(req)));
app.get('/export.ndjson', (req, res) => give(req, res, 'application/x-ndjson',
    customers(count(req)).map((c) => JSON.stringify(c) + '\n').join(''), count(req)));
app.get('/table', (req, res) => give(req, res, 'html', page('<table><thead><tr><th>Name<th>Phone</thead><tbody>' +
    customers(count(req)).map((c) => `<tr class="a>b"><td>${c.name}</td><td>${c.phone}</td></tr>`).join('\n') + '</tbody></table>'), count(req)));
app.get('/list.xml', (req, res) => give(req, res, 'xml', '<?xml version="1.0"?><r:reply xmlns:r="x"><status>ok</status><r:list>' +
    customers(count(req)).map((c) => `<item id="${c.id}" kundnr="${c.id}"><n><![CDATA[${c.name}</item>]]></n><p/><p/></item>`).join('') + '</r:list></r:reply>', count(req)));
app.post('/graphql', (req, res) => {
    Object.assign(res.locals.did, {template: '/graphql#' + req.body.operationName, action: /^query/.test(req.body.query) ? 'read' : 'write'});
    res.locals.did.customers = 3;
    give(req, res, 'json', JSON.stringify({data: {customers: customers(3)}}), 3);
});

const server = app.listen(Number(port), '127.0.0.1', () => console.log('listening'));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
