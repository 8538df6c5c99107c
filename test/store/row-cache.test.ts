// Goal: a row answered from memory, or from the file beside it, is the row the store holds: never older
// than what a snapshot has shown, never of a batch that failed, whole or not at all.
// Method: relations are looked up until they are kept; random batches, then every key compared with
// SQL; reads by both ways while commits run; budgets that rows, or even their index, don't fit into.

import { rename } from 'node:fs/promises'
import { dirname } from 'node:path'

import t from 'tap'
import type { Test } from 'tap'

import { limits } from '../../src/limits.ts'
import { Store } from '../../src/store/store.ts'
import type { RelationSchema, Value } from '../../src/types/value.ts'
import { eventually } from '../support/eventually.ts'
import { random } from '../support/random.ts'
import {
  CREATED,
  INTEGER,
  TEXT,
  batchOf,
  log,
  openStore,
  readAll,
  schemaOf,
  storePath,
  type
} from './fixtures.ts'

const START = { sequence: 0, created: CREATED }
const SCHEMA = schemaOf(1, [INTEGER, TEXT], [1])

/** The row's fields; null: there is none; undefined: not in memory. */
function rowOf(store: Store, schema: RelationSchema, key: number | string | bigint) {
  const fields = store.rowByKey(schema, key)
  if (!fields) return fields
  const { bytes, end } = fields
  const row: (string | null)[] = []
  for (let at = fields.start; at < end; ) {
    const size = bytes.readInt32BE(at)
    row.push(size < 0 ? null : bytes.toString('utf8', at + 4, at + 4 + size))
    at += 4 + Math.max(size, 0)
  }
  return row
}

const inMemory = (store: Store, schema = SCHEMA): Promise<true> =>
  eventually(() => store.rowByKey(schema, -1) === null, { what: 'the relation to be in memory' })

const MiB = 1024 * 1024

/** A store with so much memory for look-ups. */
async function openSmall(t: Test, rowCacheBytesMax: number): Promise<{ store: Store; folder: string }> {
  const path = await storePath(t)
  const store = await Store.open({ path, log, threads: 2, rowCacheBytesMax })
  t.teardown(() => store.close())
  return { store, folder: dirname(path) }
}

/** Keys below `count` whose rows are not the store's. */
async function wrongKeys(store: Store, count: number): Promise<number[]> {
  const want = new Map((await readAll(store, 'SELECT c1, c2 FROM r1')).map((row) => [row[0], row[1]]))
  return Array.from({ length: count }, (_, key) => key).filter((key) => {
    const row = rowOf(store, SCHEMA, key)
    return want.has(key) ? row?.[0] !== String(key) || row[1] !== want.get(key) : row !== null
  })
}

for (const [where, bytes, size] of [['memory', 64 * MiB, 50], ['the file', 2 * MiB, 40_000]] as const) {
  void t.test(`what is in ${where} is what the store holds, through random batches`, async (t) => {
    const next = random(t)
    const { store } = await openSmall(t, bytes)
    await store.define(SCHEMA, '', START)
    let sequence = 1
    const apply = async (count: number): Promise<void> => {
      const rows = Array.from({ length: count }, () => [
        next.int(0, 300),
        next.bool(0.1) ? null : `text ${'x'.repeat(next.int(0, size))} ${sequence}`
      ])
      const deleted = rows.flatMap((_, i) => (next.bool(0.2) ? [i] : []))
      await store.apply(batchOf({ rows, from: sequence, deleted }))
      sequence += count
    }
    await apply(200)
    await inMemory(store)
    for (let round = 0; round < 10; round++) {
      await apply(next.int(1, 80))
      t.strictSame(await wrongKeys(store, 301), [])
    }
  })
}

void t.test('batches that come while it is read are in it', async (t) => {
  const store = await openStore(t)
  await store.define(SCHEMA, '', START)
  const count = 20_000
  const rows = Array.from({ length: count }, (_, i): Value[] => [i, 'old'])
  await store.apply(batchOf({ rows }))
  for (let asked = 0; asked < limits.rowCacheMisses; asked++) store.rowByKey(SCHEMA, asked)
  let sequence = count + 1
  while (store.rowByKey(SCHEMA, -1) === undefined) {
    const rows = [[sequence % count, `new ${sequence}`], [(sequence * 7) % count, null]]
    await store.apply(batchOf({ rows, from: sequence, deleted: [1] }))
    sequence += 2
  }
  t.ok(sequence > count + 1, 'some came meanwhile')
  t.strictSame(await wrongKeys(store, count), [])
})

