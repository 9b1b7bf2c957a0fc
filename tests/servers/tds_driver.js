// Drives npm's tedious against a server on the port, case by case, each on a connection of its own; prints what it was
// told: a line of JSON a case.
//
//     NODE_PATH=... node tds_driver.js PORT
'use strict';
const { Connection, Request, TYPES, ISOLATION_LEVEL } = require('tedious');

const port = Number(process.argv[2]);
const SECRET = 'hunter2';

function connect(user = 'tester', options = {}) {
  return new Promise((resolve, reject) => {
    const connection = new Connection({
      server: '127.0.0.1',
      authentication: { type: 'default', options: { userName: user, password: SECRET } },
      options: { port, encrypt: false, trustServerCertificate: true, appName: 'made-up app', database: 'crm',
        connectTimeout: 5000, requestTimeout: 60000, ...options },
    });
    connection.on('error', () => {});
    connection.connect((error) => (error ? reject(error) : resolve(connection)));
  });
}

const close = (connection) => new Promise((resolve) => {
  connection.on('end', resolve);
  connection.close();
});

// A request made by make, run by that method of the connection: rows, changes and errors, as the driver tells them.
function ask(connection, seen, method, text, fill = () => {}, ...more) {
  return new Promise((resolve) => {
    const shown = new Set(); // customers
    const request = new Request(text, (error) => {
      if (error) seen.errors += 1;
      if (shown.size > 0) seen.customers = (seen.customers || 0) + shown.size;
      resolve(request);
    });
    fill(request);
    request.on('row', (columns) => {
      seen.rows += 1;
      const column = columns.find((c_) => c_.metadata.colName === 'customer_id');
      if (column) shown.add(column.value);
    });
    const changed = (count, more_, rows) => { if (count !== undefined && !request.hasRows) seen.changes += count; };
    request.on('columnMetadata', () => { request.hasRows = true; });
    request.on('done', changed);
    request.on('doneInProc', changed);
    seen.requests += 1;
    connection[method](request, ...more);
  });
}

