// Goal: TPC-H's and ClickBench's queries give plain Postgres's answers, digit for digit, and run
// locally, through the whole of jetgres: rows come from NATS, statements from a client.
// Method: Postgres makes the rows in a schema `plain`; those of the relations are published, and in
// the schema `live` the same names mean the relations, but two that stay Postgres's own tables. Each query
// is run under either search_path. Sizes: TPCH_SCALE and HITS_ROWS, by hand 0.1 and 1,000,000; without
// HITS_ROWS ClickBench is left to test/translate/benchmarks.test.ts, for the time it takes.

import type pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { CLICKBENCH, HITS, hitsFill } from '../translate/clickbench.ts'
import { TPCH_TABLES, tpchFill } from '../translate/tpch-data.ts'
import { TPCH_QUERIES } from '../translate/tpch-queries.ts'
import { fedBy, lastRoute, openWorld, rowsOf, untilCount } from './world.ts'
import type { World } from './world.ts'

const TPCH_SCALE = Number(process.env.TPCH_SCALE ?? 0.0005)
const HITS_ROWS = Number(process.env.HITS_ROWS ?? 0)
/** Rows published before their stream is waited for. */
const WINDOW = 2_000
const FILL_MS = 3_600_000

/** A test of this size; none at 0. */
const sized = (size: number) => ({
  skip: withoutNats() || (size > 0 ? false : 'by hand'),
  ...(size > 0.001 && { timeout: FILL_MS })
})

/** These stay Postgres's own. */
const UPSTREAM = new Set(['region', 'nation'])

/** The plain tables; texts are compared by their bytes, as the relations' are. */
async function fillPlain(
  { direct }: World,
  tables: Readonly<Record<string, string>>,
  fill: readonly string[]
): Promise<void> {
  await direct.query('CREATE SCHEMA plain; SET search_path = plain')
  for (const [name, columns] of Object.entries(tables)) {
    const bytewise = columns.replaceAll(/\b(text|varchar\(\d+\))/g, '$1 COLLATE "C"')
    await direct.query(`CREATE TABLE ${name} (${bytewise})`)
  }
  for (const sql of fill) await direct.query(sql)
  await direct.query('RESET search_path')
}

async function ingest(world: World, name: string, columns: string): Promise<void> {
  const { client, direct, connection, nats } = world
  await client.query(`CREATE TABLE live.${name} (${columns}) ${fedBy(nats, `e2e.${name}`)}`)
  const jetstream = connection.jetstream({ timeout: FILL_MS })
  await direct.query(`BEGIN; DECLARE rows CURSOR FOR SELECT row_to_json(t)::text FROM plain.${name} t`)
  let count = 0
  for (;;) {
    const rows = await rowsOf(direct, `FETCH ${WINDOW} FROM rows`)
    const last = rows.pop()
    if (!last) break
    for (const [row] of rows) connection.publish(`e2e.${name}`, String(row))
    await jetstream.publish(`e2e.${name}`, String(last[0]))
    count += rows.length + 1
  }
  await direct.query('COMMIT')
  await untilCount(client, `live.${name}`, count, FILL_MS)
}

async function prepared(
  t: Test,
  tables: Readonly<Record<string, string>>,
  fill: readonly string[]
): Promise<World> {
  const world = await openWorld(t)
  await fillPlain(world, tables, fill)
  await world.client.query('CREATE SCHEMA live')
  for (const [name, columns] of Object.entries(tables)) {
    if (!UPSTREAM.has(name)) await ingest(world, name, columns)
    else await world.direct.query(`CREATE TABLE live.${name} AS SELECT * FROM plain.${name}`)
  }
  return world
}

/** Values as they came: nothing is lost in JavaScript's types. */
const AS_TEXT = { getTypeParser: () => (value: string | Buffer) => String(value) }

async function answer(client: pg.ClientBase, schema: string, text: string) {
  await client.query(`SET search_path = ${schema}`)
  const { rows, fields } = await client.query({ text, rowMode: 'array', types: AS_TEXT })
  return { rows, columns: fields.map(({ name, dataTypeID }) => [name, dataTypeID]) }
}

/** How many of the queries ran locally; all must be equal. */
async function askAll(t: Test, { client }: World, queries: readonly string[]): Promise<number> {
  let local = 0
  for (const [i, sql] of queries.entries()) {
    const began = performance.now()
    const got = await answer(client, 'live', sql)
    const ours = Math.round(performance.now() - began)
    const route = await lastRoute(client)
    const want = await answer(client, 'plain', sql)
    const theirs = Math.round(performance.now() - began) - ours
    t.strictSame(got, want, `query ${i + 1}`)
    t.comment(`query ${i + 1}: ${route}, ${got.rows.length} rows, ${ours} ms, Postgres ${theirs} ms`)
    if (route === 'local') local += 1
  }
  t.comment(`${local} of ${queries.length} ran locally`)
  return local
}

void t.test('TPC-H over six relations and two tables', sized(TPCH_SCALE), async (t) => {
  const world = await prepared(t, TPCH_TABLES, tpchFill(TPCH_SCALE))
  t.ok((await askAll(t, world, TPCH_QUERIES)) >= 20, 'at least 20 of 22 are local')
})

void t.test('ClickBench over one relation', sized(HITS_ROWS), async (t) => {
  const world = await prepared(t, { hits: HITS }, hitsFill(HITS_ROWS))
  t.ok((await askAll(t, world, CLICKBENCH)) >= 40, 'at least 40 of 43 are local')
})
