// gRPC over clear-text HTTP/2 with npm's @grpc/grpc-js: calls of all four kinds, many at once, some
// that fail, while one long stream stays open.  Writes a line for each call as the server saw it.
//
//     node http2_grpc.js PORT LOG
'use strict'
const grpc = require('@grpc/grpc-js')
const fs = require('fs')

const [port, log] = process.argv.slice(2)
const raw = { requestSerialize: b => b, requestDeserialize: b => b, responseSerialize: b => b, responseDeserialize: b => b }
const method = (name, requestStream, responseStream) =>
    ({ path: `/crm.v1.Customers2024/${name}`, requestStream, responseStream, ...raw })
const service = {
    getCustomer: method('GetCustomer', false, false), listCustomers: method('ListCustomers', false, true),
    storeAll: method('StoreAll', true, false), talk: method('Talk', true, true), watch: method('Watch', false, true),
}
const calls = []
const note = (name, status, asked, answers) => calls.push({ name, status, asked, answers })
const WATCHED = 30 // messages, then the stream stays open and quiet
const size = n => Buffer.alloc(n, 'x')

const server = new grpc.Server({ 'grpc.max_concurrent_streams': 200 })
server.addService(service, {
    getCustomer(call, done) {
        const n = call.request.length
        if (n === 13) {
            note('GetCustomer', 5, 1, 0)
            return done({ code: grpc.status.NOT_FOUND, details: 'none such' })
        }
        note('GetCustomer', 0, 1, 1)
        done(null, size(n * 10))
    },
    listCustomers(call) {
        const n = call.request.length
        for (let i = 0; i < n; i++) call.write(size(1 + i * 997 % 40000))
        note('ListCustomers', 0, 1, n)
        call.end()
    },
    storeAll(call, done) {
        let n = 0
        call.on('data', () => n++)
        call.on('end', () => { note('StoreAll', 0, n, 1); done(null, size(4)) })
    },
    talk(call) {
        let n = 0
        call.on('data', b => { n += 2; call.write(b); call.write(size(0)) })
        call.on('end', () => { note('Talk', 0, n / 2, n); call.end() })
    },
    watch(call) {
        let n = 0
        const timer = setInterval(() => { if (n < WATCHED) { call.write(size(100)); n++ } }, 20)
        call.on('cancelled', () => { clearInterval(timer); note('Watch', -1, 1, n) })
    },
})

const client = () => new (grpc.makeGenericClientConstructor(service, 'crm'))(
    `127.0.0.1:${port}`, grpc.credentials.createInsecure(), { 'grpc.use_local_subchannel_pool': 1 })
const unary = (c, n) => new Promise(good => c.getCustomer(size(n), () => good()))
const listed = (c, n) => new Promise(good => c.listCustomers(size(n)).on('data', () => {}).on('end', good))
const stored = (c, n) => new Promise(good => {
    const call = c.storeAll(() => good())
    for (let i = 0; i < n; i++) call.write(size(i * 100))
    call.end()
})
const talked = (c, n) => new Promise(good => {
    const call = c.talk().on('data', () => {}).on('end', good)
    for (let i = 0; i < n; i++) call.write(size(50))
    call.end()
})

async function run() {
    const c = client(), other = client()
    const watch = c.watch(size(1))
    let left = WATCHED
    const watched = new Promise(good => watch.on('data', () => { if (--left === 0) good() }))
    watch.on('error', () => {})
    await unary(c, 1)
    for (let i = 0; i < 100; i++) await unary(c, i % 20)
    await Promise.all(Array.from({ length: 150 }, (_, i) => unary(c, i)))
    for (let round = 0; round < 10; round++)
        await Promise.all(Array.from({ length: 120 }, (_, i) => unary(other, i % 50)))
    await Promise.all([listed(c, 0), listed(c, 1), listed(c, 300), listed(other, 40), stored(c, 0), stored(c, 60),
        talked(c, 25), talked(other, 100)])
    await watched
    watch.cancel()
    await new Promise(good => setTimeout(good, 300))
    c.close()
    other.close()
    server.tryShutdown(() => {
        fs.writeFileSync(log, calls.map(call => JSON.stringify(call)).join('\n') + '\n')
        process.exit(0)
    })
}

server.bindAsync(`127.0.0.1:${port}`, grpc.ServerCredentials.createInsecure(), error => {
    if (error) throw error
    run()
})
