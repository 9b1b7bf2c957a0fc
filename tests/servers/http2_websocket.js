// WebSocket with npm's ws: what clients say and the server answers, pushes by itself, sends in
// fragments and packed.  Writes what the server counted of each connection.
//
//     node http2_websocket.js PORT LOG
'use strict'
const { WebSocket, WebSocketServer } = require('ws')
const fs = require('fs')

const [port, log] = process.argv.slice(2)
const connections = []
const server = new WebSocketServer({ port: Number(port), host: '127.0.0.1', perMessageDeflate: { threshold: 100 } })

server.on('connection', (socket, request) => {
    const count = { path: request.url, packed: socket.extensions !== '', in: 0, out: 0, in_bytes: 0, out_bytes: 0 }
    connections.push(count)
    const send = text => { count.out++; count.out_bytes += text.length; socket.send(text) }
    if (request.url.startsWith('/push')) {
        for (let i = 0; i < 50; i++) send('p'.repeat(i))
    }
    socket.on('message', data => {
        count.in++
        count.in_bytes += data.length
        const text = data.toString()
        if (text.startsWith('many')) {
            for (let i = 0; i < 2500; i++) send('m'.repeat(i % 300))
        } else if (text.startsWith('large')) {
            send('l'.repeat(300000))
        } else if (!text.startsWith('quiet')) {
            send('a' + text)
        }
    })
})

const talk = (path, packed, say) => new Promise((good, bad) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: packed })
    const answer = () => new Promise(next => socket.once('message', next))
    socket.on('error', bad)
    socket.on('open', async () => {
        await say(socket, answer)
        socket.ping()
        setTimeout(() => socket.close(), 300)
    })
    socket.on('close', good)
})

async function agent(socket, answer) {
    for (let i = 0; i < 40; i++) {
        const answered = answer()
        socket.send('q'.repeat(i * 7))
        await answered
    }
    for (let i = 0; i < 10; i++) socket.send('quiet' + i)
    socket.send('large')
    await answer()
    socket.send('many')
    socket.send('par', { fin: false })
    socket.send('t', { fin: true })
}

server.on('listening', async () => {
    for (const packed of [false, true])
        await Promise.all([talk('/agent/4711', packed, agent), talk('/agent/4712', packed, agent), talk('/push', packed, async () => {})])
    await new Promise(good => setTimeout(good, 300))
    fs.writeFileSync(log, connections.map(c => JSON.stringify(c)).join('\n') + '\n')
    process.exit(0)
})
