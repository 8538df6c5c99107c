// Goal: rows of an upstream table that are kept between statements are never older than the upstream's.
// Method: sessions ask the same join again and again until their backends are asked for the state alone;
// then the table is changed in each way that there is, and the very next answers have to show it.

import type pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'

import { eventually } from '../support/eventually.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { fedBy, lastRoute, openWorld, rowsOf, untilCount } from './world.ts'
import type { World } from './world.ts'

const skip = { skip: withoutNats(), timeout: 180_000 }

const JOIN = 'SELECT p.label, sum(live.n)::int FROM live JOIN places p ON p.id = live.place'
const SUMS = `${JOIN} GROUP BY 1 ORDER BY 1`
const SUMS_OF = `${JOIN} WHERE live.n >= $1 GROUP BY 1 ORDER BY 1`

/** The last thing a backend was asked, where no row was read and nothing described. */
const STATE_ALONE = /^SELECT 'facts'(?![^]*json_agg)/

interface Asker {
  readonly what: string
  readonly client: pg.Client
  readonly pid: number
  /** The rows, or the SQLSTATE. */
  run(): Promise<unknown>
}

async function asker(jetgres: World['jetgres'], query: pg.QueryArrayConfig): Promise<Asker> {
  const client = await jetgres.connect()
  const [row] = await rowsOf(client, 'SELECT pg_backend_pid()')
  const run = (): Promise<unknown> =>
    client.query(query).then(
      ({ rows }) => rows,
      (error: { code?: string }) => error.code
    )
  return { what: JSON.stringify(query), client, pid: Number(row?.[0]), run }
}

const asArray = (query: pg.QueryConfig): pg.QueryArrayConfig => ({ ...query, rowMode: 'array' })

async function prepared(t: Test): Promise<World & { readonly askers: readonly Asker[] }> {
  const world = await openWorld(t)
  const { client, connection, direct, nats, jetgres } = world
  await client.query(`CREATE TABLE live (id int PRIMARY KEY, place int, n int) ${fedBy(nats, 'e2e.live')}`)
  const rows = [1, 2, 3, 4].map((id) => ({ id, place: id % 2, n: 10 ** id }))
  await publishJson(connection, 'e2e.live', rows)
  await untilCount(client, 'live', 4)
  await direct.query(`CREATE ROLE nobody;
    CREATE UNLOGGED TABLE places (id int, label text COLLATE "C") WITH (autovacuum_enabled = off);
    INSERT INTO places VALUES (0, 'even'), (1, 'odd')`)
  const queries = [
    { text: SUMS },
    { text: SUMS_OF, values: [0] },
    { name: 'sums', text: SUMS_OF, values: [0] }
  ]
  const askers = await Promise.all(queries.map((query) => asker(jetgres, asArray(query))))
  return { ...world, askers }
}

const EVEN_AND_ODD = [
  ['even', 10_100],
  ['odd', 1_010]
]

/** Until all of them get these rows without reading the table. */
async function untilKept(
  t: Test,
  direct: pg.Client,
  askers: readonly Asker[],
  want: unknown
): Promise<void> {
  const areKept = async (): Promise<boolean> => {
    for (const one of askers) t.same(await one.run(), want, one.what)
    const { rows } = await direct.query<{ pid: number; query: string }>(
      'SELECT pid, query FROM pg_stat_activity'
    )
    const asked = (pid: number): string => rows.find((row) => row.pid === pid)?.query ?? ''
    return askers.every(({ pid }) => STATE_ALONE.test(asked(pid)))
  }
  await eventually(areKept, { what: 'rows that are kept' })
}

void t.test('rows that are lent again', skip, async (t) => {
  const { askers, direct, client } = await prepared(t)
  const [simple] = askers
  const allSay = async (want: unknown, what: string): Promise<void> => {
    for (const one of askers) t.same(await one.run(), want, `${what}: ${one.what}`)
  }
  await untilKept(t, direct, askers, EVEN_AND_ODD)
  for (const { client } of askers) t.equal(await lastRoute(client), 'local')

  await direct.query(`BEGIN; UPDATE places SET label = 'uneven' WHERE id = 1`)
  await allSay(EVEN_AND_ODD, 'a change that is not committed')
  await direct.query('COMMIT')
  const uneven = [EVEN_AND_ODD[0], ['uneven', 1_010]]
  await allSay(uneven, 'at once when it is')

  await untilKept(t, direct, askers, uneven)
  await direct.query('TRUNCATE places')
  await allSay([], 'TRUNCATE')

  await untilKept(t, direct, askers, [])
  await client.query(`INSERT INTO places VALUES (0, 'even'), (1, 'odd')`)
  await allSay(EVEN_AND_ODD, 'a change that was relayed')

  await untilKept(t, direct, askers, EVEN_AND_ODD)
  await simple!.client.query('BEGIN; DELETE FROM places WHERE id = 1')
  t.same(await simple!.run(), [EVEN_AND_ODD[0]], "the session's own change")
  for (const one of askers.slice(1)) t.same(await one.run(), EVEN_AND_ODD, 'which others do not see')
  await simple!.client.query('ROLLBACK')
  await allSay(EVEN_AND_ODD, 'rolled back')
})

void t.test('a session that may see other rows', skip, async (t) => {
  const { askers, direct } = await prepared(t)
  const differing = [
    ['BEGIN ISOLATION LEVEL REPEATABLE READ', EVEN_AND_ODD, /^relay \(transaction_isolation/],
    [`BEGIN; CREATE TEMPORARY TABLE places AS SELECT 1 AS id, 'mine' COLLATE "C" AS label`, [['mine', 1_010]], /./],
    ['BEGIN; SET LOCAL ROLE nobody', '42501', /./],
    ['BEGIN; SET LOCAL search_path = pg_catalog', '42P01', /./]
  ] as const
  for (const [before, want, route] of differing) {
    await untilKept(t, direct, askers, EVEN_AND_ODD)
    for (const one of askers) {
      await one.client.query(before)
      t.same(await one.run(), want, `${before}; ${one.what}`)
      if (typeof want !== 'string') t.match(await lastRoute(one.client), route)
      await one.client.query('ROLLBACK')
    }
  }
})

/** A crash empties the unlogged table by no transaction. */
void t.test('a server that has crashed', skip, async (t) => {
  const { askers, direct, jetgres, postgres } = await prepared(t)
  await untilKept(t, direct, askers, EVEN_AND_ODD)
  const state = 'SELECT pg_current_snapshot()::text, pg_postmaster_start_time()'
  const before = await rowsOf(direct, state)
  const hasEnded = new Promise((resolve) => direct.once('end', resolve))
  process.kill(askers[0]!.pid, 'SIGKILL')
  await hasEnded
  const again = await eventually(() => postgres.connect(), { what: 'the server being back' })
  t.same(await rowsOf(again, 'SELECT count(*)::int FROM places'), [[0]], 'the table is empty')
  t.same(await rowsOf(again, state), before, 'and nothing says that it is another state')
  for (const text of [SUMS, SUMS_OF]) {
    const values = text === SUMS ? [] : [0]
    const one = await asker(jetgres, asArray({ text, values }))
    t.same(await one.run(), [], text)
  }
})
