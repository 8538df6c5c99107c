// Goal: rows, position and dropped deliveries move together, the newest row of a key wins, and what
// is on disk is what was applied. Method: small batches into a real file, read back by SQL; random
// batches against a fold in JavaScript.

import { stat, writeFile } from 'node:fs/promises'
import { DuckDBInstance } from '@duckdb/node-api'
import t from 'tap'
import { limits } from '../../src/limits.ts'
import { Store } from '../../src/store/store.ts'
import type { ColumnType, Value } from '../../src/types/value.ts'
import { eventually } from '../support/eventually.ts'
import { random } from '../support/random.ts'
import {
  CREATED,
  INTEGER,
  TEXT,
  batchOf,
  log,
  numeric,
  openStore,
  readAll,
  schemaOf,
  storePath,
  type
} from './fixtures.ts'

const START = { sequence: 0, created: CREATED }
const READ = 'SELECT * FROM r1 ORDER BY ALL'

void t.test('of one key the newest row stays, within a batch and across batches', async (t) => {
  const store = await openStore(t)
  await store.define(schemaOf(1, [INTEGER, TEXT], [1]), '', START)
  await store.apply(batchOf({ rows: [[1, 'old'], [2, 'b'], [1, 'new']] }))
  t.strictSame(await readAll(store, READ), [[1, 'new', 3n], [2, 'b', 2n]])
  await store.apply(batchOf({ rows: [[2, 'c'], [5, 'e'], [3, 'd']], from: 4 }))
  t.strictSame(await readAll(store, READ), [
    [1, 'new', 3n],
    [2, 'c', 4n],
    [3, 'd', 6n],
    [5, 'e', 5n]
  ])
})

void t.test('a deleted key has no row, until it comes again', async (t) => {
  for (const keyType of [INTEGER, TEXT]) {
    const store = await openStore(t)
    const key = (n: number): Value => (keyType === INTEGER ? n : `k${n}`)
    await store.define(schemaOf(1, [keyType, TEXT], [1]), '', START)
    await store.apply(batchOf({ rows: [[key(9), null], [key(8), null]], deleted: [0, 1] }))
    t.strictSame(await readAll(store, READ), [], 'keys that were never there')
    const rows = [[key(1), 'a'], [key(2), 'b'], [key(1), null], [key(3), null], [key(3), 'c']]
    await store.apply(batchOf({ rows, from: 3, deleted: [2, 3] }))
    t.strictSame(await readAll(store, READ), [[key(2), 'b', 4n], [key(3), 'c', 7n]])
    await store.apply(batchOf({ rows: [[key(2), null], [key(3), null]], from: 8, deleted: [1] }))
    t.strictSame(await readAll(store, READ), [[key(2), null, 8n]], 'a NULL is no deletion')
    await store.apply(batchOf({ rows: [[key(2), null], [key(9), 'z']], from: 10, deleted: [0] }))
    t.strictSame(await readAll(store, READ), [[key(9), 'z', 11n]])
    t.strictSame(await store.position(1), { sequence: 11, created: CREATED })
  }
})

void t.test('where the first row of a key is kept, no later one replaces it', async (t) => {
  for (const keyType of [INTEGER, TEXT]) {
    const store = await openStore(t)
    const key = (n: number): Value => (keyType === INTEGER ? n : `k${n}`)
    const schema = { ...schemaOf(1, [keyType, TEXT], [1]), onConflict: { keep: 'first' } } as const
    await store.define(schema, '', START)
    await store.apply(batchOf({ rows: [[key(1), 'a'], [key(2), 'b'], [key(1), 'later']] }))
    t.strictSame(await readAll(store, READ), [[key(1), 'a', 1n], [key(2), 'b', 2n]])
    await store.apply(batchOf({ rows: [[key(2), 'x'], [key(3), 'c'], [key(3), 'y']], from: 4 }))
    await store.apply(batchOf({ rows: [[key(1), 'x'], [key(3), 'z']], from: 7 }))
    t.strictSame(await readAll(store, READ), [
      [key(1), 'a', 1n],
      [key(2), 'b', 2n],
      [key(3), 'c', 5n]
    ])
    t.equal((await store.position(1)).sequence, 8)
  }
})