const cases = {
  'batches': async (c, seen) => {
    for (const rows of [0, 1, 2, 100, 1000])
      await ask(c, seen, 'execSqlBatch', `select /* rows=${rows} */ n from customers where name = '${SECRET}'`);
    await ask(c, seen, 'execSqlBatch', 'update customers set a = 1 /* changes=17 */');
    await ask(c, seen, 'execSqlBatch', 'select /* rows=10 kind=all results=3 */ * from customers');
  },
  'all types, of 7.1 to 7.4': async (c, seen) => ask(c, seen, 'execSqlBatch', 'select /* rows=300 kind=all */ * from t'),
  'wide rows': async (c, seen) => ask(c, seen, 'execSqlBatch', 'select /* rows=300 kind=wide */ * from t'),
  'large values': async (c, seen) => ask(c, seen, 'execSqlBatch', 'select /* rows=200 kind=large */ * from t'),
  'without counts': async (c, seen) => ask(c, seen, 'execSqlBatch', 'select /* rows=77 nocount=1 */ * from t'),
  'sp_executesql': async (c, seen) => {
    for (const rows of [0, 1, 5000])
      await ask(c, seen, 'execSql', `select /* rows=${rows} kind=texts */ * from customers where id = @id and name = @name`,
        (r) => { r.addParameter('id', TYPES.Int, 7); r.addParameter('name', TYPES.NVarChar, SECRET); });
    await ask(c, seen, 'execSql', 'insert into customers values (@id) /* changes=1 */',
      (r) => r.addParameter('id', TYPES.Int, 7));
  },
  'parameters of many types': async (c, seen) => {
    await ask(c, seen, 'execSql', 'select /* rows=3 */ 1', (r) => {
      r.addParameter('a', TYPES.BigInt, 1);
      r.addParameter('b', TYPES.VarChar, SECRET);
      r.addParameter('c', TYPES.NVarChar, 'x'.repeat(100000));
      r.addParameter('d', TYPES.VarBinary, Buffer.alloc(9000));
      r.addParameter('e', TYPES.Bit, true);
      r.addParameter('f', TYPES.Float, 1.5);
      r.addParameter('g', TYPES.UniqueIdentifier, '11223344-5566-7788-99aa-bbccddeeff00');
      r.addParameter('h', TYPES.DateTime2, new Date(0));
      r.addParameter('i', TYPES.Decimal, 12.5, { precision: 12, scale: 2 });
      r.addParameter('j', TYPES.Int, null);
      r.addParameter('k', TYPES.NVarChar, null);
    });
  },
  'a table as a parameter': async (c, seen) => {
    const table = { columns: [{ name: 'a', type: TYPES.Int }, { name: 'b', type: TYPES.NVarChar, length: 50 }],
      rows: [[1, SECRET], [2, 'two'], [3, null]] };
    await ask(c, seen, 'callProcedure', 'give_3', (r) => r.addParameter('t', TYPES.TVP, table));
    await ask(c, seen, 'callProcedure', 'give_2');
  },
  'procedures': async (c, seen) => {
    await ask(c, seen, 'callProcedure', 'dbo.give_12', (r) => r.addParameter('id', TYPES.Int, 4));
    await ask(c, seen, 'callProcedure', 'missing', (r) => r.addParameter('id', TYPES.VarChar, SECRET));
  },
  'prepared': async (c, seen) => {
    const request = new Request('select /* rows=9 */ * from customers where id = @id', () => {});
    request.addParameter('id', TYPES.Int);
    request.on('row', () => { seen.rows += 1; });
    seen.requests += 1;
    await new Promise((resolve) => { request.on('prepared', resolve); c.prepare(request); });
    for (let n = 0; n < 5; n += 1) {
      seen.requests += 1;
      await new Promise((resolve) => { request.userCallback = resolve; request.callback = resolve; c.execute(request, { id: n }); });
    }
    seen.requests += 1;
    await new Promise((resolve) => { request.userCallback = resolve; request.callback = resolve; c.unprepare(request); });
  },
  'customers shown': async (c, seen) => {
    for (const rows of [1, 250, 2000])
      await ask(c, seen, 'execSqlBatch', `select /* rows=${rows} kind=customers */ * from customers`);
    await ask(c, seen, 'execSql', 'select /* rows=40 kind=customers */ * from customers where msisdn <> @msisdn and id > @id', (r) => {
      r.addParameter('id', TYPES.Int, 4711); r.addParameter('msisdn', TYPES.VarChar, 'none');
    });
  },
  'customers looked for': async (c, seen) => {
    await ask(c, seen, 'execSqlBatch', "update customers set a = 1 where customer_id in (4711, 4712, 4711) /* changes=2 */");
    await ask(c, seen, 'execSqlBatch', "delete from customers where msisdn = N'+46 70 123 45 67' or msisdn = '0701234567' /* changes=1 */");
    for (let n = 0; n < 5; n += 1)
      await ask(c, seen, 'execSql', 'select /* rows=0 */ 1 from customers where a = @x and msisdn in (@tel, @tel2)', (r) => {
        r.addParameter('tel2', TYPES.VarChar, `070123456${n}`);
        r.addParameter('x', TYPES.Int, 4711);
        r.addParameter('tel', TYPES.NVarChar, '46701234569');
      });
    const request = new Request('select /* rows=0 */ 1 from customers where customer_id = @id and b = @b', () => {});
    request.addParameter('b', TYPES.Int);
    request.addParameter('id', TYPES.BigInt);
    seen.requests += 1;
    await new Promise((resolve) => { request.on('prepared', resolve); c.prepare(request); });
    for (let n = 0; n < 4; n += 1) {
      seen.requests += 1;
      await new Promise((resolve) => { request.userCallback = resolve; request.callback = resolve; c.execute(request, { id: 4711 + n, b: 4800 }); });
    }
    await ask(c, seen, 'callProcedure', 'give_1', (r) => { r.addParameter('customer_id', TYPES.Int, 4711); r.addParameter('n', TYPES.Int, 4712); });
    seen.customers = 2 + 1 + 5 * 2 + 4 + 1;
  },
  'errors': async (c, seen) => {
    await ask(c, seen, 'execSqlBatch', 'select /* error=208 */ * from missing');
    await ask(c, seen, 'execSql', 'select /* error=547 */ 1');
    await ask(c, seen, 'execSqlBatch', 'select /* rows=1 */ 1');
  },
  'transactions': async (c, seen) => {
    await new Promise((resolve) => c.beginTransaction(resolve, '', ISOLATION_LEVEL.READ_COMMITTED));
    await ask(c, seen, 'execSqlBatch', 'delete from customers /* changes=4 */');
    await new Promise((resolve) => c.commitTransaction(resolve));
    await new Promise((resolve) => c.beginTransaction(resolve));
    await new Promise((resolve) => c.rollbackTransaction(resolve));
  },
  'bulk load': async (c, seen) => {
    seen.requests += 1;
    const load = c.newBulkLoad('customers', (error, count) => { seen.changes += count || 0; load.over(); });
    load.addColumn('a', TYPES.Int, { nullable: true });
    load.addColumn('b', TYPES.NVarChar, { length: 50, nullable: true });
    const rows = Array.from({ length: 5000 }, (_, n) => ({ a: n, b: `${SECRET} ${n}` }));
    await new Promise((resolve) => { load.over = resolve; c.execBulkLoad(load, rows); });
  },
  'a long statement': async (c, seen) => {
    const list = Array.from({ length: 8000 }, (_, n) => n).join(', ');
    await ask(c, seen, 'execSqlBatch', `select /* rows=2 */ a from customers where id in (${list}) and b = '${SECRET}'`);
    await ask(c, seen, 'execSql', `select /* rows=2 */ a from customers where id in (${list}) and b = '${SECRET}'`);
  },
  'cancelled': async (c, seen) => {
    const asked = ask(c, seen, 'execSqlBatch', 'select /* rows=300000 */ 1');
    await new Promise((resolve) => setTimeout(resolve, 100));
    c.cancel();
    await asked;
    delete seen.rows; // the driver leaves some out, and makes an error of its own
    seen.errors = 0;
    await ask(c, seen, 'execSqlBatch', 'select /* rows=5 */ 1');
  },
  'reset': async (c, seen) => {
    await ask(c, seen, 'execSqlBatch', 'select /* rows=1 */ 1');
    await new Promise((resolve) => c.reset(resolve));
    seen.requests += 1; // the driver's own settings
    await ask(c, seen, 'execSqlBatch', 'use other');
    await ask(c, seen, 'execSqlBatch', 'select /* rows=1 */ 1');
  },
  'a million rows': async (c, seen) => ask(c, seen, 'execSqlBatch', 'select /* rows=1000000 */ n from customers'),
};