void t.test('memory is never behind what a snapshot has shown', async (t) => {
  const store = await openStore(t)
  await store.define(SCHEMA, '', START)
  await store.apply(batchOf({ rows: [[1, '0']] }))
  await inMemory(store)
  let isOver = false
  const writing = (async () => {
    for (let n = 1; n <= 60; n++) await store.apply(batchOf({ rows: [[1, String(n)]], from: n + 1 }))
    isOver = true
  })()
  let behind = 0
  let answered = 0
  while (!isOver) {
    const shown = Number((await readAll(store, 'SELECT c2 FROM r1'))[0]?.[0])
    const kept = rowOf(store, SCHEMA, 1)
    if (kept === undefined) continue
    answered++
    if (Number(kept?.[1]) < shown) behind++
  }
  await writing
  t.equal(behind, 0)
  t.ok(answered > 0, 'some reads were answered from memory')
  t.strictSame(rowOf(store, SCHEMA, 1), ['1', '60'])
})

void t.test('a batch that fails leaves no trace', async (t) => {
  const store = await openStore(t)
  await store.define(SCHEMA, '', START)
  await store.apply(batchOf({ rows: [[1, 'a']] }))
  await inMemory(store)
  await t.rejects(store.apply(batchOf({ rows: [[1, 'b'], [2, 'zero \0 byte']], from: 2 })))
  t.strictSame(rowOf(store, SCHEMA, 1), ['1', 'a'])
  t.equal(rowOf(store, SCHEMA, 2), null)
})

void t.test('keys of several columns and of any text are told apart', async (t) => {
  const schema = schemaOf(1, [TEXT, type(20), TEXT], [1, 2])
  const store = await openStore(t)
  await store.define(schema, '', START)
  await store.apply(batchOf({ rows: [['a', 11n, 'x'], ['a1', 1n, 'y'], ['ü☃', -1n, null]] }))
  await eventually(() => store.rowByKey(schema, '?') === null, { what: 'rows in memory' })
  t.strictSame(rowOf(store, schema, '1:a2:11'), ['a', '11', 'x'])
  t.strictSame(rowOf(store, schema, '2:a11:1'), ['a1', '1', 'y'])
  t.strictSame(rowOf(store, schema, '2:ü☃2:-1'), ['ü☃', '-1', null])
})

/** Rows of about 60 bytes. */
const manyRows = (count: number): Value[][] =>
  Array.from({ length: count }, (_, i) => [i, 'some text'.repeat(5)])

const OTHER = schemaOf(2, [INTEGER, TEXT], [1])

/** One look-up each turn: between the first of its rows in memory and its end there are hundreds. */
async function untilKnown(store: Store, isKnown: boolean): Promise<void> {
  while ((store.rowByKey(SCHEMA, 0) !== undefined) !== isKnown) await new Promise(setImmediate)
}

void t.test('of two relations that memory is too small for, both are kept', async (t) => {
  const { store } = await openSmall(t, 3 * MiB)
  await store.define(SCHEMA, '', START)
  await store.define(OTHER, '', START)
  await store.apply(batchOf({ rows: manyRows(40_000) }))
  await store.apply(batchOf({ id: 2, rows: manyRows(20_000) }))
  await inMemory(store, OTHER)
  await inMemory(store)
  t.strictSame(rowOf(store, OTHER, 19_999), ['19999', 'some text'.repeat(5)])
  t.strictSame(await wrongKeys(store, 40_000), [])
})

void t.test('one that is mostly for the file is read once look-ups are many', async (t) => {
  const { store } = await openSmall(t, 10 * MiB)
  await store.define(SCHEMA, '', START)
  const count = limits.rowCacheSampleRows * 4
  await store.apply(batchOf({ rows: manyRows(count) }))
  await untilKnown(store, true)
  await untilKnown(store, false)
  t.equal(store.rowByKey(SCHEMA, count - 1), undefined, 'its first rows told its size')
  await inMemory(store)
  t.strictSame(await wrongKeys(store, count), [])
})

