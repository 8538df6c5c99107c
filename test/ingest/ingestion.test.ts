// Goal: what the stream delivers is committed once and in order, from every start, for any
// subjects, with bounded memory, and flush means what it says. Method: a real nats-server, a sink
// in memory.

import t from 'tap'

import { PgError } from '../../src/errors.ts'
import { limits } from '../../src/limits.ts'
import { eventually } from '../support/eventually.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { connectorTo, ingest, inOrder, MemorySink, numbers, startNumbers } from './support.ts'

const skip = withoutNats()
const MANY = 100_000

void t.test('100 k deliveries arrive in order, in bounded bursts', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  await publishJson(admin, 'n.a', numbers(0, MANY))
  const began = performance.now()
  const { ingestion, sink, rows, states } = await ingest(t, connectorTo(server.port))
  const burst = largestBurst(() => ingestion.status().received)
  await rows(MANY)
  t.comment(`${MANY} deliveries in ${Math.round(performance.now() - began)} ms`)
  t.ok(burst.stop() <= limits.pullBatch, 'one turn of the event loop is bounded')
  t.ok(inOrder(sink.values, 0, MANY))
  t.ok(inOrder(sink.sequences, 1, MANY))
  await eventually(() => ingestion.status().state === 'live')
  t.same(states, ['catching up', 'live'])
  const { received, applied, dropped, gaps, lag, position, restarts } = ingestion.status()
  t.same(
    { received, applied, dropped, gaps, lag, restarts, sequence: position.sequence },
    { received: MANY, applied: MANY, dropped: 0, gaps: 0, lag: 0, restarts: 0, sequence: MANY }
  )

  const manager = await admin.jetstreamManager()
  await ingestion.stop()
  t.equal(ingestion.status().state, 'stopped')
  t.same(await manager.consumers.list('N').next(), [], 'its consumer is gone')
})

void t.test('start modes and subjects select what is read', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  const subjects = ['n.a', 'n.b', 'n.c.x', 'n.c.y']
  await publishJson(admin, (i) => subjects[i % 4] as string, numbers(0, 40))
  const manager = await admin.jetstreamManager()
  const millis = (await manager.streams.getMessage('N', { seq: 21 })).time.getTime()

  const all = numbers(0, 40).map(({ n }) => n)
  const cases = [
    { subjects: ['n.>'], expect: all },
    { subjects: ['>'], expect: all },
    { subjects: ['n.b'], expect: all.filter((n) => n % 4 === 1) },
    { subjects: ['n.*'], expect: all.filter((n) => n % 4 < 2) },
    { subjects: ['n.a', 'n.c.*'], expect: all.filter((n) => n % 4 !== 1) },
    { subjects: ['n.c.x', 'n.c.x', 'n.c.*', 'n.a'], expect: all.filter((n) => n % 4 !== 1) },
    { subjects: ['n.c.*', 'n.*.y'], expect: all.filter((n) => n % 4 > 1) }
  ]
  for (const { subjects, expect } of cases) {
    const { ingestion, sink } = await ingest(t, connectorTo(server.port, { subjects }))
    await eventually(() => ingestion.status().state === 'live')
    await ingestion.freshness.flush()
    t.same(sink.values, expect, subjects.join())
    t.equal(ingestion.status().gaps, 0, 'what other subjects have is no gap')
  }

  const latest = await ingest(t, connectorTo(server.port, { start: { mode: 'latest' } }))
  const later = await ingest(t, connectorTo(server.port, { start: { mode: 'timestamp', millis } }))
  await publishJson(admin, 'n.a', numbers(40, 43))
  await latest.rows(3)
  t.same(latest.sink.values, [40, 41, 42])
  await eventually(() => later.sink.values.at(-1) === 42)
  t.ok((later.sink.values[0] ?? 99) <= 20, 'nothing stored at or after the time is left out')
  t.ok(inOrder(later.sink.values, later.sink.values[0] ?? 0, 43 - (later.sink.values[0] ?? 0)))
})

void t.test('what was received before a flush is in the sink after it', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  const { ingestion, sink } = await ingest(t, connectorTo(server.port))
  await ingestion.freshness.flush()
  t.equal(sink.batches.length, 0, 'a flush with nothing received writes nothing')
  for (let n = 0; n < 20; n++) {
    await publishJson(admin, 'n.a', numbers(n, n + 1))
    await eventually(() => ingestion.status().received === n + 1)
    const before = sink.batches.length
    await Promise.all([ingestion.freshness.flush(), ingestion.freshness.flush(), ingestion.freshness.flush()])
    t.equal(sink.values.length, n + 1)
    t.ok(sink.batches.length - before <= 1, 'concurrent flushes share one commit')
  }
  await publishJson(admin, 'n.a', numbers(20, 21))
  await eventually(() => ingestion.status().applied === 21, {
    deadlineMs: limits.commitIntervalMs + 2_000,
    what: 'a commit without a flush'
  })
})