void t.test('with versions a key has its row of the highest one', async (t) => {
  const chance = random(t)
  const store = await openStore(t)
  const onConflict = { keep: 'highest', versions: [2, 3] } as const
  await store.define({ ...schemaOf(1, [INTEGER, type(20), INTEGER], [1]), onConflict }, '', START)
  const isHigher = (mine: Value[], its: Value[]): boolean => {
    if (mine.includes(null) || its.includes(null)) return !mine.includes(null)
    const differs = mine.findIndex((part, i) => part !== its[i])
    return differs === -1 || mine[differs]! > its[differs]!
  }
  const want = new Map<Value, Value[]>()
  let sequence = 0
  for (let round = 0; round < 20; round++) {
    const rows = Array.from({ length: chance.pick([1, 3, 200]) }, (): Value[] => [
      chance.int(0, 60),
      chance.bool(0.1) ? null : BigInt(chance.int(-3, 6)),
      chance.bool(0.1) ? null : chance.int(0, 9)
    ])
    for (const row of rows) {
      sequence++
      const other = want.get(row[0]!)
      const wins = !other || isHigher(row.slice(1), other.slice(1, 3))
      if (wins) want.set(row[0]!, [...row, BigInt(sequence)])
    }
    await store.apply(batchOf({ rows, from: sequence - rows.length + 1 }))
  }
  const sorted = [...want.values()].toSorted((a, b) => Number(a[0]) - Number(b[0]))
  t.strictSame(await readAll(store, 'SELECT * FROM r1 ORDER BY c1'), sorted)
})

void t.test('merged, a key has of each column the newest value that is not NULL', async (t) => {
  const chance = random(t)
  for (const keyType of [INTEGER, TEXT]) {
    const store = await openStore(t)
    const schema = schemaOf(1, [keyType, TEXT, type(1009)], [1])
    await store.define({ ...schema, onConflict: { keep: 'notNull' } }, '', START)
    const want = new Map<Value, Value[]>()
    let sequence = 0
    for (let round = 0; round < 12; round++) {
      const rows = Array.from({ length: chance.pick([1, 3, 200]) }, (): Value[] => {
        const key = chance.int(0, 60)
        const text = chance.bool(0.5) ? null : `t${chance.int(0, 99)}`
        return [keyType === INTEGER ? key : `k${key}`, text, chance.bool(0.5) ? null : [text, 'é']]
      })
      for (const [key = null, ...rest] of rows) {
        sequence++
        const other = want.get(key) ?? []
        const merged = rest.map((value, i) => value ?? other[i + 1] ?? null)
        want.set(key, [key, ...merged, BigInt(sequence)])
      }
      await store.apply(batchOf({ rows, from: sequence - rows.length + 1 }))
    }
    const sorted = [...want.values()].toSorted((a, b) => (a[0]! < b[0]! ? -1 : 1))
    t.strictSame(await readAll(store, 'SELECT * FROM r1 ORDER BY c1'), sorted)
    t.equal((await store.position(1)).sequence, sequence)
  }
})

