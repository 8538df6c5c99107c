// Goal: whatever happens to the server, the consumer or the stream, nothing is lost, nothing comes
// twice, and what is gone is counted. Method: a real nats-server that is killed, paused and changed
// under a running ingestion.

import { cp, mkdtemp, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { NatsConnection } from 'nats'
import t from 'tap'

import { probe } from '../../src/ingest/probe.ts'
import { eventually } from '../support/eventually.ts'
import {
  connectNats,
  createStream,
  publishJson,
  startNats,
  startStream,
  withoutNats
} from '../support/nats-server.ts'
import {
  connectorTo,
  ingest,
  inOrder,
  keyless,
  MemorySink,
  numbers,
  startNumbers,
  startReader
} from './support.ts'

const skip = withoutNats()

const jetStreamIsBack = (admin: NatsConnection) =>
  eventually(async () => (await admin.jetstreamManager({ timeout: 300 })).streams.info('N'))

void t.test('kill -9 of the server in mid-stream', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  const before = 80_000
  await publishJson(admin, 'n.a', numbers(0, before))
  const sink = new MemorySink()
  const { ingestion, rows, states } = await ingest(t, connectorTo(server.port), { sink })
  await eventually(() => ingestion.status().received > 1_000)
  await server.kill()
  t.ok(ingestion.status().received < before, `${ingestion.status().received} received before`)
  await eventually(() => ingestion.status().state === 'reconnecting')
  t.ok(ingestion.status().lastError)
  await server.restart()
  await jetStreamIsBack(admin)
  await publishJson(admin, 'n.a', numbers(before, before + 1_000))
  await rows(before + 1_000)
  t.ok(inOrder(sink.values, 0, before + 1_000), `${sink.values.length} rows`)
  await eventually(() => ingestion.status().state === 'live')
  t.same([ingestion.status().gaps, ingestion.status().restarts], [0, 0])
  t.ok(states.includes('reconnecting'))
})

void t.test('a server that hangs for a while', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  await publishJson(admin, 'n.a', numbers(0, 100))
  const { ingestion, sink, rows } = await ingest(t, connectorTo(server.port))
  await rows(100)
  server.pause()
  await eventually(() => ingestion.status().state === 'reconnecting')
  server.resume()
  await publishJson(admin, 'n.a', numbers(100, 200))
  await rows(200)
  t.ok(inOrder(sink.values, 0, 200))
})

void t.test('a server that is not there yet, and going on at the position', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  await publishJson(admin, 'n.a', numbers(0, 50))
  const first = await ingest(t, connectorTo(server.port))
  await first.rows(50)
  await first.ingestion.stop()
  const position = first.sink.position
  await server.stop()
  const second = await ingest(t, connectorTo(server.port), { position: position as never })
  await eventually(() => second.ingestion.status().lastError !== undefined)
  t.equal(second.ingestion.status().state, 'starting')
  await server.restart()
  await jetStreamIsBack(admin)
  await publishJson(admin, 'n.a', numbers(50, 60))
  await second.rows(10)
  t.ok(inOrder(second.sink.values, 50, 10), 'nothing that was committed comes again')
})

void t.test('a server that refuses the password for a while', { skip }, async (t) => {
  const storeDir = await mkdtemp(join(tmpdir(), 'jetgres-nats-store-'))
  t.teardown(() => rm(storeDir, { recursive: true, force: true }))
  const auth = { user: 'bob', password: 'pw' }
  const { server, admin } = await startStream(t, 'N', ['n.>'], {
    server: { storeDir, auth },
    login: { user: 'bob', pass: 'pw', ignoreAuthErrorAbort: true }
  })
  const authentication = { mode: 'user_and_password', username: 'bob', password: 'pw' } as const
  const { ingestion, sink, rows } = await ingest(t, connectorTo(server.port, { authentication }))
  await publishJson(admin, 'n.a', numbers(0, 10))
  await rows(10)
  await server.stop()
  const { port } = server
  const strict = await startNats(t, { port, storeDir, auth: { ...auth, password: 'other' } })
  await eventually(() => /refused user "bob"/.test(ingestion.status().lastError ?? ''))
  t.equal(ingestion.status().state, 'reconnecting')
  await strict.stop()
  await server.restart()
  await jetStreamIsBack(admin)
  await publishJson(admin, 'n.a', numbers(10, 20))
  await rows(20)
  t.ok(inOrder(sink.values, 0, 20))
})

