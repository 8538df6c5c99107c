// Goal: what jetgres keeps in a database comes back when somebody drops it, without a restart.
// Method: schema, extension and database are dropped on the upstream itself.

import t from 'tap'

import { eventually } from '../support/eventually.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { fedBy, openWorld, rowsOf, untilCount } from './world.ts'
import type { World } from './world.ts'

const skip = { skip: withoutNats() }
const MISSING = 'live child is missing'

const create = ({ nats }: World, name: string): string =>
  `CREATE TABLE ${name} (id int PRIMARY KEY, v text) ${fedBy(nats, 'e2e.x')}`

const warnings = ({ jetgres }: World, msg: string): number =>
  jetgres.lines.filter((line) => line.level === 'warn' && line.msg === msg).length

void t.test('the bridge is made again', skip, async (t) => {
  const world = await openWorld(t)
  const { client, connection, direct, jetgres } = world
  await publishJson(connection, 'e2e.x', [{ id: 1 }, { id: 2 }])
  await client.query(create(world, 'live'))
  await untilCount(client, 'live', 2)
  const drops = ['DROP SCHEMA jetgres_live CASCADE', 'DROP EXTENSION postgres_fdw CASCADE']
  for (const [i, drop] of drops.entries()) {
    await direct.query(drop)
    await client.query(create(world, `made${i}`))
    await untilCount(client, `made${i}`, 2)
    t.same(await rowsOf(direct, `SELECT count(*)::int FROM made${i}`), [[2]], `CREATE after ${drop}`)
    await eventually(
      async () => (await rowsOf(direct, 'SELECT count(*)::int FROM live'))[0]![0] === 2,
      { what: `a relayed read after ${drop}` }
    )
    t.same(await rowsOf(direct, "SELECT name FROM jetgres.relations WHERE name = 'live'"), [['live']])
  }

  await direct.query('CREATE DATABASE other')
  const before = await jetgres.connect({ database: 'other' })
  await before.query(create(world, 'live'))
  await direct.query('DROP DATABASE other WITH (FORCE)')
  await direct.query('CREATE DATABASE other')
  const after = await eventually(() => jetgres.connect({ database: 'other' }))
  await after.query(create(world, 'again'))
  await untilCount(after, 'again', 2)
  t.pass('CREATE in a database made again')
})

void t.test('a live child that cannot be made again is told of once', skip, async (t) => {
  const world = await openWorld(t)
  const { client, connection, direct } = world
  await publishJson(connection, 'e2e.x', [{ id: 1 }])
  await client.query(create(world, 'live'))
  // A view of the user's has the place of its child.
  await direct.query('DROP FOREIGN TABLE jetgres_live.r1; CREATE VIEW jetgres_live.r1 AS SELECT 1')
  await eventually(() => warnings(world, MISSING) > 0, { what: 'a warning' })
  // Each look at the twins asks for its detached ones first.
  for (let i = 0; i < 3; i++) await client.query('ALTER TABLE live SET (fillfactor = 90)')
  t.equal(warnings(world, MISSING), 1)
  await direct.query('DROP VIEW jetgres_live.r1')
  await eventually(
    async () => (await rowsOf(direct, 'SELECT count(*)::int FROM live'))[0]![0] === 1,
    { what: 'the live child' }
  )
})
