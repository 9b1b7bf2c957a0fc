// npm's oracledb against tns_server.js: each case prints what the client itself saw of it, a JSON line: statements,
// rows, changed rows, errors, users.   node tns_driver.js PORT PROFILE
const oracledb = require('oracledb');

const SECRET = 'hunter2-literal';
const port = Number(process.argv[2]), profile = Number(process.argv[3]);
const where = (service = 'crm') => ({ user: 'agent', password: 'hunter2-password', connectString: `127.0.0.1:${port}/${service}` });

// What the driver asks by itself of a server that does not tell its time zone.
const asksZone = profile < 23;

async function rows(connection, sql, options = {}, binds = []) {
    const result = await connection.execute(sql, binds, { resultSet: true, ...options });
    let count = 0;
    for (;;) {
        const part = await result.resultSet.getRows(options.fetchArraySize || 100);
        count += part.length;
        if (part.length === 0) break;
    }
    await result.resultSet.close();
    return count;
}

// Rows that show customers, `size` at a time; how many different ones were in each.
async function customers(connection, wanted, size, options) {
    const result = await connection.execute(`select * from subscribers where rownum <= ${wanted}`, [], { resultSet: true, fetchArraySize: size, ...options });
    let seen = 0, count = 0;
    for (;;) {
        const part = await result.resultSet.getRows(size);
        count += part.length;
        seen += new Set(part.map((row) => row[2])).size;
        if (part.length === 0) break;
    }
    await result.resultSet.close();
    return { statements: 1, rows: count, customers: seen };
}