void t.test('a consumer that is deleted is replaced soon, without waiting for heartbeats', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  const { ingestion, sink, rows } = await ingest(t, connectorTo(server.port))
  await eventually(() => ingestion.status().state === 'live')
  const manager = await admin.jetstreamManager()
  for (let round = 0; round < 3; round++) {
    for (const { name } of await manager.consumers.list('N').next()) {
      // One deleted, jetgres deletes the other by itself.
      await manager.consumers.delete('N', name).catch(() => undefined)
    }
    const began = performance.now()
    await publishJson(admin, 'n.a', numbers(round * 10, round * 10 + 10))
    await eventually(() => ingestion.status().received === round * 10 + 10)
    t.ok(performance.now() - began < 4_000, `${Math.round(performance.now() - began)} ms`)
  }
  await rows(30)
  t.ok(inOrder(sink.values, 0, 30))
})

void t.test('a stream that is made again is read from its start', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  await publishJson(admin, 'n.a', numbers(0, 100))
  const { ingestion, sink, rows } = await ingest(t, connectorTo(server.port))
  await eventually(() => ingestion.status().received === 100)
  const created = ingestion.status().position.created
  const manager = await admin.jetstreamManager()
  await manager.streams.delete('N')
  await eventually(() => /not found/.test(ingestion.status().lastError ?? ''))
  await eventually(() => createStream(admin, 'N', ['n.>']).then(() => true))
  await publishJson(admin, 'n.a', numbers(100, 150))
  await rows(150)
  t.ok(inOrder(sink.values, 0, 150))
  t.same(sink.sequences.slice(100), numbers(1, 51).map(({ n }) => n), 'new sequences')
  const { position, restarts } = ingestion.status()
  t.equal(restarts, 1)
  t.equal(position.sequence, 50)
  t.not(position.created, created)
  const lives = new Set(sink.batches.map((batch) => batch.position.created))
  t.same([...lives], [created, position.created], 'no batch mixes two lives')
})

void t.test('another life is written down even if it holds nothing', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  const position = { sequence: 500, created: '2020-01-01T00:00:00Z' }
  const { ingestion, sink } = await ingest(t, connectorTo(server.port), { position })
  await eventually(() => sink.batches.length === 1)
  const manager = await admin.jetstreamManager()
  const { created } = await manager.streams.info('N')
  t.same(sink.position, { sequence: 0, created })
  t.equal(ingestion.status().restarts, 1)
})

void t.test('a stream that went back is read again if a key allows it', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  await publishJson(admin, 'n.a', numbers(0, 10))
  const { created } = await (await admin.jetstreamManager()).streams.info('N')
  const position = { sequence: 500, created }
  const keyed = await ingest(t, connectorTo(server.port), { position })
  await keyed.rows(10)
  t.ok(inOrder(keyed.sink.values, 0, 10))
  t.not(keyed.sink.position?.created, created, 'the store must not take it for the life it knows')
  const again = keyed.sink.position as never
  await keyed.ingestion.stop()
  const resumed = await ingest(t, connectorTo(server.port), { position: again })
  await eventually(() => resumed.ingestion.status().state === 'live')
  t.equal(resumed.ingestion.status().restarts, 0, 'and later it is the same life')
  const plain = await ingest(t, connectorTo(server.port), { position, schema: keyless })
  await eventually(() => plain.ingestion.status().state === 'stalled')
  t.match(plain.ingestion.status().lastError, /went back from sequence 500 to 10/)
  t.equal(plain.sink.batches.length, 0)
  const trim = (): Promise<void> => Promise.resolve()
  const mirror = await ingest(t, connectorTo(server.port), { position, schema: keyless, trim })
  await mirror.rows(10)
  t.ok(inOrder(mirror.sink.values, 0, 10), 'where rows go with their stream, too')
  t.equal(mirror.sink.batches[0]?.cutsBehind, 0, 'then they take the place of those from before')
})

