// Goal: commits keep order, are shared, rest between each other, and end what waits for them; work
// in slices keeps order and promises. Method: a sink in memory, no server.

import t from 'tap'

import { Committer } from '../../src/ingest/committer.ts'
import { toDelivery } from '../../src/ingest/delivery.ts'
import { SlicedQueue } from '../../src/ingest/sliced-queue.ts'
import { limits } from '../../src/limits.ts'
import { eventually } from '../support/eventually.ts'
import { delivery, MemorySink, schema } from './support.ts'

const start = { sequence: 0, created: 'first' }
const quiet = { onCommitted: () => undefined, onFailure: () => undefined }

function add(committer: Committer, ...sequences: number[]): void {
  for (const sequence of sequences) {
    committer.open.add([sequence], delivery(sequence))
    committer.added()
  }
}

void t.test('rows that come during a commit wait for the next one, in order', async (t) => {
  const sink = new MemorySink()
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  sink.gate = () => held
  const committer = new Committer(schema, sink, start, quiet)
  add(committer, 1, 2)
  const first = committer.flush()
  add(committer, 3)
  const second = committer.flush()
  add(committer, 4)
  const third = committer.flush()
  t.equal(committer.pendingDeliveries, 4)
  release()
  await first
  t.same(sink.values, [1, 2])
  await Promise.all([second, third])
  t.same(sink.batches.map((batch) => [...batch.sequences]), [[1, 2], [3, 4]])
  t.same([committer.pendingDeliveries, committer.pendingBytes], [0, 0])
  await committer.close()
})

void t.test('another life of the stream has batches of its own', async (t) => {
  const sink = new MemorySink()
  const committer = new Committer(schema, sink, start, quiet)
  add(committer, 5, 6)
  committer.turn({ sequence: 0, created: 'second' })
  add(committer, 1, 2)
  await committer.flush()
  t.same(
    sink.batches.map((batch) => [batch.position.created, batch.position.sequence, batch.count]),
    [
      ['first', 6, 2],
      ['second', 2, 2]
    ]
  )
  await committer.close()
})

void t.test('a failing commit is retried with the same rows before any others', async (t) => {
  const sink = new MemorySink()
  const tried: number[][] = []
  sink.gate = (batch) => {
    tried.push([...batch.sequences])
    if (tried.length < 3) throw new Error('no')
  }
  const failures: unknown[] = []
  const committer = new Committer(schema, sink, start, {
    ...quiet,
    onFailure: (error) => failures.push(error)
  })
  add(committer, 1)
  const flushed = committer.flush()
  add(committer, 2)
  await flushed
  t.same(tried.slice(0, 3), [[1], [1], [1]])
  t.equal(failures.length, 2)
  t.equal(committer.failure, undefined)
  await committer.flush()
  t.same(sink.values, [1, 2])
  await committer.close()
})

void t.test('close commits what it can, and gives up on a store that refuses', async (t) => {
  const sink = new MemorySink()
  const good = new Committer(schema, sink, start, quiet)
  add(good, 1)
  await good.close()
  t.same(sink.values, [1])
  sink.gate = () => {
    throw new Error('no')
  }
  const bad = new Committer(schema, sink, start, quiet)
  add(bad, 2)
  const began = performance.now()
  await bad.close()
  t.ok(performance.now() - began < limits.flushFailureWaitMs + limits.retryDelayMsMax + 1_000)
})

void t.test('commits take at most about half of the time', async (t) => {
  const sink = new MemorySink()
  const spans: [number, number][] = []
  const hold = 60
  sink.gate = async () => {
    const began = performance.now()
    await eventually(() => performance.now() - began >= hold)
    spans.push([began, performance.now()])
  }
  const committer = new Committer(schema, sink, start, quiet)
  let sequence = 0
  await eventually(() => {
    for (let i = 0; i < limits.commitRows; i++) add(committer, ++sequence)
    return spans.length >= 3
  })
  for (let i = 1; i < spans.length; i++) {
    const rest = (spans[i]?.[0] ?? 0) - (spans[i - 1]?.[1] ?? 0)
    t.ok(rest >= hold * 0.8, `${Math.round(rest)} ms between commits`)
  }
  sink.gate = () => undefined
  await committer.close()
})

void t.test('a sliced queue keeps order and tells when it is through', async (t) => {
  const handled: number[] = []
  let slices = 0
  const queue = new SlicedQueue<number>(
    (n) => {
      handled.push(n)
      const until = performance.now() + 0.5
      while (performance.now() < until);
    },
    () => slices++
  )
  await queue.drained()
  for (let n = 0; n < 200; n++) queue.push(n)
  const first = queue.drained()
  for (let n = 200; n < 300; n++) queue.push(n)
  t.equal(handled.length, 0, 'never at once')
  await first
  t.ok(handled.length >= 200)
  await queue.drained()
  t.same(handled, Array.from({ length: 300 }, (_, n) => n))
  t.ok(slices > 3, `${slices} slices`)
  t.equal(queue.length, 0)
})

void t.test('reply subjects of both forms are read, others refused', async (t) => {
  const message = { subject: 'orders.a', data: new Uint8Array([1]) }
  const read = (reply: string) => {
    const got = toDelivery(reply, message)
    return got && [got.sequence, got.consumerSequence, got.timestampMicros, got.pending]
  }
  const facts = [155, 6, 1700000000123456n, 42]
  const tail = '155.6.1700000000123456789.42'
  t.same(read(`$JS.ACK.ORDERS.jetgres_x.1.${tail}`), facts)
  t.same(read(`$JS.ACK.hub.hash.ORDERS.jetgres_x.1.${tail}`), facts, 'no token')
  t.same(read(`$JS.ACK.hub.hash.ORDERS.jetgres_x.1.${tail}.token`), facts)
  const bad = ['', '_INBOX.a.b', '$JS.ACK.a.b', '$JS.ACK.a.b.1', '$JS.ACK.a.b.1.1.1.1']
  for (const other of [...bad, '$JS.ACK.a.b.1.x.y.z.w']) {
    t.equal(toDelivery(other, message), undefined, other)
  }
  t.equal(toDelivery(`$JS.ACK.ORDERS.jetgres_x.1.${tail}`, message)?.subject, 'orders.a')
})
