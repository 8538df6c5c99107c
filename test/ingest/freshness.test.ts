// Goal: a look-up sees what was received without a commit, exactly what the commit will put there, and
// what it has seen is there again for whoever reads next. Method: a committer over a sink in memory that
// can be held, and an ingestion before and after; no server. Time is mocked where a limit ends a wait.

import { mock } from 'node:test'

import t from 'tap'

import { Committer } from '../../src/ingest/committer.ts'
import { Freshness } from '../../src/ingest/freshness.ts'
import { ReceivedRows } from '../../src/ingest/received-rows.ts'
import { ShownMarks } from '../../src/ingest/shown-marks.ts'
import type { ShownMark } from '../../src/ingest/shown-marks.ts'
import { limits } from '../../src/limits.ts'
import { OID } from '../../src/types/oids.ts'
import type { RelationSchema } from '../../src/types/value.ts'
import { delivery, log, MemorySink } from './support.ts'

const created = 'first'
const schema: RelationSchema = {
  id: 7,
  columns: [
    { attnum: 1, name: 'k', type: { oid: OID.int4, typmod: -1 }, notNull: true },
    { attnum: 2, name: 'v', type: { oid: OID.text, typmod: -1 }, notNull: false }
  ],
  key: [1]
}

interface World {
  readonly committer: Committer
  readonly freshness: Freshness
  readonly sink: MemorySink
  /** undefined: none is shown. */
  show(key: number): string | null | undefined
  add(sequence: number, key: number, value: string | null, isDeleted?: boolean): void
  isAtEnd: boolean
  undecoded: number
}

function open(mark: ShownMark, { from = 0, of = schema }: { from?: number; of?: RelationSchema } = {}): World {
  const sink = new MemorySink()
  const quiet = { onCommitted: () => undefined, onFailure: () => undefined }
  const committer = new Committer(of, sink, { sequence: from, created }, quiet)
  const world: World = {
    committer,
    sink,
    isAtEnd: false,
    undecoded: 0,
    freshness: new Freshness({
      undecoded: {
        get length() {
          return world.undecoded
        },
        drained: () => Promise.resolve()
      },
      committer,
      rows: new ReceivedRows(of, committer, mark),
      isAtEnd: () => world.isAtEnd,
      streamEnd: () => Promise.resolve(0),
      log
    }),
    show(key) {
      const fields = world.freshness.receivedRow(key, false)
      if (!fields) return fields
      const { bytes, start, end } = fields
      const size = bytes.readInt32BE(start)
      const at = start + 4 + size
      return bytes.readInt32BE(at) < 0 ? 'NULL' : bytes.toString('utf8', at + 4, end)
    },
    add(sequence, key, value, isDeleted = false) {
      committer.open.add([key, value], delivery(sequence), isDeleted)
      committer.added()
      world.freshness.advanced()
    }
  }
  return world
}

void t.test('the newest row of a key is shown before its commit, and while it runs', async (t) => {
  const mark = new ShownMarks().of(7)
  const world = open(mark)
  let release = (): void => undefined
  world.sink.gate = () => new Promise((resolve) => (release = resolve))
  t.equal(world.show(1), undefined, 'nothing waits')
  t.equal(mark.position, undefined)
  world.add(1, 1, 'a')
  world.add(2, 2, null)
  world.add(3, 1, 'b')
  t.same([world.show(1), world.show(2), world.show(3)], ['b', 'NULL', undefined])
  t.same(mark.position, { sequence: 3, created }, 'it is noted')
  t.notOk(world.freshness.isSettled(1), 'the store does not have it yet')
  t.ok(world.freshness.isSettled(3))
  const flushed = world.freshness.flush()
  await new Promise(setImmediate)
  t.equal(world.committer.open.empty, true)
  t.equal(world.show(1), 'b', 'being committed')
  world.add(4, 1, null, true)
  t.equal(world.show(1), null, 'it is to go')
  world.add(5, 1, 'c')
  t.equal(world.show(1), 'c')
  release()
  await flushed
  t.same([world.show(1), world.show(2)], ['c', undefined], 'what is committed is the store\'s')
  t.equal(world.sink.batches.length, 1, 'nothing was committed for a look-up')
  await world.freshness.settle([1])
  t.equal(world.sink.batches.length, 1)
  world.undecoded = 1
  t.equal(world.show(1), undefined, 'a newer one may be undecoded')
  t.ok(world.freshness.receivedRow(1, true), 'but came later than who has waited')
  world.sink.gate = () => undefined
  await world.committer.close()
})

void t.test('where the store decides, or nothing can be noted, a look-up has a commit', async (t) => {
  const keepsFirst = { ...schema, onConflict: { keep: 'first' as const } }
  const deaf: ShownMark = { position: undefined, raise: () => false }
  const long = 'x'.repeat(70_000)
  const worlds = {
    'ON CONFLICT': open(new ShownMarks().of(7), { of: keepsFirst }),
    'no mark': open(deaf),
    'a row too long to be kept': open(new ShownMarks().of(7))
  }
  for (const [name, world] of Object.entries(worlds)) {
    world.add(1, 1, long)
    t.equal(world.show(1), undefined, name)
    await world.freshness.settle([1])
    t.equal(world.sink.batches.length, 1, `${name}: it is committed`)
    await world.committer.close()
  }
})

void t.test('what was shown is shown again before anything is read', async (t) => {
  const marks = new ShownMarks()
  const killed = open(marks.of(7))
  killed.add(8, 1, 'shown')
  t.equal(killed.show(1), 'shown')
  // Its commit never came.
  const next = open(marks.of(7), { from: 5 })
  t.notOk(next.freshness.isSettled(1), 'the store has an older row')
  let isOver = false
  const reads = Promise.all([next.freshness.flush(), next.freshness.settle([1])]).then(() => (isOver = true))
  next.add(6, 2, 'other')
  await new Promise(setImmediate)
  t.equal(next.show(2), undefined, 'not even what has come')
  t.notOk(isOver)
  next.add(8, 1, 'shown')
  await reads
  t.equal(next.show(2) ?? 'committed', 'committed')
  t.ok(next.freshness.isSettled(1))
  await Promise.all([killed.committer.close(), next.committer.close()])
})

void t.test('a stream that no longer has what was shown', async (t) => {
  const marks = new ShownMarks()
  marks.of(7).raise({ sequence: 9, created })
  const purged = open(marks.of(7), { from: 5 })
  const waits = purged.freshness.flush()
  purged.isAtEnd = true
  purged.freshness.reachedEnd()
  await waits
  t.ok(purged.freshness.isSettled(1))
  const reborn = open(new ShownMarks().of(7), { from: 5 })
  t.ok(reborn.freshness.isSettled(1))
  marks.of(7).raise({ sequence: 100, created: 'second' })
  t.ok(open(marks.of(7), { from: 5 }).freshness.isSettled(1), 'another life is no debt')
})

void t.test('a stream that cannot be read ends the wait', async (t) => {
  const marks = new ShownMarks()
  marks.of(7).raise({ sequence: 9, created })
  const world = open(marks.of(7), { from: 5 })
  mock.timers.enable({ apis: ['setTimeout'] })
  t.teardown(() => mock.timers.reset())
  let isOver = false
  const read = world.freshness.flush().then(() => (isOver = true))
  mock.timers.tick(limits.shownWaitMs - 1)
  await Promise.resolve()
  t.notOk(isOver)
  mock.timers.tick(1)
  await read
  t.ok(world.freshness.isSettled(1), 'and nobody waits a second time')
})
