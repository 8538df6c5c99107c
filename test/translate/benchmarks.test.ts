// Goal: TPC-H's and ClickBench's queries run locally and give Postgres's answers, digit for digit.
// Method: synthetic tables of their shape, filled by Postgres from a seed and copied to DuckDB; each
// query is translated as a session would, and run on both sides. Sizes: TPCH_SCALE, HITS_ROWS.

import { DuckDBInstance } from '@duckdb/node-api'
import t from 'tap'
import type { Test } from 'tap'

import type { RelationSchema } from '../../src/types/value.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { Both } from './both.ts'
import { CLICKBENCH, HITS, hitsFill } from './clickbench.ts'
import { copyTable, createTable } from './mirror.ts'
import { TPCH_TABLES, tpchFill } from './tpch-data.ts'
import { TPCH_QUERIES } from './tpch-queries.ts'

const TPCH_SCALE = Number(process.env.TPCH_SCALE ?? 0.005)
const HITS_ROWS = Number(process.env.HITS_ROWS ?? 20_000)

/** Both sides with these tables. */
async function filled(
  t: Test,
  tables: Readonly<Record<string, string>>,
  fill: readonly string[]
): Promise<Both> {
  const postgres = await startPostgres(t)
  const client = await postgres.connect()
  const duck = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect()
  const relations = new Map<string, RelationSchema>()
  for (const [name, columns] of Object.entries(tables))
    relations.set(name, await createTable(client, relations.size + 1, name, columns))
  for (const sql of fill) await client.query(sql)
  for (const [name, relation] of relations)
    await copyTable(client, duck, name, relation, t.testdirName)
  const both = await Both.over(client, duck, { relation: (_schema, name) => relations.get(name) })
  t.teardown(() => both.close())
  return both
}

async function askAll(t: Test, both: Both, queries: readonly string[]): Promise<number> {
  let local = 0
  for (const [i, sql] of queries.entries()) {
    const outcome = await both.ask(sql)
    t.not(outcome.kind, 'different', `query ${i + 1}: ${'detail' in outcome ? outcome.detail : ''}`)
    if (outcome.kind === 'same') local += 1
    else t.comment(`query ${i + 1} is not local: ${'reason' in outcome ? outcome.reason : ''}`)
  }
  t.comment(`${local} of ${queries.length} ran locally`)
  return local
}

void t.test('TPC-H', async (t) => {
  t.testdir()
  const both = await filled(t, TPCH_TABLES, tpchFill(TPCH_SCALE))
  t.ok((await askAll(t, both, TPCH_QUERIES)) >= 20, 'at least 20 of 22 are local')
})

void t.test('ClickBench', async (t) => {
  t.testdir()
  const both = await filled(t, { hits: HITS }, hitsFill(HITS_ROWS))
  t.ok((await askAll(t, both, CLICKBENCH)) >= 40, 'at least 40 of 43 are local')
})
