// Goal: a SELECT whose last rows only Postgres can answer, or raises an error for, is relayed as one whose
// first row is. Method: a join of so many rows that DuckDB streams them, with one row that fails.

import type pg from 'pg'
import t from 'tap'

import { publishJson, withoutNats } from '../support/nats-server.ts'
import { fedBy, lastRoute, openWorld, rowsOf, untilCount } from './world.ts'

const COUNT = 400
const LAST = COUNT * COUNT - 1
const skip = { skip: withoutNats(), timeout: 120_000 }

/** What raises an error in Postgres, too. */
const RAISING = {
  '22012': `1 / (a.n * ${COUNT} + b.n - ${LAST})`,
  '22003': `2147483647 - ${LAST} + a.n * ${COUNT} + b.n + 1`
}

/** What DuckDB can not do for one of the rows, and Postgres can. */
const ANSWERED = [
  `date_trunc('day', CASE WHEN a.n * ${COUNT} + b.n = ${LAST} THEN a.till ELSE a.z END)`,
  `extract(year FROM CASE WHEN a.n * ${COUNT} + b.n = ${LAST} THEN a.till ELSE a.z END)`
]

void t.test('what fails late is relayed', skip, async (t) => {
  const world = await openWorld(t)
  const { client, connection, direct, nats } = world
  const columns = '(n int PRIMARY KEY, z timestamptz, till timestamptz)'
  await client.query(`CREATE TABLE big ${columns} ${fedBy(nats, 'e2e.big')}`)
  const row = (n: number) => ({ n, z: '2025-01-01T12:00:00Z', till: 'infinity' })
  await publishJson(connection, 'e2e.big', Array.from({ length: COUNT }, (_, n) => row(n)))
  await untilCount(client, 'big', COUNT)
  const over = 'FROM big a CROSS JOIN big b'
  t.equal((await rowsOf(client, `SELECT a.n + 1 ${over}`)).length, COUNT * COUNT)
  t.equal(await lastRoute(client), 'local', 'one that may fail, and does not')
  for (const [code, expression] of Object.entries(RAISING)) {
    const asked = `SELECT ${expression} ${over}`
    const told = await rowsOf(direct, asked).catch((error: pg.DatabaseError) => error.message)
    await t.rejects(client.query(asked), { code, message: told }, asked)
  }
  for (const expression of ANSWERED) {
    const asked = `SELECT count(*), max(x) FROM (SELECT ${expression} AS x ${over} OFFSET 0) AS q`
    const rows = await rowsOf(client, `SELECT ${expression} AS x ${over}`)
    t.match(await lastRoute(client), /^relay .local execution failed/, expression)
    t.equal(rows.length, COUNT * COUNT)
    const kinds = new Set(rows.map(([x]) => String(x)))
    t.equal(kinds.size, 2)
    t.same(await rowsOf(client, asked), await rowsOf(direct, asked))
  }
})
