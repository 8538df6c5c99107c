// Goal: what a client or the network does with the wire costs bounded memory and time, and only that
// client.
// Method: a bare client before a jetgres process with a relation of 4,000 rows; memory is the
// process's resident set as the kernel counts it, compared before, during and after.

import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

import t from 'tap'
import type { Test } from 'tap'

import { frontend } from '../../src/wire/frontend.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { fedBy, lastRoute, openWorld, untilCount } from '../e2e/world.ts'
import { eventually } from '../support/eventually.ts'
import { startJetgres } from '../support/jetgres.ts'
import { residentBytes } from '../support/memory.ts'
import { openSocket, ProtocolClient, startup } from '../support/protocol-client.ts'

const MB = 1024 * 1024
const ROWS = 4_000

interface Place {
  readonly host: string
  readonly port: number
}

async function session(t: Test, to: Place): Promise<ProtocolClient> {
  const peer = new ProtocolClient(await openSocket(t, to))
  peer.write(startup())
  await peer.until('Z')
  return peer
}

/** Sends `query` on a session of its own and doesn't read: the replies have to wait. */
async function unread(t: Test, to: Place, query: string): Promise<Socket> {
  const peer = await session(t, to)
  const { socket } = peer
  socket.removeAllListeners('data')
  socket.pause()
  socket.write(frontend.query(query))
  return socket
}

/** Reads to the last ReadyForQuery; resolves to the bytes there were and the most memory used. */
async function drain(socket: Socket, pid: number): Promise<{ bytes: number; peak: number }> {
  let bytes = 0
  let peak = 0
  let sampled = 0
  let tail = Buffer.alloc(0)
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    tail = Buffer.concat([tail, chunk]).subarray(-6)
    if (bytes - sampled > 10 * MB) {
      sampled = bytes
      peak = Math.max(peak, await residentBytes(pid))
    }
    if (tail.toString('latin1') === 'Z\0\0\0\x05I') break
  }
  return { bytes, peak }
}

/** Waits until a process's memory has stopped growing for twenty looks at it. */
async function settled(pid: number): Promise<number> {
  let last = 0
  let still = 0
  return eventually(
    async () => {
      const now = await residentBytes(pid)
      still = Math.abs(now - last) < MB ? still + 1 : 0
      last = now
      return still >= 20 ? now : undefined
    },
    { deadlineMs: 30_000, what: 'memory to settle' }
  )
}

