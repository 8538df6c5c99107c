// Goal: the clauses of CREATE have their effect on rows: OR REPLACE, ON CONFLICT, WITH VERSION
// COLUMN, WATERMARK, DEFAULT.
// Method: through jetgres with real deliveries; both routes are asked; the upstream is looked at.

import t from 'tap'

import { publishJson, withoutNats } from '../support/nats-server.ts'
import {
  bothRoutes,
  fedBy,
  liveChildren,
  refusal,
  rowsOf,
  sharedWorld,
  STREAM,
  untilCount
} from './world.ts'

const skip = { skip: withoutNats() }

const openShared = sharedWorld(t)

void t.test('CREATE OR REPLACE puts a relation in the place of another', skip, async (t) => {
  const world = await openShared()
  const { client, connection, direct, nats } = world
  await publishJson(connection, 'e2e.or', [{ id: 1, v: 'a' }, { id: 2, v: 'b' }])
  const first = `CREATE OR REPLACE TABLE r (id int PRIMARY KEY) ${fedBy(nats, 'e2e.or')}`
  const second = `CREATE OR REPLACE TABLE r (id int PRIMARY KEY, v text) ${fedBy(nats, 'e2e.or')}`
  await client.query(first)
  await untilCount(client, 'r', 2)
  await client.query('BEGIN')
  await client.query(second)
  await client.query('ROLLBACK')
  t.same(await bothRoutes(t, world, 'SELECT * FROM r ORDER BY id'), [[1], [2]], 'rolled back')
  await client.query(second)
  await untilCount(client, 'r', 2)
  t.same(await bothRoutes(t, world, 'SELECT * FROM r ORDER BY id'), [[1, 'a'], [2, 'b']])
  t.same(await rowsOf(client, 'SHOW SOURCES'), [['public.r']], 'one relation')
  t.equal((await liveChildren(direct)).length, 1, 'one child')

  await client.query('CREATE VIEW over_r AS SELECT v FROM r')
  t.match(await refusal(client, first), { code: '2BP01' }, 'nothing that depends on it is lost')
  t.same(await rowsOf(client, 'SELECT v FROM over_r ORDER BY v'), [['a'], ['b']])
  await client.query('CREATE TABLE ordinary (id int)')
  const wrong: [string, string][] = [
    [first.replace('TABLE r', 'TABLE ordinary'), '"ordinary" is not a table with a connector'],
    [first.replace('TABLE r', 'TABLE over_r'), '"over_r" is not a table with a connector'],
    [first.replace('TABLE r', 'SOURCE r'), '"r" is not a source with a connector']
  ]
  for (const [sql, message] of wrong) {
    t.match(await refusal(client, sql), { code: '42809', message })
  }
  const bad = first.replace('e2e.or', 'elsewhere')
  t.match(await refusal(client, bad), { code: 'HV00R' }, 'a bad connector replaces nothing')
  t.same(await rowsOf(client, 'SELECT count(*)::int FROM r'), [[2]])
  await client.query('DROP VIEW over_r; DROP TABLE ordinary; DROP TABLE r')
})

void t.test('CREATE OR REPLACE takes over a durable consumer', skip, async (t) => {
  const world = await openShared()
  const { client, connection, nats } = world
  const manager = await connection.jetstreamManager()
  const consumers = async (): Promise<unknown> =>
    (await manager.consumers.list(STREAM).next()).flatMap(({ config }) => config.durable_name ?? [])
  await publishJson(connection, 'e2e.dur', [{ id: 1, v: 'a' }, { id: 2, v: 'b' }])
  const create = (name: string, columns: string): string =>
    `CREATE OR REPLACE TABLE ${name} (${columns})
     ${fedBy(nats, 'e2e.dur').replace('(', "(consumer.durable_name = 'd', ")}`
  await client.query(create('r', 'id int PRIMARY KEY'))
  await untilCount(client, 'r', 2)
  t.match(await refusal(client, create('q', 'id int')), { code: '42710', at: /^'d'/ })
  const second = create('r', 'id int PRIMARY KEY, v text')
  await client.query(`BEGIN; ${second}; ROLLBACK`)
  await publishJson(connection, 'e2e.dur', [{ id: 3, v: 'c' }])
  await untilCount(client, 'r', 3)
  t.same(await consumers(), ['d'], 'rolled back')
  await client.query(second)
  await untilCount(client, 'r', 3)
  await publishJson(connection, 'e2e.dur', [{ id: 1, v: 'z' }, { id: 4 }])
  await untilCount(client, 'r', 4)
  t.same(await rowsOf(client, 'SELECT v FROM r WHERE id < 3 ORDER BY id'), [['z'], ['b']])
  t.same(await consumers(), ['d'], 'replaced')
  await manager.consumers.add(STREAM, { durable_name: 'strangers' })
  const third = second.replace("'d'", "'strangers'")
  t.match(await refusal(client, third), {
    code: '42710',
    message: `consumer "strangers" of stream "${STREAM}" exists already`,
    at: /^'strangers'/
  })
  await manager.consumers.delete(STREAM, 'strangers')
  await client.query(third)
  await untilCount(client, 'r', 4)
  t.same(await consumers(), ['strangers'], 'by another name, a new one')
  await client.query('DROP TABLE r')
  t.same(await consumers(), [], 'dropped')
})

