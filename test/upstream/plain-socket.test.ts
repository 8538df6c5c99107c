// Goal: sockets that read into one shared buffer give their readers what was sent, all of it, in order
// and untouched by what comes later or to others.
// Method: two servers that speak first and at once; readers that come late, keep every chunk, and pause
// after each.

import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

import t from 'tap'
import type { Test } from 'tap'

import { connectPlain } from '../../src/upstream/plain-socket.ts'

const BYTES = 3_000_000

/** The port of a server that sends this to whoever connects, and ends. */
async function sending(t: Test, bytes: Buffer): Promise<number> {
  const server = createServer((socket) => socket.on('error', () => undefined).end(bytes))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => {
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