void t.test('the space of replaced and of trimmed rows is taken back', async (t) => {
  const store = await openStore(t)
  const COUNT = 130_000
  await store.define(schemaOf(1, [INTEGER, TEXT], [1]), '', START)
  const write = async (from: number): Promise<void> => {
    const rows = Array.from({ length: COUNT }, (_, i): Value[] => [
      (i * 7919) % COUNT,
      `${from + i}`
    ])
    await store.apply(batchOf({ rows, from }))
  }
  const kept = async (): Promise<number> => {
    const sql = "SELECT estimated_size FROM duckdb_tables() WHERE table_name = 'r1'"
    return Number((await readAll(store, sql))[0]?.[0])
  }
  for (let round = 0; round < 3; round++) await write(round * COUNT + 1)
  const SUMS = "SELECT count(*), count(DISTINCT c1), min(_seq), max(c2::BIGINT - _seq) FROM r1"
  const want = await readAll(store, SUMS)
  t.strictSame(want, [[BigInt(COUNT), BigInt(COUNT), BigInt(2 * COUNT + 1), 0n]])
  const until = (rows: number): Promise<boolean> =>
    eventually(async () => (await kept()) < rows, { deadlineMs: 60_000, what: 'the space' })
  await until(2 * COUNT)
  t.strictSame(await readAll(store, SUMS), want)
  await store.trim(1, 3 * COUNT - 9)
  await until(COUNT / 2)
  t.strictSame(await readAll(store, 'SELECT count(*) FROM r1'), [[10n]])
})

void t.test('keys of text lie unpacked, in a table that was reshaped too', async (t) => {
  const path = await storePath(t)
  const COUNT = 20_000
  const texts = (from: number): Value[][] =>
    Array.from({ length: COUNT }, (_, i) => [`the key ${from + i}`, `the value ${from + i}`])
  const SUMS = 'SELECT count(*), count(DISTINCT c1), count(c3) FROM r1'
  const first = await openStore(t, path)
  await first.define(schemaOf(1, [TEXT, TEXT], [1]), '', START)
  await first.apply(batchOf({ rows: texts(0) }))
  await first.close()
  t.strictSame(await unpackedColumns(path), ['c1'])
  const second = await openStore(t, path)
  await second.reshape(schemaOf(1, [TEXT, TEXT, INTEGER], [1]), '')
  const rows = texts(COUNT).map((row) => [...row, 1])
  await second.apply(batchOf({ rows, from: COUNT + 1 }))
  t.strictSame(await readAll(second, SUMS), [[2 * COUNT, 2 * COUNT, COUNT].map(BigInt)])
  await second.close()
  t.strictSame(await unpackedColumns(path), ['c1'])
})

void t.test('a delivery that comes again changes nothing', async (t) => {
  const store = await openStore(t)
  await store.define(schemaOf(1, [INTEGER, TEXT], [1]), '', START)
  await store.define(schemaOf(2, [INTEGER]), '', START)
  for (let again = 0; again < 2; again++) {
    await store.apply(batchOf({ rows: [[1, 'a'], [1, 'b']], position: 4 }))
    await store.apply(batchOf({ id: 2, rows: [[7], [7]], position: 4 }))
  }
  await store.apply(batchOf({ rows: [[1, 'a'], [1, 'b'], [9, 'z']], sequences: [1, 2, 5] }))
  await store.apply(batchOf({ id: 2, rows: [[7], [7], [8]], sequences: [1, 4, 5] }))
  await store.apply(batchOf({ rows: [], position: 3 }))
  t.strictSame(await readAll(store, READ), [[1, 'b', 2n], [9, 'z', 5n]])
  t.strictSame(await readAll(store, 'SELECT c1 FROM r2 ORDER BY 1'), [[7], [7], [8]])
  t.strictSame(await store.position(1), { sequence: 5, created: CREATED }, 'never goes back')
})

void t.test('a stream made again starts over and keeps the rows', async (t) => {
  const store = await openStore(t)
  await store.define(schemaOf(1, [INTEGER, TEXT], [1]), '', { sequence: 90, created: CREATED })
  await store.apply(batchOf({ rows: [[1, 'a'], [2, 'b']], from: 100 }))
  await store.apply(batchOf({ rows: [[1, 'again']], from: 1, created: 'later' }))
  t.strictSame(await readAll(store, READ), [[1, 'again', 1n], [2, 'b', 101n]])
  t.strictSame(await store.position(1), { sequence: 1, created: 'later' })
})

