// Goal: how ingestion stands can be asked for in SQL, by any client, and shows nobody what is not
// his. Method: schema jetgres read through jetgres and past it, by owner, stranger, monitor and
// superuser, joined with the catalog and with itself, while deliveries are dropped and purged.

import t from 'tap'

import { publishJson, withoutNats } from '../support/nats-server.ts'
import { eventually } from '../support/eventually.ts'
import { fedBy, lastRoute, openWorld, rowsOf, STREAM, untilCount } from './world.ts'

const skip = withoutNats()

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
  t.same(await rowsOf(again, GAPS), [['Odd "name', '1', '5', true]], 'what was purged unread')
})