async function run(name, user, options, work) {
  const seen = { name, requests: 1, rows: 0, changes: 0, errors: 0 }; // one: the driver's own settings
  const connection = await connect(user, options);
  await work(connection, seen);
  await close(connection);
  console.log(JSON.stringify(seen));
}

async function main() {
  for (const [name, work] of Object.entries(cases)) await run(name, 'tester', {}, work);
  for (const packetSize of [512, 8192, 32767])
    await run(`packets of ${packetSize} bytes`, 'tester', { packetSize }, cases['all types, of 7.1 to 7.4']);
  for (const tdsVersion of ['7_1', '7_2', '7_3_A', '7_3_B'])
    await run(`version ${tdsVersion}`, 'tester', { tdsVersion }, async (c, seen) => {
      await cases.batches(c, seen);
      if (tdsVersion !== '7_1') await cases['sp_executesql'](c, seen);
    });
  try {
    await connect('nobody');
  } catch (error) {
    console.log(JSON.stringify({ name: 'a refused login', rows: 0, errors: 1 }));
  }
  const connection = await connect('tester', { encrypt: true });
  await ask(connection, { rows: 0, requests: 0 }, 'execSqlBatch', 'select /* rows=100 */ 1');
  await close(connection);
  console.log(JSON.stringify({ name: 'encrypted', hidden: true }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