void t.test('a stream that lost its end is known by what it holds, though it has grown again', { skip }, async (t) => {
  const storeDir = join(t.testdir(), 'store')
  const { server, admin } = await startStream(t, 'N', ['n.>'], { server: { storeDir } })
  await publishJson(admin, 'n.a', numbers(0, 10))
  const witness = await ingest(t, connectorTo(server.port), { schema: keyless })
  await witness.rows(10)
  await server.stop()
  await cp(storeDir, `${storeDir}.old`, { recursive: true })
  await server.restart()
  await jetStreamIsBack(admin)
  await publishJson(admin, 'n.a', numbers(10, 20))
  const keyed = await ingest(t, connectorTo(server.port))
  const plain = await ingest(t, connectorTo(server.port), { schema: keyless })
  await Promise.all([keyed.rows(20), plain.rows(20), witness.rows(20)])
  await server.stop()
  await rm(storeDir, { recursive: true })
  await rename(`${storeDir}.old`, storeDir)
  // It grows beyond what was read before a reader sees it.
  const elsewhere = await startNats(t, { storeDir })
  const connection = await connectNats(t, elsewhere)
  await jetStreamIsBack(connection)
  await publishJson(connection, 'n.a', numbers(20, 40))
  await elsewhere.stop()
  await server.restart()
  await keyed.rows(20 + 30)
  t.same(keyed.sink.values.slice(20), [...numbers(0, 10), ...numbers(20, 40)].map(({ n }) => n))
  await eventually(() => plain.ingestion.status().state === 'stalled')
  t.match(plain.ingestion.status().lastError, /holds other deliveries than were read, up to sequence 20/)
  t.equal(plain.sink.values.length, 20)
  // This one knows a delivery from before the lost end.
  await witness.rows(20 + 20)
  t.ok(inOrder(witness.sink.values, 0, 40), 'nothing comes twice')
  const cuts = witness.sink.batches.map(({ cutsBehind }) => cutsBehind)
  t.same(cuts.filter((cut) => cut !== undefined), [10], 'and the rows of the lost end go')
})

void t.test('a stream that is edited and restarted is the same, whatever it says', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  const restarted = async (): Promise<void> => {
    await server.stop()
    await server.restart()
    await jetStreamIsBack(admin)
  }
  const { ingestion, sink, rows } = await ingest(t, connectorTo(server.port), { schema: keyless })
  // nats-server 2.9 keeps with an edit when it has started, and takes that for `created` later on.
  // All that the stream holds is younger.
  await restarted()
  const manager = await admin.jetstreamManager()
  await manager.streams.update('N', { description: 'edited' })
  await publishJson(admin, 'n.a', numbers(0, 10))
  await rows(10)
  await restarted()
  const after = await manager.streams.info('N')
  t.comment(`created ${ingestion.status().position.created}, then ${after.created}`)
  await publishJson(admin, 'n.a', numbers(10, 20))
  await rows(20)
  t.ok(inOrder(sink.values, 0, 20), 'nothing comes again')
  t.equal(ingestion.status().restarts, 0)
  t.equal(ingestion.status().position.created, after.created, 'the position is known by what it says now')
})

void t.test('a purge counts what was not read, and what follows arrives', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  const manager = await admin.jetstreamManager()
  const { ingestion, sink, rows } = await ingest(t, connectorTo(server.port))
  await publishJson(admin, 'n.a', numbers(0, 10))
  await rows(10)
  await manager.streams.purge('N')
  await publishJson(admin, 'n.a', numbers(10, 20))
  await rows(20)
  t.ok(inOrder(sink.values, 0, 20))
  t.equal(ingestion.status().gaps, 0, 'all that was purged had been read')
  await ingestion.stop()

  await publishJson(admin, 'n.a', numbers(20, 30))
  await manager.streams.purge('N')
  await publishJson(admin, 'n.a', numbers(30, 35))
  const position = sink.position as never
  const second = await ingest(t, connectorTo(server.port), { position })
  await second.rows(5)
  t.ok(inOrder(second.sink.values, 30, 5))
  t.equal(second.ingestion.status().gaps, 10)
})

void t.test('what is trimmed under a reader that stands still is counted', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t, { max_msgs: 1_000, storage: 'memory' })
  const total = 10_000
  for (const subjects of [['n.>'], ['n.a']]) {
    const sequences: number[] = []
    let gaps = 0
    const connector = connectorTo(server.port, { subjects, start: { mode: 'latest' } })
    const { position } = await probe(connector)
    const reader = startReader(t, connector, position, {
      onDelivery: ({ sequence }) => sequences.push(sequence),
      onGap: ({ first, last }) => {
        gaps += last - first + 1
      },
      onOpen: () => reader.pause()
    })
    await publishJson(admin, 'n.a', numbers(0, total))
    reader.resume()
    const last = position.sequence + total
    await eventually(() => sequences.at(-1) === last, { what: 'the end of the stream' })
    t.ok(gaps > 0, `${gaps} gone for ${subjects.join()}`)
    const known = sequences.length + gaps
    if (subjects[0] === 'n.>') t.equal(known, total, 'each sequence was either read or counted')
    else t.ok(known <= total, 'a filter hides jumps: what is counted was gone, there may be more')
    t.ok(sequences.every((sequence, i) => i === 0 || sequence > (sequences[i - 1] as number)))
    await reader.stop()
  }
})