void t.test('what becomes of deliveries with one key', skip, async (t) => {
  const world = await openShared()
  const { client, connection, nats } = world
  await publishJson(connection, 'e2e.conflict', [
    { id: 1, a: 5, b: 1, v: 'one' },
    { id: 1, a: 5, b: null, v: 'two' },
    { id: 1, a: 5, b: 0, v: null },
    { id: 1, a: 4, b: 9 },
    { id: 2, v: 'x' },
    { id: 2, a: 1 },
    { id: 1, a: 5, b: 1, v: 'six' },
    { id: 3, v: 'end' }
  ])
  const cases: [string, unknown[]][] = [
    ['', [1, 5, 1, 'six']],
    ['ON CONFLICT DO UPDATE FULL', [1, 5, 1, 'six']],
    ['ON CONFLICT OVERWRITE', [1, 5, 1, 'six']],
    ['ON CONFLICT DO NOTHING', [1, 5, 1, 'one']],
    ['ON CONFLICT IGNORE', [1, 5, 1, 'one']],
    ['APPEND ONLY', [1, 5, 1, 'one']],
    ['ON CONFLICT DO UPDATE IF NOT NULL', [1, 5, 1, 'six']],
    ['WITH VERSION COLUMN (a)', [1, 5, 1, 'six']],
    ['WITH VERSION COLUMN (b)', [1, 4, 9, null]],
    ['WITH VERSION COLUMN (a, b)', [1, 5, 1, 'six']]
  ]
  for (const [clause, want] of cases) {
    await client.query(`CREATE TABLE c (id int PRIMARY KEY, a int, b int, v text) ${clause}
      ${fedBy(nats, 'e2e.conflict')}`)
    await untilCount(client, 'c', 3)
    const [first, second] = await bothRoutes(t, world, 'SELECT * FROM c ORDER BY id')
    t.same(first, want, clause)
    if (clause.endsWith('IF NOT NULL')) t.same(second, [2, 1, null, 'x'], 'both halves')
    await client.query('DROP TABLE c')
  }
  const text = `CREATE TABLE c (id int PRIMARY KEY, v text) WITH VERSION COLUMN (v)
    ${fedBy(nats, 'e2e.conflict')}`
  t.match(await refusal(client, text), {
    code: '0A000',
    message: 'column "v" of type text cannot be a version',
    at: /^v\)/
  })
})

void t.test('WATERMARK and DEFAULT are checked by Postgres and change no row', skip, async (t) => {
  const world = await openShared()
  const { client, connection, direct, nats } = world
  await publishJson(connection, 'e2e.wm', [{ id: 1, at: '2030-01-01 00:00:00' }, { id: 2 }])
  const create = (items: string): string =>
    `CREATE TABLE w (id int, at timestamp, n int DEFAULT 7, ${items}) ${fedBy(nats, 'e2e.wm')}`
  const bad: [string, object][] = [
    ["WATERMARK FOR at AS nothing - INTERVAL '1' DAY", { code: '42703', at: /^nothing/ }],
    ['WATERMARK FOR at AS at::date', {
      code: '42P16',
      message: 'type mismatch between watermark expression and column, expected "timestamp ' +
        'without time zone", found "date"',
      at: /^at::date/
    }]
  ]
  for (const [items, told] of bad) t.match(await refusal(client, create(items)), told, items)
  t.same(await rowsOf(direct, "SELECT relname FROM pg_class WHERE relname = 'w'"), [])
  await client.query(create("WATERMARK FOR at AS at - INTERVAL '5' SECOND"))
  await untilCount(client, 'w', 2)
  t.same(await bothRoutes(t, world, 'SELECT id, n FROM w ORDER BY id'), [[1, null], [2, null]])
  await client.query('DROP TABLE w')
})