void t.test('a bad delivery is dropped, kept in part, and stops nothing', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  const long = 'x'.repeat(limits.droppedPayloadBytesKept * 2)
  await publishJson(admin, 'n.bad', [{ n: 1 }, { m: 1 }, long, { n: 2 }, { m: 2 }])
  const { ingestion, sink } = await ingest(t, connectorTo(server.port))
  await eventually(() => ingestion.status().received === 5)
  await ingestion.freshness.flush()
  t.same(sink.values, [1, 2])
  t.same(sink.sequences, [1, 4])
  t.equal(sink.position?.sequence, 5, 'the position covers what was dropped')
  const dropped = sink.batches.flatMap((batch) => batch.dropped)
  t.same(
    dropped.map(({ sequence, subject, error }) => [sequence, subject, error]),
    [
      [2, 'n.bad', 'n is missing'],
      [3, 'n.bad', 'n is missing'],
      [5, 'n.bad', 'n is missing']
    ]
  )
  t.equal(dropped[1]?.payload.length, limits.droppedPayloadBytesKept)
  t.equal(dropped[1]?.payload.buffer.byteLength, limits.droppedPayloadBytesKept, 'a copy')
  t.equal(ingestion.status().dropped, 3)
})

void t.test('a sink that fails stalls, loses nothing, and heals', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  const sink = new MemorySink()
  let failing = true
  sink.gate = () => {
    if (failing) throw new Error('disk full')
  }
  const { ingestion, rows, states } = await ingest(t, connectorTo(server.port), { sink })
  await publishJson(admin, 'n.a', numbers(0, 10))
  await eventually(() => ingestion.status().received === 10)
  const began = performance.now()
  const error = await ingestion.freshness.flush().then(
    () => undefined,
    (e: unknown) => e
  )
  t.ok(error instanceof PgError && /disk full/.test(error.message), String(error))
  t.ok(performance.now() - began < limits.flushFailureWaitMs + 2_000, 'bounded')
  t.equal(ingestion.status().state, 'stalled')
  t.match(ingestion.status().lastError, /disk full/)
  await publishJson(admin, 'n.a', numbers(10, 20))
  failing = false
  await rows(20)
  t.ok(inOrder(sink.values, 0, 20))
  await eventually(() => ingestion.status().state === 'live')
  t.ok(states.includes('stalled'))
})

void t.test('a slow sink holds back the stream, not the memory', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  const total = limits.pendingRowsMax + 40_000
  await publishJson(admin, 'n.a', numbers(0, total))
  const sink = new MemorySink()
  let open = (): void => undefined
  const closed = new Promise<void>((resolve) => {
    open = resolve
  })
  sink.gate = () => closed
  const { ingestion, rows } = await ingest(t, connectorTo(server.port), { sink })
  await eventually(() => ingestion.status().received >= limits.pendingRowsMax)
  let last = -1
  await eventually(() => {
    const { received } = ingestion.status()
    const settled = received === last
    last = received
    return settled
  })
  const most = limits.pendingRowsMax + limits.pullBatch
  t.ok(last <= most, `${last} received of ${total} while nothing was committed, at most ${most}`)
  open()
  await rows(total)
  t.ok(inOrder(sink.values, 0, total))
})

void t.test('relations on one server share its connection', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t)
  const a = await ingest(t, connectorTo(server.port))
  const other = a.connections.lease(connectorTo(server.port), () => undefined)
  await eventually(() => other.current !== undefined)
  t.equal(a.connections.size, 1)
  await other.release()
  await other.release()
  t.equal(a.connections.size, 1, 'releasing twice takes nothing from others')
  await publishJson(admin, 'n.a', numbers(0, 3))
  await a.rows(3)
  await a.ingestion.stop()
  t.equal(a.connections.size, 0)
})

void t.test('a delivery larger than a pull still arrives', { skip }, async (t) => {
  const { server, admin } = await startNumbers(t, {}, { configText: 'max_payload: 8MB' })
  const pad = 'x'.repeat(limits.pullBytesMax + 100_000)
  await publishJson(admin, 'n.a', [{ n: 0 }, { n: 1, pad }, { n: 2 }, { n: 3, pad }])
  const { sink, rows } = await ingest(t, connectorTo(server.port))
  await rows(4)
  t.same(sink.values, [0, 1, 2, 3])
})

/** How much a counter grew at most between two turns of the event loop. */
function largestBurst(count: () => number): { stop: () => number } {
  let largest = 0
  let last = count()
  let stopped = false
  const look = (): void => {
    largest = Math.max(largest, count() - last)
    last = count()
    if (!stopped) setImmediate(look)
  }
  look()
  return {
    stop: () => {
      stopped = true
      return largest
    }
  }
}
