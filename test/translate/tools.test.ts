// Goal: what BI tools generate for a table with time series runs locally and gives Postgres's answer.
// Method: each statement of tool-statements.ts is translated as a session would, and run on both sides
// over the same rows: none is relayed.

import { DuckDBInstance } from '@duckdb/node-api'
import t from 'tap'

import type { RelationSchema } from '../../src/types/value.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { Both } from './both.ts'
import { copyTable, createTable } from './mirror.ts'
import { COUNTRIES, EVENTS, eventsFill, TOOLS } from './tool-statements.ts'

const ROWS = 2_000

void t.test('statements of tools', async (t) => {
  const postgres = await startPostgres(t)
  const client = await postgres.connect()
  const duck = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect()
  const relations = new Map<string, RelationSchema>()
  for (const [name, columns] of Object.entries({ events: EVENTS, countries: COUNTRIES }))
    relations.set(name, await createTable(client, relations.size + 1, name, columns))
  for (const sql of eventsFill(ROWS)) await client.query(sql)
  for (const [name, relation] of relations)
    await copyTable(client, duck, name, relation, t.testdir())
  const both = await Both.over(client, duck, { relation: (_schema, name) => relations.get(name) })
  t.teardown(() => both.close())
  for (const [tool, statements] of Object.entries(TOOLS)) {
    for (const sql of statements) {
      const outcome = await both.ask(sql)
      const detail = 'detail' in outcome ? outcome.detail : 'reason' in outcome ? outcome.reason : ''
      t.equal(outcome.kind, 'same', `${tool}: ${sql}: ${detail}`)
    }
  }
})