void t.test('keys are equal where Postgres calls them equal', async (t) => {
  const cases: readonly [string, ColumnType, readonly Value[], number][] = [
    ['text', TEXT, ['', 'a', 'A', 'a ', 'länger als zwölf', 'a'], 5],
    ['bigint', type(20), [1n, -9223372036854775808n, 1n, 9007199254740993n, 9007199254740992n], 4],
    ['double precision', type(701), [0, -0, NaN, NaN, 1.5], 3],
    ['numeric', type(1700), ['1', '1.0', '1.00', '10', '100', '0', '0.0'], 4],
    ['numeric(9,2)', numeric(9, 2), ['1.00', '1.0', '1', '10.00'], 2],
    ['boolean', type(16), [true, false, true], 2],
    ['bytea', type(17), [Uint8Array.of(1), Uint8Array.of(1), Uint8Array.of()], 2],
    ['date', type(1082), [0, Infinity, Infinity, -Infinity], 3],
    ['timestamptz', type(1184), [0n, 0n, 1n], 2],
    [
      'interval',
      type(1186),
      [
        { months: 1, days: 0, micros: 0n },
        { months: 0, days: 30, micros: 0n },
        { months: 0, days: 29, micros: 86_400_000_000n },
        { months: 0, days: 1, micros: 0n }
      ],
      2
    ],
    ['uuid', type(2950), Array(2).fill('01234567-89ab-cdef-0123-456789abcdef'), 1],
    ['integer[]', type(1007), [[1, 2], [1, 2], [12], [], [1, null]], 4]
  ]
  const store = await openStore(t)
  for (const [i, [name, columnType, values, distinct]] of cases.entries()) {
    const together = 2 * i + 1
    const apart = 2 * i + 2
    const rows = values.map((value) => [value])
    for (const id of [together, apart]) {
      await store.define(schemaOf(id, [columnType], [1]), '', START)
    }
    await store.apply(batchOf({ id: together, rows }))
    for (const [n, row] of rows.entries()) {
      await store.apply(batchOf({ id: apart, rows: [row], from: n + 1 }))
    }
    for (const id of [together, apart]) {
      const got = await readAll(store, `SELECT count(*)::INTEGER FROM r${id}`)
      t.strictSame(got, [[distinct]], `${name}, ${id === apart ? 'batch by batch' : 'one batch'}`)
    }
  }
})

void t.test('random upserts and deletions equal the fold of their deliveries', async (t) => {
  const chance = random(t)
  const kinds: readonly { types: readonly ColumnType[]; key: (n: number) => Value[] }[] = [
    { types: [INTEGER], key: (n) => [n] },
    { types: [type(20)], key: (n) => [BigInt(n)] },
    { types: [TEXT], key: (n) => [`0${n}`] },
    { types: [TEXT, INTEGER], key: (n) => [`${n % 7}`, n] },
    { types: [INTEGER, TEXT], key: (n) => [n % 7, `1${n}`] }
  ]
  const store = await openStore(t)
  for (const [i, { types, key }] of kinds.entries()) {
    const id = i + 1
    const width = types.length
    const schema = schemaOf(id, [...types, INTEGER], types.map((_, n) => n + 1).reverse())
    await store.define(schema, '', START)
    const want = new Map<string, Value[]>()
    let sequence = 0
    for (let round = 0; round < 12; round++) {
      const size = chance.pick([1, 3, 300, 5000])
      const grow = chance.bool() ? sequence : 0
      const rows = Array.from({ length: size }, () => [
        ...key(grow + chance.int(0, 2000)),
        chance.int(0, 1e9)
      ])
      const share = chance.pick([0, 0.1, 0.9])
      const deleted: number[] = []
      rows.forEach((row, n) => {
        const slot = JSON.stringify(row.slice(0, width).map(Number))
        if (chance.bool(share)) {
          deleted.push(n)
          want.delete(slot)
        } else want.set(slot, [...row, BigInt(sequence + n + 1)])
      })
      await store.apply(batchOf({ id, rows, from: sequence + 1, deleted }))
      sequence += size
    }
    const got = await readAll(store, `SELECT * FROM r${id} ORDER BY _seq`)
    const bySequence = (a: Value[], b: Value[]): number => Number(a.at(-1)) - Number(b.at(-1))
    t.strictSame(got, [...want.values()].toSorted(bySequence), `kind ${i}`)
  }
})

