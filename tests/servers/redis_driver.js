// npm's driver of Redis, on RESP3: what it sends by itself at the start, commands that it pipelines, a transaction, a
// scan.  Prints how many rows it was sent.  node driver.js HOST SECRET
const { createClient } = require('redis');

async function main(host, secret) {
    const client = createClient({ url: `redis://${host}:6379`, RESP: 3, name: 'crm' });
    await client.connect();
    await Promise.all(Array.from({ length: 500 }, (_, n) => client.set(`${secret}:${n}`, secret)));
    const values = await Promise.all(Array.from({ length: 600 }, (_, n) => client.get(`${secret}:${n}`)));
    let rows = values.filter((value) => value !== null).length;
    await client.hSet('hash', { f: secret, g: 'x', h: 'y' });
    rows += Object.keys(await client.hGetAll('hash')).length;
    const results = await client.multi().lPush('list', ['a', 'b', 'c']).lRange('list', 0, -1).get(`${secret}:1`).exec();
    rows += results[1].length + 1;
    for await (const keys of client.scanIterator({ COUNT: 100 })) rows += keys.length;
    await client.close();
    console.log(rows);
}

main(process.argv[2], process.argv[3]);