const cases = {
    'one row': async (c) => ({ statements: 1, rows: await rows(c, `select id from customers where rownum <= 1 and name <> '${SECRET}'`) }),
    'no row': async (c) => ({ statements: 1, rows: await rows(c, 'select * from customers where rownum <= 0') }),
    'rows with the execution': async (c) => ({ statements: 1, rows: await rows(c, 'select * from customers where rownum <= 90', { prefetchRows: 100 }) }),
    'ten thousand rows': async (c) => ({ statements: 1, rows: await rows(c, 'select * from customers where rownum <= 10000', { fetchArraySize: 500 }) }),
    'a hundred thousand rows': async (c) => ({ statements: 1, rows: await rows(c, 'select * from customers where rownum <= 100000', { fetchArraySize: 1000, prefetchRows: 0 }) }),
    'many types': async (c) => ({ statements: 1, rows: await rows(c, 'select * from mixed where rownum <= 777') }),
    'three hundred columns': async (c) => ({ statements: 1, rows: await rows(c, 'select * from wide where rownum <= 300') }),
    'long values': async (c) => ({ statements: 1, rows: await rows(c, 'select * from notes where rownum <= 200') }),
    'very long values': async (c) => ({ statements: 1, rows: await rows(c, 'select * from letters where rownum <= 50', { fetchArraySize: 7 }) }),
    'a long statement': async (c) => ({ statements: 1, rows: await rows(c, `select * from customers where rownum <= 40 and name in (${`'${SECRET}', `.repeat(4000)}'x')`) }),
    'the same again and again': async (c) => {
        let count = 0;
        for (let n = 0; n < 20; n++) count += await rows(c, 'select * from customers where rownum <= 230 and id > :1', {}, [n]);
        return { statements: 20, rows: count };
    },
    LOBs: async (c) => {
        const result = await c.execute('select * from lobs where rownum <= 12', [], { fetchArraySize: 5 });
        let bytes = 0;
        for (const [, lob] of result.rows) bytes += (await lob.getData()).length;
        return { statements: 1, rows: result.rows.length, bytes };
    },
    changes: async (c) => {
        let changed = 0;
        changed += (await c.execute(`insert into customers values (1, '${SECRET}')`)).rowsAffected;
        changed += (await c.execute("update customers set name = 'x' where id in (select 7 rows from dual)")).rowsAffected;
        changed += (await c.execute('delete from customers where id = :id and 0 rows', { id: 1 })).rowsAffected;
        changed += (await c.executeMany('insert into customers values (:1, :2)', Array.from({ length: 500 }, (_, n) => [n, SECRET]))).rowsAffected;
        await c.commit();
        await c.rollback();
        return { statements: 4, rows: 0, changed };
    },
    'counts of an array': async (c) => {
        const result = await c.executeMany('insert into customers values (:1)', [[1], [2], [3]], { dmlRowCounts: true });
        return { statements: 1, rows: 0, changed: result.dmlRowCounts.reduce((a, b) => a + b) };
    },
    'customers with the execution': async (c) => customers(c, 250, 250, { prefetchRows: 251 }),
    'customers in many fetches': async (c) => customers(c, 2000, 170, { prefetchRows: 0 }),
    'customers looked for': async (c) => {
        let changed = 0;
        for (let n = 0; n < 5; n++)
            await rows(c, 'select id from customers where rownum <= 0 and name <> :1 and (msisdn = :2 or customer_id = :3)', {}, ['x', `070123456${n}`, 4711]);
        changed += (await c.execute("delete from customers where msisdn in ('+46 70 123 45 67', '0701234567') and 0 rows")).rowsAffected;
        const many = Array.from({ length: 50 }, (_, n) => ['hunter2-note', 5000 + Math.floor(n / 2)]);
        changed += (await c.executeMany('insert into customers (note, customer_id) values (:1, :2)', many, { bindDefs: [{ type: oracledb.STRING, maxSize: 40 }, { type: oracledb.NUMBER }] })).rowsAffected;
        return { statements: 7, rows: 0, changed, customers: 5 + 1 + 25 };
    },
    errors: async (c) => {
        let errors = 0;
        for (let n = 0; n < 3; n++) await c.execute(`select * from missing where x = '${SECRET}'`).catch(() => errors++);
        await c.ping();
        return { statements: 3, rows: 0, errors };
    },
    'a block that gives back': async (c) => {
        const result = await c.execute('begin :out := 1; end;', { out: { dir: oracledb.BIND_OUT, type: oracledb.STRING } });
        return { statements: 1, rows: 0, out: result.outBinds.out };
    },
    'things told of the session': async (c) => {
        c.module = 'billing';
        c.action = SECRET;
        c.clientId = SECRET;
        return { statements: 1, rows: await rows(c, 'select * from customers where rownum <= 5') };
    },
    pipeline: async (c) => {
        if (profile < 23) return { statements: 0, rows: 0 };
        const pipeline = new oracledb.Pipeline();
        for (let n = 0; n < 8; n++) pipeline.addFetchAll(`select * from customers where rownum <= ${30 + n} and id = ${n}`, []);
        pipeline.addExecute(`insert into customers values ('${SECRET}')`);
        pipeline.addCommit();
        const results = await c.runPipeline(pipeline);
        return { statements: 9, rows: results.reduce((sum, r) => sum + (r && r.rows ? r.rows.length : 0), 0), changed: 1 };
    },
};

async function main() {
    for (const [name, run] of Object.entries(cases)) {
        const connection = await oracledb.getConnection(where());
        try {
            const seen = await run(connection);
            if (asksZone) { seen.statements++; seen.rows++; }
            console.log(JSON.stringify({ name, ...seen }));
        } catch (error) {
            console.log(JSON.stringify({ name, broken: error.stack }));
        }
        await connection.close().catch((e) => console.error(e));
    }
    const refused = await oracledb.getConnection({ ...where(), password: 'hunter2-wrong-one' }).catch((e) => e.message);
    console.log(JSON.stringify({ name: 'a wrong password', refused, errors: 1, statements: 0, rows: 0 }));
    const unknown = await oracledb.getConnection(where('nowhere')).catch((e) => e.message);
    console.log(JSON.stringify({ name: 'a service that is none', refused: unknown, errors: 1, statements: 0, rows: 0 }));
}

main();
