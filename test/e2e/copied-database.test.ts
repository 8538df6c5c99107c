// Goal: the live tables of a database stay its own when it is copied.
// Method: CREATE DATABASE … TEMPLATE on the upstream itself; copy and original are asked directly.

import type pg from 'pg'
import t from 'tap'

import { eventually } from '../support/eventually.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { bothRoutes, fedBy, openWorld, refusal, rowsOf, untilCount } from './world.ts'
import type { World } from './world.ts'

const skip = { skip: withoutNats() }
const COLUMNS = '(id int PRIMARY KEY, v text)'
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** A session through jetgres and one past it, in a new database with relation `f` of three rows. */
async function withDatabase({ direct, jetgres, nats, connection, postgres }: World, name: string) {
  await publishJson(connection, 'e2e.f', [{ id: 1 }, { id: 2 }, { id: 3 }])
  await direct.query(`CREATE DATABASE ${quoted(name)}`)
  const client = await jetgres.connect({ database: name })
  await client.query(`CREATE TABLE f ${COLUMNS} ${fedBy(nats, 'e2e.f')}`)
  await untilCount(client, 'f', 3)
  return { client, direct: await postgres.connect({ database: name }) }
}

/** Nobody may be in the original meanwhile, jetgres included. */
async function copy(direct: pg.Client, original: string, name: string): Promise<void> {
  await direct.query(`ALTER DATABASE ${original} ALLOW_CONNECTIONS false`)
  await eventually(async () => {
    await direct.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1',
      [original]
    )
    await direct.query(`CREATE DATABASE ${name} TEMPLATE ${original}`)
    return true
  })
  await direct.query(`ALTER DATABASE ${original} ALLOW_CONNECTIONS true`)
}

void t.test('a copy of a database neither reads nor writes the original', skip, async (t) => {
  const world = await openWorld(t)
  const { direct, jetgres, nats, postgres } = world
  await withDatabase(world, 'other')
  await copy(direct, 'other', 'copy1')
  const inCopy = await postgres.connect({ database: 'copy1' })
  const through = await jetgres.connect({ database: 'copy1' })
  for (const session of [inCopy, through]) {
    for (const text of [
      'SELECT * FROM f',
      "INSERT INTO f VALUES (4, 'new')",
      'DELETE FROM f WHERE id = 1',
      "UPDATE f SET v = 'x'",
      'SELECT * FROM jetgres.relations'
    ]) {
      const { code, message, detail } = await refusal(session, text)
      t.equal(code, '08001', text)
      t.match(`${message} ${detail}`, /live tables of database "copy1" are those of database "other"/)
      t.match(detail, /DETAIL: +Database "copy1" was copied .*HINT: +In "copy1" drop them/s)
    }
  }
  const original = await eventually(() => jetgres.connect({ database: 'other' }))
  t.same(await rowsOf(original, 'SELECT id FROM f ORDER BY id'), [[1], [2], [3]], 'untouched')
  t.same(await rowsOf(original, 'SELECT name FROM jetgres.relations'), [['f']])
  await original.query("INSERT INTO f VALUES (5, 'its own')")

  await through.query('DROP TABLE f CASCADE')
  await through.query(`CREATE TABLE f ${COLUMNS} ${fedBy(nats, 'e2e.f')}`)
  await untilCount(through, 'f', 3)
  t.same(await rowsOf(inCopy, 'SELECT count(*)::int FROM f'), [[3]], 'made again it is its own')
})

void t.test('a database may have any name', skip, async (t) => {
  const world = await openWorld(t)
  for (const name of ['a:%d%p "b" c', `${'n'.repeat(50)}:äöü日本`, 'ü'.repeat(31)]) {
    const { client, direct } = await withDatabase(world, name)
    t.same(await bothRoutes(t, { ...world, client, direct }, 'SELECT count(*)::int FROM f'), [[3]])
    await direct.query("INSERT INTO f VALUES (4, 'x')")
    t.same(await rowsOf(direct, 'SELECT count(*)::int FROM f'), [[4]], name)
  }
})