void t.test('a batch that fails leaves nothing, and the next one works', async (t) => {
  const store = await openStore(t)
  await store.define(schemaOf(1, [INTEGER, TEXT], [1]), '', START)
  await store.apply(batchOf({ rows: [[1, 'a']] }))
  const dropped = [{ sequence: 9, subject: 's', error: 'e', payload: new Uint8Array() }]
  const rows = Array.from({ length: 9000 }, (_, i): Value[] => [i, i === 8999 ? 'x\0' : 'x'])
  const results = await Promise.allSettled([
    store.apply(batchOf({ rows, from: 2, dropped })),
    store.apply(batchOf({ rows: [[null, 'x']], from: 2, dropped })),
    store.apply(batchOf({ id: 77, rows: [[1, 'x']] })),
    store.apply(batchOf({ rows: [[2, 'b']], from: 2 }))
  ])
  t.strictSame(
    results.map((result) => result.status),
    ['rejected', 'rejected', 'rejected', 'fulfilled']
  )
  t.match((results[0] as PromiseRejectedResult).reason, { name: 'StoreError' })
  t.strictSame(await readAll(store, READ), [[1, 'a', 1n], [2, 'b', 2n]])
  t.equal(await store.droppedCount(1), 0)
})

void t.test('a read that needs more than the memory set goes by temporary files', async (t) => {
  const path = await storePath(t)
  const store = await Store.open({ path, log, threads: 2, memoryBytesMax: 64 * 1024 * 1024 })
  t.teardown(() => store.close())
  t.same(await readAll(store, "SELECT current_setting('memory_limit')"), [['64.0 MiB']])
  const texts = "SELECT md5(i::VARCHAR) || repeat('x', 64) AS one FROM range(1000000) r(i)"
  // The files stay until the store is closed.
  const sql = `SELECT count(*) FROM (SELECT one, count(*) FROM (${texts}) GROUP BY one)`
  t.same(await readAll(store, sql), [[1_000_000n]])
  t.ok((await stat(`${path}.tmp`)).isDirectory(), 'there were files')
})

void t.test('dropped deliveries are all counted, the newest are kept', async (t) => {
  const path = await storePath(t)
  const kept = limits.droppedKeptPerRelation
  const drop = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({
      sequence: from + i,
      subject: 'a.b',
      error: `no\0 good`,
      payload: new Uint8Array(limits.droppedPayloadBytesKept + 9).fill(7)
    }))
  const first = await Store.open({ path, log })
  for (const id of [1, 2]) await first.define(schemaOf(id, [INTEGER]), '', START)
  await first.apply(batchOf({ rows: [[1]], dropped: drop(2, 3), position: 4 }))
  await first.apply(batchOf({ dropped: drop(2, 3), position: 4 }))
  t.equal(await first.droppedCount(1), 3, 'again: not counted again')
  await first.apply(batchOf({ dropped: drop(5, kept + 50), position: kept + 54 }))
  await first.apply(batchOf({ id: 2, dropped: drop(1, 1), position: 1 }))
  await first.close()
  const store = await openStore(t, path)
  t.equal(await store.droppedCount(1), kept + 53)
  const all = await store.dropped(1, 1e6)
  t.equal(all.length, kept)
  t.strictSame([all[0]?.sequence, all.at(-1)?.sequence], [kept + 54, 55])
  t.equal((await store.dropped(1, 2)).length, 2)
  t.equal((await store.dropped(2, 5)).length, 1)
  t.match(all[0], { subject: 'a.b', error: 'no\uFFFD good' })
  t.equal(all[0]?.payload.length, limits.droppedPayloadBytesKept)
  await store.drop(1)
  await t.rejects(store.dropped(1, 1), { name: 'StoreError' })
  t.strictSame(await readAll(store, 'SELECT count(*)::INTEGER FROM jetgres_dropped'), [[1]])
})

