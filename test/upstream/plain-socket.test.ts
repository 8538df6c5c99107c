// Goal: sockets that read into one shared buffer give their readers what was sent, all of it, in order
// and untouched by what comes later or to others; what readers write leaves with what they return.
// Method: peers that speak first and at once, to sockets that were connected and to such as were
// accepted; readers that come late, keep every chunk, and pause after each.

import { once } from 'node:events'
import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

import t from 'tap'
import type { Test } from 'tap'

import { acceptPlain, connectPlain, readFrom } from '../../src/upstream/plain-socket.ts'
import { SocketOutput } from '../../src/upstream/socket-output.ts'

const BYTES = 3_000_000

/** The port of a server that sends this to whoever connects, and ends. */
async function sending(t: Test, bytes: Buffer): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(bytes))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

/** A server of one client, and what it makes of that client's connection. */
async function accepting(t: Test): Promise<{ port: number; accepted: Promise<Socket>; over: Promise<unknown> }> {
  const server = createServer({ pauseOnConnect: true })
  const accepted = once(server, 'connection').then(([socket]) => {
    // It waits for those it knows of.
    server.close()
    return acceptPlain(socket as Socket)
  })
  const over = once(server, 'close')
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { port: (server.address() as AddressInfo).port, accepted, over }
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  readFrom(socket, (chunk) => {
    chunks.push(chunk)
    socket.pause()
    setImmediate(() => socket.resume())
  })
  const ended = once(socket, 'end')
  socket.resume()
  await ended
  return Buffer.concat(chunks)
}

void t.test('late readers that pause get all that was sent', async (t) => {
  const sent = [1, 2].map((seed) => Buffer.alloc(BYTES, Buffer.from(`${seed} frames and frames;`)))
  const ports = await Promise.all(sent.map((bytes) => sending(t, bytes)))
  const sockets = ports.map((port) => connectPlain({ host: '127.0.0.1', port }))
  t.teardown(() => sockets.forEach((socket) => socket.destroy()))
  await Promise.all(sockets.map((socket) => once(socket, 'connect')))
  const read = await Promise.all(sockets.map(readAll))
  read.forEach((bytes, i) => t.ok(bytes.equals(sent[i]!), `${bytes.length} bytes of ${BYTES}`))
})

void t.test('so do those of sockets that were accepted', async (t) => {
  const { port, accepted, over } = await accepting(t)
  const sent = Buffer.alloc(BYTES, Buffer.from('frames and frames;'))
  const peer = connect(port, '127.0.0.1').on('error', () => undefined)
  t.teardown(() => peer.destroy())
  peer.end(sent)
  const socket = await accepted
  t.teardown(() => socket.destroy())
  await once(socket, 'readable')
  t.ok(socket.readableLength > 0, 'what came before its reader waits')
  t.ok((await readAll(socket)).equals(sent))
  t.equal(socket.remotePort, peer.localPort)
  socket.destroy()
  await over
})

void t.test('what a reader writes to several leaves when it returns', async (t) => {
  const { port, accepted } = await accepting(t)
  const peer = connect(port, '127.0.0.1', () => peer.write('?'))
  const socket = await accepted
  t.teardown(() => [peer, socket].forEach((each) => each.destroy()))
  const heard = once(peer, 'data')
  const writes: number[] = []
  const outputs = [new SocketOutput(socket), new SocketOutput(socket)]
  const asked = new Promise<void>((resolve) => {
    readFrom(socket, () => {
      for (const output of outputs) output.write(Buffer.from('!'))
      writes.push(socket.bytesWritten)
      queueMicrotask(() => resolve(void writes.push(socket.bytesWritten)))
    })
  })
  await asked
  t.same(writes, [0, 2], 'nothing while it runs, all before anything else does')
  t.match(String((await heard)[0]), /^!/)
})