void t.test('one whose index has no room is given up by its first rows', async (t) => {
  const { store } = await openSmall(t, 5 * MiB)
  await store.define(SCHEMA, '', START)
  await store.define(OTHER, '', START)
  const count = limits.rowCacheSampleRows * 8
  await store.apply(batchOf({ rows: manyRows(count) }))
  await store.apply(batchOf({ id: 2, rows: manyRows(100) }))
  await inMemory(store, OTHER)
  await untilKnown(store, true)
  await untilKnown(store, false)
  t.equal(store.rowByKey(SCHEMA, count - 1), undefined)
  t.not(store.rowByKey(OTHER, 1), undefined, 'nobody had to make room for it')
})

void t.test('one that grows beyond what its index has room for is left to the store', async (t) => {
  const { store } = await openSmall(t, 2 * MiB)
  await store.define(SCHEMA, '', START)
  await store.apply(batchOf({ rows: manyRows(10_000) }))
  await inMemory(store)
  await store.apply(batchOf({ rows: manyRows(120_000), from: 10_001 }))
  await eventually(() => store.rowByKey(SCHEMA, 1) === undefined, { what: 'it to be given up' })
  t.strictSame((await readAll(store, 'SELECT count(*) FROM r1'))[0], [120_000n])
})

void t.test('rows that can not be written to the file are left to the store', async (t) => {
  const { store, folder } = await openSmall(t, 2 * MiB)
  await store.define(SCHEMA, '', START)
  await store.apply(batchOf({ rows: manyRows(10_000) }))
  await inMemory(store)
  await rename(folder, `${folder}-moved`)
  try {
    await store.apply(batchOf({ rows: manyRows(30_000), from: 10_001 }))
    await eventually(() => store.rowByKey(SCHEMA, 1) === undefined, { what: 'it to be given up' })
    t.strictSame((await readAll(store, 'SELECT count(*) FROM r1'))[0], [30_000n])
  } finally {
    await rename(`${folder}-moved`, folder)
  }
})

void t.test('a relation that is dropped is forgotten', async (t) => {
  const store = await openStore(t)
  await store.define(SCHEMA, '', START)
  await store.apply(batchOf({ rows: [[1, 'a']] }))
  await inMemory(store)
  await store.drop(1)
  t.equal(store.rowByKey(SCHEMA, 1), undefined)
})

void t.test('what SQL writes is in it, or nothing of it is', async (t) => {
  const store = await openStore(t)
  const keyless = schemaOf(2, [INTEGER])
  await store.define(SCHEMA, '', START)
  await store.define(keyless, '', START)
  await store.apply(batchOf({ rows: [[1, 'a'], [2, 'b'], [3, null]] }))
  await inMemory(store)
  const rows = async (): Promise<unknown> => {
    const [ours, others] = await Promise.all([
      readAll(store, 'SELECT c1, c2 FROM r1 ORDER BY c1'),
      readAll(store, 'SELECT c1 FROM r2 ORDER BY c1')
    ])
    for (const [key, text] of ours as [number, string | null][])
      t.same(rowOf(store, SCHEMA, key), [String(key), text])
    return [...ours, ...others]
  }
  const swapped = { before: [[1, 'a'], [3, null]], after: [[3, 'a'], [4, 'new']] }
  await store.write([{ relationId: 1, ...swapped }, { relationId: 2, before: [], after: [[7], [7]] }])
  const want = [[2, 'b'], [3, 'a'], [4, 'new'], [7], [7]]
  t.same(await rows(), want)
  t.equal(rowOf(store, SCHEMA, 1), null, 'the row that is gone')
  for (const [name, before, after] of [
    ['a row that is another now', [[3, null]], [[3, 'x']]],
    ['a row that is gone', [[1, 'a']], []],
    ['a key that is there', [[3, 'a']], [[4, 'x']]],
    ['a key twice', [], [[9, 'x'], [9, 'y']]]
  ] as const) {
    const other = { relationId: 2, before: [], after: [[8]] }
    await t.rejects(store.write([other, { relationId: 1, before, after }]), /changed meanwhile/, name)
    t.same(await rows(), want, name)
  }
  await store.apply(batchOf({ rows: [[3, 'delivered']], from: 4 }))
  t.same(await rows(), [[2, 'b'], [3, 'delivered'], [4, 'new'], [7], [7]], 'the next delivery of a key')
})