void t.test('load on the wire', { skip: withoutNats() }, async (t) => {
  const world = await openWorld(t)
  const { jetgres, client, postgres } = world
  await client.query(`CREATE TABLE big (id int PRIMARY KEY, body varchar) ${fedBy(world.nats, 'e2e.big')}`)
  const rows = Array.from({ length: ROWS }, (_, id) => ({ id, body: String(id).padEnd(1_000, 'x') }))
  await publishJson(world.connection, 'e2e.big', rows)
  await untilCount(client, 'big', ROWS)

  await t.test('1 GB to a client that does not read', async (t) => {
    const table = [
      ['relay', `SELECT repeat('x', 1000) FROM generate_series(1, 1000000)`, 48],
      // Seen 78 to 114 MB, by when the collector runs.
      ['local', 'SELECT a.body FROM big a JOIN big b ON b.id < 250', 160]
    ] as const
    for (const [route, query, grownMax] of table) {
      await client.query(`${query} LIMIT 10`)
      t.match(await lastRoute(client), route)
      const before = await settled(jetgres.pid)
      const began = performance.now()
      const socket = await unread(t, jetgres, query)
      const paused = await settled(jetgres.pid)
      const { bytes, peak } = await drain(socket, jetgres.pid)
      const grown = (value: number): number => Math.round((value - before) / MB)
      t.ok(bytes > 1_000_000_000, `${bytes} bytes came`)
      t.comment(`${route}: ${Math.round(performance.now() - began)} ms, grown by ${grown(paused)} MB while paused, ${grown(peak)} MB at most`)
      t.ok(grown(paused) < grownMax, `${route}, paused: ${grown(paused)} MB`)
      t.ok(grown(peak) < grownMax, `${route}, read: ${grown(peak)} MB`)
      socket.destroy()
    }
  })

  await t.test('a Bind of 64 MB', async (t) => {
    const peer = await session(t, jetgres)
    const value = Buffer.alloc(64 * MB, 'y').toString('latin1')
    peer.write(
      frontend.parse({ text: 'SELECT length($1::text)' }),
      frontend.bind({ values: [value] }),
      frontend.execute({}),
      frontend.sync()
    )
    const row = await peer.until('D', 1, 30_000)
    t.equal(row?.body.toString('latin1', 6), String(64 * MB))
  })

  await t.test('100,000 pipelined Binds', async (t) => {
    const count = 100_000
    for (const text of ['SELECT $1::int', 'SELECT id FROM big WHERE id = $1']) {
      const before = await settled(jetgres.pid)
      const peer = await session(t, jetgres)
      peer.write(frontend.parse({ text, types: [23] }))
      const parts = Array.from({ length: count }, (_, i) =>
        Buffer.concat([frontend.bind({ values: [String(i % ROWS)] }), frontend.execute({})])
      )
      peer.write(...parts, frontend.sync())
      const began = performance.now()
      await peer.until('Z', 2, 120_000)
      t.comment(`${Math.round(performance.now() - began)} ms: ${text}`)
      const values = peer.frames.filter(({ letter }) => letter === 'D').map(({ body }) => body.toString('latin1', 6))
      t.equal(values.length, count, text)
      t.ok(values.every((value, i) => value === String(i % ROWS)), 'in order')
      t.equal(peer.errorText, '')
      const grown = Math.round(((await settled(jetgres.pid)) - before) / MB)
      t.ok(grown < 128, `grown by ${grown} MB`)
    }
  })

  await t.test('lengths that are negative or huge', async (t) => {
    const before = await settled(jetgres.pid)
    for (const length of [-1, 0, 3, -2_147_483_648, 0x7fffffff]) {
      const peer = await session(t, jetgres)
      peer.write(headed('Q', length))
      await peer.closed()
      t.match(peer.errorText, /^FATAL 08P01 invalid message length/, String(length))
    }
    const waiting = await Promise.all(Array.from({ length: 20 }, () => session(t, jetgres)))
    for (const peer of waiting) peer.write(headed('B', 0x3fffffff), Buffer.alloc(1_000))
    t.equal((await client.query('SELECT 1 AS one')).rowCount, 1)
    const grown = Math.round(((await settled(jetgres.pid)) - before) / MB)
    t.ok(grown < 64, `20 announcements of a gigabyte: grown by ${grown} MB`)
  })

  await t.test('frames cut at every byte, both ways', async (t) => {
    const drip = await startDrip(t, postgres)
    const slow = await startJetgres(t, { upstream: `postgresql://postgres@127.0.0.1:${drip}/postgres?sslmode=disable` })
    const script = [
      frontend.query(`SELECT 'relayed', 1; SELECT count(*) FROM pg_class WHERE oid < 0`),
      frontend.parse({ name: 's', text: 'SELECT $1::text, $2::int + 1' }),
      frontend.describe({ type: 'S', name: 's' }),
      frontend.bind({ statement: 's', values: ['a', '41'] }),
      frontend.execute({}),
      frontend.sync(),
      frontend.query('SELECT 1/0'),
      frontend.query('COPY (SELECT generate_series(1, 3)) TO STDOUT')
    ]
    const outcome = async (to: Place, isCut: boolean): Promise<string[]> => {
      const peer = await session(t, to)
      const bytes = Buffer.concat(script)
      const pieces = isCut ? Array.from(bytes, (byte) => Buffer.from([byte])) : [bytes]
      for (const piece of pieces) await new Promise((done) => peer.socket.write(piece, done))
      await peer.until('Z', 5, 30_000)
      const start = peer.frames.findIndex(({ letter }) => letter === 'Z')
      return peer.frames.slice(start).map(({ letter, body }) => `${letter} ${body.toString('latin1')}`)
    }
    const wanted = await outcome(postgres, false)
    t.ok(wanted.length > 15)
    t.same(await outcome(slow, true), wanted)
  })
})

function headed(letter: string, length: number): Buffer {
  const bytes = Buffer.alloc(5)
  bytes.write(letter, 'latin1')
  bytes.writeInt32BE(length, 1)
  return bytes
}

/** Stands before a server and hands its bytes on one at a time. Returns its port. */
async function startDrip(t: Test, to: Place): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (near) => {
    void (async () => {
      const far = await openSocket(t, to)
      sockets.add(near)
      near.on('error', () => far.destroy())
      near.on('close', () => far.destroy())
      near.pipe(far)
      for await (const chunk of far as AsyncIterable<Buffer>) {
        for (const byte of chunk) await new Promise((done) => near.write(Buffer.from([byte]), done))
      }
      near.end()
    })().catch(() => near.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}