void t.test('relations and ids outlive the process; ids never come back', async (t) => {
  const path = await storePath(t)
  const first = await Store.open({ path, log })
  const id = await first.nextId()
  await first.define(schemaOf(id, [INTEGER, TEXT], [1]), '{"a":1}', { sequence: 4, created: 'x' })
  await t.rejects(first.define(schemaOf(id, [INTEGER]), '', START), { name: 'StoreError' })
  await first.apply(batchOf({ id, rows: [[1, 'ä']], from: 5, created: 'x' }))
  await first.redefine(id, '{"a":2}')
  const chosen = id + 10
  await first.define(schemaOf(chosen, [INTEGER]), 'chosen', START)
  await first.drop(chosen)
  await first.drop(chosen)
  await first.close()
  await first.close()
  await t.rejects(first.nextId(), { name: 'StoreError', message: /closed/ })
  await t.rejects(first.snapshot(), { name: 'StoreError', message: /closed/ })
  t.equal((await stat(path)).mode & 0o777, 0o600)

  const store = await openStore(t, path)
  t.strictSame(await store.definitions(), [{ id, definition: '{"a":2}' }])
  t.strictSame(await store.position(id), { sequence: 5, created: 'x' })
  t.equal(await store.nextId(), chosen + 1)
  await store.apply(batchOf({ id, rows: [[1, 'b'], [2, 'c']], from: 6, created: 'x' }))
  t.strictSame(await readAll(store, `SELECT c1, c2 FROM r${id} ORDER BY 1`), [[1, 'b'], [2, 'c']])
  await t.rejects(store.position(chosen), { name: 'StoreError' })
  await eventually(async () => ((await stat(`${path}.wal`)).mode & 0o777) === 0o600)
})

void t.test('refuses a file that is not a store of this version', async (t) => {
  const versioned = await storePath(t)
  await (await Store.open({ path: versioned, log })).close()
  await execute(versioned, 'UPDATE jetgres_meta SET version = 3')
  await t.rejects(Store.open({ path: versioned, log }), {
    name: 'StoreError',
    message: /has store format 3, this jetgres reads 2/
  })
  await execute(versioned, 'UPDATE jetgres_meta SET version = 1')
  await execute(versioned, 'DROP TABLE jetgres_gaps')
  const migrated = await openStore(t, versioned)
  t.strictSame(await migrated.definitions(), [], 'the version before is brought up')
  const foreign = await storePath(t)
  await execute(foreign, 'CREATE TABLE x (a INTEGER)')
  await t.rejects(Store.open({ path: foreign, log }), { message: /DuckDB file of something else/ })
  const text = await storePath(t)
  await writeFile(text, 'not a database at all, but long enough to have a header'.repeat(100))
  await t.rejects(Store.open({ path: text, log }), { name: 'StoreError' })
})

async function execute(path: string, sql: string): Promise<void> {
  const instance = await DuckDBInstance.create(path)
  const connection = await instance.connect()
  await connection.run(sql)
  connection.closeSync()
  instance.closeSync()
}

/** Of r1, those of text, in a store that is closed. */
async function unpackedColumns(path: string): Promise<unknown[]> {
  const instance = await DuckDBInstance.create(path)
  const connection = await instance.connect()
  const sql = `SELECT DISTINCT column_name FROM pragma_storage_info('r1')
    WHERE segment_type = 'VARCHAR' AND compression = 'Uncompressed'`
  const rows = (await connection.runAndReadAll(sql)).getRows()
  connection.closeSync()
  instance.closeSync()
  return rows.map(([name]) => name)
}
