// Goal: rows of a table that inherits from a relation are the relation's rows too, on both routes.
// Method: such a table is made and dropped through jetgres and beside it, under plans that are kept.

import t from 'tap'

import { publishJson, withoutNats } from '../support/nats-server.ts'
import { eventually } from '../support/eventually.ts'
import { fedBy, lastRoute, openWorld, rowsOf, untilCount } from './world.ts'

const ASKED = [
  'SELECT count(*) FROM f',
  'SELECT count(*) FROM over_f',
  'SELECT v FROM f WHERE id = 7',
  'SELECT v FROM f WHERE id = 1'
]

void t.test('a table that inherits from a relation', { skip: withoutNats() }, async (t) => {
  const { client, connection, direct, jetgres, nats } = await openWorld(t)
  await client.query(`CREATE TABLE f (id int PRIMARY KEY, v text) ${fedBy(nats, 'e2e.f')}`)
  await client.query('CREATE VIEW over_f AS SELECT id FROM f')
  await publishJson(connection, 'e2e.f', [{ id: 1, v: 'a' }, { id: 2, v: 'b' }])
  await untilCount(client, 'f', 2)
  const other = await jetgres.connect()
  const readAll = async (want: RegExp): Promise<void> => {
    for (const session of [client, other]) {
      for (const text of ASKED) {
        t.same(await rowsOf(session, text), await rowsOf(direct, text), text)
        t.match(await lastRoute(session), want, text)
      }
    }
  }
  await readAll(/^local/)
  await client.query("CREATE TABLE more () INHERITS (f); INSERT INTO more VALUES (7, 'own')")
  await readAll(/"f" has another child table/)
  await client.query('DROP TABLE more')
  await readAll(/^local/)
  await direct.query("CREATE TABLE more () INHERITS (f); INSERT INTO more VALUES (7, 'own')")
  await eventually(async () => (await rowsOf(client, ASKED[0]!))[0]?.[0] === '3')
  await eventually(async () => (await rowsOf(other, ASKED[0]!))[0]?.[0] === '3')
})
