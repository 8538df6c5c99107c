// Goal: the tables that a reader is lent hold the rows that were given with the query, whatever it was
// lent before. Method: one reader is asked one text over and over, with tables of other rows and types,
// and with some that cannot be made; what is left in the connection is counted.

import t from 'tap'

import { limits } from '../../src/limits.ts'
import type { LentTable, LentTables } from '../../src/store/own-tables.ts'
import type { Store } from '../../src/store/store.ts'
import type { Value } from '../../src/types/value.ts'
import { CREATED, INTEGER, TEXT, batchOf, openStore, readAll, schemaOf, type } from './fixtures.ts'

const JOIN = 'SELECT r.c1, u.c1 FROM r1 r JOIN temp.main.u0 u ON u.c1::VARCHAR = r.c1::VARCHAR ORDER BY 1'
const TABLES = "SELECT count(*)::INTEGER FROM duckdb_tables() WHERE database_name = 'temp'"
const INTEGERS = type(1007)

async function filled(t: Parameters<typeof openStore>[0]): Promise<Store> {
  const store = await openStore(t)
  await store.define(schemaOf(1, [INTEGER], [1]), '', { sequence: 0, created: CREATED })
  await store.apply(batchOf({ rows: [[1], [2], [3]] }))
  return store
}

/** `sql` after `SELECT`. */
const table = (value: Value, sql: string, own = TEXT, name = 'u0'): LentTable => ({
  name: `temp.main.${name}`,
  sql: `SELECT ${sql}`,
  parameters: [{ value, type: own }]
})

const lent = (...tables: readonly LentTable[]): LentTables => ({ tables, bytes: 0 })

const integers = (json: string): LentTables =>
  lent(table(json, `unnest(from_json(CAST($1 AS VARCHAR), '["INTEGER"]')) AS c1`))

void t.test('each query reads the tables that came with it', async (t) => {
  const store = await filled(t)
  const [some, none] = [integers('[2, 3, null, 7]'), integers('[]')]
  const texts = lent(table(['3', null, 'x'], 'unnest(CAST($1 AS VARCHAR[])) AS c1', type(1009)))
  const some23 = [[2, 2], [3, 3]]
  for (const round of [1, 2]) {
    t.strictSame(await readAll(store, JOIN, some), some23, `round ${round}`)
    t.strictSame(await readAll(store, JOIN, some), some23, 'the same again')
    t.strictSame(await readAll(store, JOIN, none), [])
    t.strictSame(await readAll(store, JOIN, texts), [[3, '3']], 'of another type')
    t.strictSame(await readAll(store, `EXPLAIN ${JOIN}`, some).then(({ length }) => length), 1)
    t.strictSame(await readAll(store, JOIN, integers('[1]')), [[1, 1]])
  }
  await store.apply(batchOf({ rows: [[7]], from: 4 }))
  t.strictSame(await readAll(store, JOIN, some), [...some23, [7, 7]], 'after a commit')
  t.strictSame(await readAll(store, TABLES), [[1]], 'and no others are left')
})

void t.test('a table that cannot be made', async (t) => {
  const store = await filled(t)
  const own = table('[1]', `unnest(from_json(CAST($1 AS VARCHAR), '["INTEGER"]')) AS c1`)
  const wrong = lent(own, table('x', 'CAST($1 AS INTEGER) AS c1', TEXT, 'u1'))
  for (const round of [1, 2]) {
    await t.rejects(readAll(store, JOIN, wrong), { name: 'StoreError' }, `round ${round}`)
    t.strictSame(await readAll(store, JOIN, integers('[2]')), [[2, 2]])
  }
  const both = lent(own, table([5], 'unnest(CAST($1 AS INTEGER[])) AS c1', INTEGERS, 'u1'))
  t.strictSame(await readAll(store, 'SELECT count(*)::INTEGER FROM temp.main.u0, temp.main.u1', both), [[1]])
  await readAll(store, JOIN, integers('[2]'))
  t.strictSame(await readAll(store, TABLES), [[1]], 'nothing is left of those before')
})

void t.test('plans over lent tables are forgotten like any other', async (t) => {
  const store = await filled(t)
  const own = integers('[1, 2]')
  for (let i = 0; i < 2 * limits.preparedPerReader; i++) {
    t.strictSame(await readAll(store, `${JOIN} LIMIT ${i % 3} -- ${i}`, own), [[1, 1], [2, 2]].slice(0, i % 3))
  }
  t.strictSame(await readAll(store, JOIN, integers('[3]')), [[3, 3]])
})
