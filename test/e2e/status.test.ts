// Goal: how ingestion stands can be asked for in SQL, by any client, and shows nobody what is not
// his. Method: schema jetgres read through jetgres and past it, by owner, stranger, monitor and
// superuser, joined with the catalog and with itself, while deliveries are dropped and purged. And
// who makes a relation can wait until it has caught up: with one that is paused, for ever. A source
// is what its stream is, though that was made again.

import { isDeepStrictEqual } from 'node:util'

import type pg from 'pg'
import t from 'tap'

import { createStream, publishJson, withoutNats } from '../support/nats-server.ts'
import { eventually } from '../support/eventually.ts'
import { cancelRequest, fedBy, lastRoute, openWorld, refusal, rowsOf, STREAM, untilCount } from './world.ts'
import type { Key } from './world.ts'

const skip = withoutNats()
const COUNT = 500

void t.test('schema jetgres', { skip }, async (t) => {
  const world = await openWorld(t)
  const { nats, connection, client, direct, jetgres } = world
  for (const role of ['ada', 'bob', 'eve']) {
    await direct.query(`CREATE ROLE ${role} LOGIN; GRANT CREATE ON SCHEMA public TO ${role}`)
  }
  await direct.query('GRANT pg_monitor TO eve')
  const ada = await jetgres.connect({ user: 'ada' })
  const bob = await jetgres.connect({ user: 'bob' })
  await ada.query(`CREATE TABLE orders (n int PRIMARY KEY) ${fedBy(nats, 'e2e.orders')}`)
  await bob.query(`CREATE TABLE "Odd ""name" (n int) ${fedBy(nats, 'e2e.odd')}`)
  await publishJson(connection, 'e2e.orders', [{ n: 1 }, { n: 'tab\there' }, { n: 2 }])
  await untilCount(ada, 'orders', 2)

  const RELATIONS = `SELECT schema, name, kind, stream, subjects, state, position, lag, lag_seconds,
    received, applied, dropped, gaps, restarts, last_error FROM jetgres.relations ORDER BY name`
  const want = [
    ['public', 'Odd "name', 'table', STREAM, ['e2e.odd'], 'live', '0', '0', 0, '0', '0', '0', '0', '0',
      null],
    ['public', 'orders', 'table', STREAM, ['e2e.orders'], 'live', '3', '0', 0, '3', '2', '1', '0', '0',
      null]
  ]
  await eventually(async () => (await rowsOf(client, RELATIONS)).every((row) => row[5] === 'live'))
  t.same(await rowsOf(client, RELATIONS), want, 'a superuser sees all')
  t.same(await rowsOf(direct, RELATIONS), want, 'past jetgres too')
  t.same(await rowsOf(ada, RELATIONS), [want[1]], 'an owner sees her own')
  t.same(await rowsOf(bob, RELATIONS), [want[0]], 'and nobody else does')
  const eve = await jetgres.connect({ user: 'eve' })
  t.same(await rowsOf(eve, RELATIONS), want, 'a monitor sees all')

  const DROPPED = `SELECT name, sequence, subject, error, convert_from(payload, 'UTF8')
    FROM jetgres.dropped`
  const dropped = [['orders', '2', 'e2e.orders', /n/, '{"n":"tab\\there"}']]
  t.match(await rowsOf(ada, DROPPED), dropped, 'what was dropped, and why')
  t.match(await rowsOf(direct, DROPPED), dropped, 'past jetgres too')
  t.same(await rowsOf(bob, DROPPED), [], 'a dropped delivery is data')

  const JOINED = `SELECT c.relname, r.dropped, count(d.sequence)::int, (SELECT count(*)::int FROM orders)
    FROM jetgres.relations r JOIN pg_class c ON c.relname = r.name
    LEFT JOIN jetgres.dropped d ON (d.schema, d.name) = (r.schema, r.name)
    WHERE r.position > 2 AND r.name = $1 GROUP BY 1, 2`
  t.same(await rowsOf(ada, JOINED, ['orders']), [['orders', '1', 1, 2]], 'joined, with parameters')
  t.match(await lastRoute(ada), /relay/, 'Postgres runs it')
  await t.rejects(bob.query('DELETE FROM jetgres.dropped'), { code: '55000' })

  await t.test('sessions, routes and settings', async (t) => {
    await bob.query(`SELECT 'bob''s own'`)
    const SESSIONS = `SELECT usename, datname, state, query FROM jetgres.sessions WHERE usename = 'bob'`
    const whole = [['bob', 'postgres', 'idle', `SELECT 'bob''s own'`]]
    for (const who of [client, eve]) t.same(await rowsOf(who, SESSIONS), whole)
    t.match(await rowsOf(bob, SESSIONS), [['bob', 'postgres', 'busy', SESSIONS]], 'his own')
    t.same(await rowsOf(ada, SESSIONS), [['bob', 'postgres', null, '<insufficient privilege>']])
    t.same(await rowsOf(ada, `${SESSIONS} AND query LIKE '%own%'`), [], 'nor asked for')
    const pids = 'SELECT count(*)::int FROM jetgres.sessions JOIN pg_stat_activity USING (pid, usename, datname)'
    t.same(await rowsOf(direct, pids), [[4]], 'named as in pg_stat_activity')
    await refusal(bob, `CREATE TABLE hush (n int) WITH (connector = 'nats', token = 'hushed')`)
    t.match(await rowsOf(eve, SESSIONS), [[/./, /./, /./, /^(?!.*hushed).*token/]], 'secrets are hidden')
    const ROUTES = `SELECT route, statements FROM jetgres.routes WHERE reason IS NULL ORDER BY 1`
    t.match(await rowsOf(eve, ROUTES), [['define', /^[1-9]/], ['local', /^[1-9]/], ['relay', /^[1-9]/]])
    const SETTINGS = `SELECT value FROM jetgres.settings WHERE name = 'http'`
    t.same(await rowsOf(client, SETTINGS), [['off']])
    for (const text of [ROUTES, SETTINGS]) t.match(await refusal(ada, text), { code: '42501' })
  })

  await t.test('CREATE waits until the relation has caught up', async (t) => {
    const lines: string[] = []
    const maker = await jetgres.connect()
    maker.on('notice', ({ severity, message = '' }) => lines.push(`${severity}: ${message}`))
    const publish = (name: string): Promise<void> =>
      publishJson(connection, `e2e.${name}`, Array.from({ length: COUNT }, (_, n) => ({ n })))
    const create = (name: string, more: string): string =>
      `CREATE TABLE IF NOT EXISTS ${name} (n int) ${fedBy(nats, `e2e.${name}`)}`.replace(
        `connect_mode = 'plain'`,
        `connect_mode = 'plain', wait = 'caught_up'${more}`
      )
    const waiting = (name: string): Promise<unknown> => {
      const count = lines.length
      const isTold = (line: string): boolean => line === `NOTICE: relation "public.${name}": paused`
      return eventually(() => lines.slice(count).some(isTold), { what: 'a notice' })
    }
    await maker.query(create('empty', ''))
    await publish('quick')
    await maker.query(`BEGIN; ${create('quick', '')}`)
    await maker.query({ text: 'COMMIT', name: 'by the extended protocol' })
    await maker.query('SET jetgres.consistency = committed')
    t.same(await rowsOf(maker, 'SELECT count(*)::int FROM quick'), [[COUNT]], 'at COMMIT')
    await publish('quick')
    await maker.query(create('quick', ''))
    t.same(await rowsOf(maker, 'SELECT count(*)::int FROM quick'), [[2 * COUNT]], 'one that is there')
    t.same(lines.filter((line) => !line.startsWith('NOTICE')), [])

    await client.query('ALTER TABLE quick SET SOURCE_RATE_LIMIT TO 0')
    await publish('quick')
    const cancelled = maker.query(create('quick', ''))
    await waiting('quick')
    const { processID } = maker as pg.Client & Key
    const WAITS = `SELECT state FROM jetgres.sessions WHERE pid = ${processID}`
    t.same(await rowsOf(client, WAITS), [['busy']])
    await cancelRequest(maker)
    t.equal((await cancelled).command, 'CREATE', 'what was made stays')
    t.equal(lines.at(-1), 'WARNING: canceling the wait for relation "public.quick" due to user request')
    await maker.query('SET statement_timeout = 1000')
    await maker.query(create('quick', ''))
    t.equal(lines.at(-1), 'WARNING: canceling the wait for relation "public.quick" due to statement timeout')
    await maker.query('RESET statement_timeout')
    const leaver = await jetgres.connect()
    const left = leaver.query(create('quick', '')).catch(() => 'left')
    const resumed = maker.query(create('quick', ''))
    await waiting('quick')
    await leaver.end()
    await left
    await client.query('ALTER TABLE quick SET SOURCE_RATE_LIMIT TO DEFAULT')
    await resumed
    t.same(await rowsOf(maker, 'SELECT count(*)::int FROM quick'), [[3 * COUNT]], 'resumed, it ends')
    const COUNTED = `SELECT received, applied, progress, target FROM jetgres.relations WHERE name = 'quick'`
    const counted = [[String(3 * COUNT), String(3 * COUNT), null, null]]
    await eventually(async () => isDeepStrictEqual(await rowsOf(client, COUNTED), counted), {
      what: 'counts that a pause has not reset'
    })
    t.notMatch(await rowsOf(maker, 'SHOW CREATE TABLE quick'), [[/./, /wait/]], 'the statement was told, not the relation')
    t.match(await refusal(maker, create('never', ', source_rate_limit = 0')), { code: '22023', at: /^'caught_up'/ })
  })

  const manager = await connection.jetstreamManager()
  await jetgres.stop()
  await publishJson(connection, 'e2e.odd', [{ n: 1 }, { n: 2 }])
  await manager.streams.purge(STREAM)
  await publishJson(connection, 'e2e.odd', [{ n: 3 }])
  jetgres.spawn()
  await jetgres.ready()
  const again = await jetgres.connect({ user: 'bob' })
  const GAPS = `SELECT name, first_sequence, last_sequence, now() - noticed_at < interval '5 min'
    FROM jetgres.gaps`
  await eventually(async () => (await rowsOf(again, GAPS)).length > 0)
  t.same(await rowsOf(again, GAPS), [['Odd "name', '1', String(3 + 3 * COUNT + 2), true]], 'what was purged unread')

  await createStream(connection, 'LIVES', ['lives.>'])
  await publishJson(connection, 'lives.a', [{ n: 1 }, { n: 2 }])
  for (const kind of ['SOURCE', 'TABLE']) {
    await again.query(`CREATE ${kind} life_${kind} (n int) ${fedBy(nats, 'lives.>', 'LIVES')}`)
    await untilCount(again, `life_${kind}`, 2)
  }
  await manager.streams.delete('LIVES')
  await eventually(() => createStream(connection, 'LIVES', ['lives.>']).then(() => true))
  await publishJson(connection, 'lives.a', [{ n: 3 }])
  await untilCount(again, 'life_TABLE', 3)
  await untilCount(again, 'life_SOURCE', 1)
  t.same(await rowsOf(again, 'SELECT n FROM life_SOURCE'), [[3]], 'a source is what its stream is now')
})
