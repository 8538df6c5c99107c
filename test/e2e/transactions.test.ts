// Goal: a relation lives and dies with the user's transaction, and reads inside transactions see
// what their isolation level lets them see.
// Method: sessions through jetgres, with a look at the upstream itself; deliveries are published
// between the statements of an open transaction.

import type pg from 'pg'
import t from 'tap'

import { eventually } from '../support/eventually.ts'
import { startJetgres } from '../support/jetgres.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import {
  fedBy,
  lastRoute,
  openWorld,
  refusal,
  rowsOf,
  startWorldStream,
  untilCount
} from './world.ts'
import type { World } from './world.ts'

const skip = { skip: withoutNats() }
const CHARACTERISTICS = 'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL'
const COLUMNS = '(id int PRIMARY KEY, v text)'

const ids = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ id: from + i, v: `v${from + i}` }))

const create = ({ nats }: World, name: string): string =>
  `CREATE TABLE ${name} ${COLUMNS} ${fedBy(nats, `e2e.${name}`)}`

const isThere = async (client: pg.Client, name: string): Promise<boolean> =>
  (await rowsOf(client, 'SELECT to_regclass($1) IS NOT NULL', [name]))[0]![0] === true

/** Of the twin, its child and the definition, what is there? */
async function traces({ client, direct }: World, name: string): Promise<unknown[]> {
  const sources = await rowsOf(client, 'SHOW SOURCES')
  return [
    await isThere(direct, name),
    await rowsOf(
      direct,
      `SELECT count(*)::int FROM pg_inherits i JOIN pg_foreign_table f ON f.ftrelid = i.inhrelid
       WHERE i.inhparent::regclass::text = $1`,
      [name]
    ),
    sources.some(([shown]) => shown === `public.${name}`)
  ]
}

const ALL = [true, [[1]], true]
const NONE = [false, [[0]], false]

void t.test('CREATE and DROP belong to the transaction', skip, async (t) => {
  const world = await openWorld(t)
  const { client, connection, jetgres, direct } = world
  for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) {
    await publishJson(connection, `e2e.${name}`, ids(0, 10))
  }

  await t.test('ROLLBACK leaves nothing', async (t) => {
    await client.query('BEGIN')
    await client.query(create(world, 'a'))
    t.same(await isThere(client, 'a'), true, 'the session itself sees its twin')
    t.same(await isThere(direct, 'a'), false, 'nobody else does')
    await client.query('ROLLBACK')
    t.same(await traces(world, 'a'), NONE)
    t.equal((await refusal(client, 'SELECT * FROM a')).code, '42P01')
  })

  await t.test('COMMIT starts it; a SELECT before is told so', async (t) => {
    await client.query('BEGIN')
    await client.query(create(world, 'b'))
    await client.query('SAVEPOINT s')
    const told = await refusal(client, 'SELECT count(*) FROM b')
    t.match(told, {
      message: 'relation "b" cannot be read yet',
      hint: 'Ingestion starts at COMMIT.'
    })
    await client.query('ROLLBACK TO s')
    await client.query('COMMIT')
    await untilCount(client, 'b', 10)
    t.same(await traces(world, 'b'), ALL)
  })

  await t.test('a savepoint takes one relation back and keeps another', async (t) => {
    await client.query('BEGIN')
    await client.query(create(world, 'c'))
    await client.query('SAVEPOINT s')
    await client.query(create(world, 'd'))
    await client.query('ROLLBACK TO s')
    await client.query('COMMIT')
    t.same(await traces(world, 'c'), ALL)
    t.same(await traces(world, 'd'), NONE)
    await untilCount(client, 'c', 10)
    await client.query(create(world, 'd'))
    await untilCount(client, 'd', 10)
  })

  await t.test('in a text of several statements', async (t) => {
    const text = `CREATE TABLE side (id int); ${create(world, 'e')}; INSERT INTO side VALUES (1)`
    const results = (await client.query(text)) as unknown as pg.QueryResult[]
    t.same(results.map(({ command }) => command), ['CREATE', 'CREATE', 'INSERT'])
    await untilCount(client, 'e', 10)
    const failing = `DROP TABLE e; INSERT INTO side VALUES (2); SELECT 1/0`
    t.equal((await refusal(client, failing)).code, '22012')
    t.same(await rowsOf(client, 'SELECT id FROM side'), [[1]], 'all of it was undone')
    t.same(await traces(world, 'e'), ALL)
    await untilCount(client, 'e', 10)
  })

  await t.test('DROP in a transaction that is rolled back keeps it running', async (t) => {
    await client.query('BEGIN')
    await client.query('DROP TABLE c')
    t.equal(await isThere(client, 'c'), false)
    await client.query('ROLLBACK')
    t.same(await traces(world, 'c'), ALL)
    await publishJson(connection, 'e2e.c', ids(10, 15))
    await untilCount(client, 'c', 15)
    t.same(await rowsOf(direct, 'SELECT count(*) FROM c'), [['15']])
  })

  await t.test('DROP in a transaction that commits ends it', async (t) => {
    await client.query('BEGIN')
    await client.query('DROP TABLE c')
    await client.query('COMMIT')
    t.same(await traces(world, 'c'), NONE)
    await client.query(create(world, 'c'))
    await untilCount(client, 'c', 15)
  })

  await t.test('a client that goes away in its transaction leaves nothing', async (t) => {
    const other = await jetgres.connect()
    await other.query('BEGIN')
    await other.query(create(world, 'f'))
    await other.end()
    await eventually(async () => {
      const seen = await traces(world, 'f')
      return JSON.stringify(seen) === JSON.stringify(NONE)
    })
    await client.query(create(world, 'f'))
    t.same(await traces(world, 'f'), ALL)
  })

  await t.test('two that make the same name: one wins', async (t) => {
    await client.query('DROP TABLE f')
    const others = [await jetgres.connect(), await jetgres.connect()]
    const ends = await Promise.allSettled(others.map((other) => other.query(create(world, 'f'))))
    t.equal(ends.filter(({ status }) => status === 'fulfilled').length, 1)
    t.same(await traces(world, 'f'), ALL)
    await untilCount(client, 'f', 10)
  })

  await t.test('a failed transaction refuses our statements as Postgres does', async (t) => {
    await client.query('BEGIN')
    await refusal(client, 'SELECT 1/0')
    for (const text of [create(world, 'g'), 'SHOW SOURCES', 'DROP TABLE f', 'SELECT * FROM f']) {
      t.equal((await refusal(client, text)).code, '25P02', text)
    }
    await client.query(`ROLLBACK; ${create(world, 'g')}`)
    t.same(await traces(world, 'g'), ALL, 'behind a ROLLBACK in the same text it is made')
    t.same(await traces(world, 'f'), ALL)
  })
})

void t.test('what a transaction sees', skip, async (t) => {
  const world = await openWorld(t)
  const { client, connection, direct, jetgres } = world
  const other = await jetgres.connect()
  await publishJson(connection, 'e2e.seen', ids(0, 10))
  await client.query(create(world, 'seen'))
  await untilCount(client, 'seen', 10)
  let next = 10
  /** Five more rows, waited for by another session. */
  const publishFive = async (): Promise<void> => {
    await publishJson(connection, 'e2e.seen', ids(next, next + 5))
    next += 5
    await untilCount(other, 'seen', next)
  }
  const COUNT = 'SELECT count(*)::int FROM seen'
  const RELAYED = 'SELECT count(*)::int FROM (SELECT id FROM seen OFFSET 0) s, pg_sleep(0)'

  await t.test('READ COMMITTED sees newer rows, on both routes', async (t) => {
    await client.query('BEGIN')
    t.same(await rowsOf(client, COUNT), [[next]])
    t.equal(await lastRoute(client), 'local')
    t.same(await rowsOf(client, RELAYED), [[next]])
    t.match(await lastRoute(client), /^relay/)
    await publishFive()
    t.same(await rowsOf(client, COUNT), [[next]])
    t.same(await rowsOf(client, RELAYED), [[next]])
    await client.query('COMMIT')
  })

  for (const level of ['REPEATABLE READ', 'SERIALIZABLE']) {
    await t.test(`${level} keeps its snapshot`, async (t) => {
      await client.query(`BEGIN ISOLATION LEVEL ${level}`)
      const before = next
      t.same(await rowsOf(client, COUNT), [[before]])
      t.match(await lastRoute(client), /^relay \(transaction_isolation is /)
      await publishFive()
      t.same(await rowsOf(client, COUNT), [[before]])
      t.same(await rowsOf(client, RELAYED), [[before]])
      await client.query('COMMIT')
      t.same(await rowsOf(client, COUNT), [[next]], 'and only so long')
      t.equal(await lastRoute(client), 'local')
    })
  }

  await t.test('SET TRANSACTION and defaults count as BEGIN does', async (t) => {
    for (const [first, second] of [
      ['BEGIN', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ'],
      [`SET default_transaction_isolation = 'repeatable read'`, 'BEGIN'],
      [`${CHARACTERISTICS} REPEATABLE READ`, 'START TRANSACTION']
    ] as const) {
      await client.query(first)
      await client.query(second)
      const before = next
      t.same(await rowsOf(client, COUNT), [[before]], first)
      await publishFive()
      t.same(await rowsOf(client, COUNT), [[before]], `${first}: the same again`)
      await client.query('COMMIT')
      await client.query('RESET ALL')
      await client.query(`${CHARACTERISTICS} READ COMMITTED`)
    }
  })

  await t.test('cursors left open in many transactions hold nobody up', async (t) => {
    const sessions = await Promise.all(Array.from({ length: 30 }, () => jetgres.connect()))
    for (const session of sessions) {
      await session.query('BEGIN; DECLARE c CURSOR FOR SELECT id FROM seen ORDER BY id')
      t.same(await rowsOf(session, 'FETCH 1 FROM c'), [[0]])
    }
    const before = next
    await publishFive()
    t.same(await rowsOf(client, RELAYED), [[next]])
    for (const session of sessions) {
      t.equal((await rowsOf(session, 'FETCH ALL FROM c')).length, before - 1, 'its own snapshot')
      await session.query('COMMIT')
      await session.end()
    }
  })

  await t.test('one statement sees one state, however often it reads', async (t) => {
    let isOver = false
    const going = (async () => {
      while (!isOver) {
        await publishJson(connection, 'e2e.seen', ids(next, next + 5))
        next += 5
      }
    })()
    const twice = `SELECT (SELECT count(*) FROM seen) AS a, (SELECT max(id) + 1 FROM seen) AS b,
                          (SELECT count(*) FROM seen x JOIN seen y USING (id)) AS c, pg_sleep(0)`
    for (const session of [client, direct]) {
      for (let i = 0; i < 15; i++) {
        const [[a, b, c]] = (await rowsOf(session, twice)) as [[string, number, string]]
        t.same([Number(b), Number(c)], [Number(a), Number(a)])
      }
    }
    isOver = true
    await going
  })
})

void t.test('a transaction that defines relations is not prepared', skip, async (t) => {
  const [stream, postgres] = await Promise.all([
    startWorldStream(t),
    startPostgres(t, { settings: { max_prepared_transactions: '5' } })
  ])
  const jetgres = await startJetgres(t, { upstream: postgres.url })
  const client = await jetgres.connect()
  const direct = await postgres.connect()
  const { server: nats, admin: connection } = stream
  const feed = fedBy(nats, 'e2e.p')
  const make = `CREATE TABLE p ${COLUMNS} ${feed}`
  const refused = {
    code: '0A000',
    message: /^cannot PREPARE a transaction that has created or altered a relation/,
    hint: /^Use COMMIT/
  }
  const isOver = async (why: string): Promise<void> => {
    t.same(await rowsOf(client, 'SELECT now() = statement_timestamp()'), [[true]], `${why}: over`)
    t.notOk(await isThere(direct, 'p'), `${why}: rolled back`)
    t.same(await rowsOf(client, 'SHOW SOURCES'), [['public.kept']], `${why}: forgotten`)
    t.same(await rowsOf(direct, 'SELECT gid FROM pg_prepared_xacts'), [], why)
  }
  await publishJson(connection, 'e2e.p', ids(0, 3))
  await client.query(`CREATE TABLE kept ${COLUMNS} ${feed}`)
  await untilCount(client, 'kept', 3)

  await client.query('BEGIN')
  await client.query(make)
  t.match(await refusal(client, "/* 2 */ prepare /* */ TRANSACTION 'x'"), refused)
  await isOver('a simple query')
  t.match(await refusal(client, `BEGIN; ${make}; PREPARE TRANSACTION 'x'`), refused)
  await isOver('several statements')
  await client.query('BEGIN')
  await client.query(make)
  const parsed = { name: 'ends', text: "PREPARE TRANSACTION 'x'" }
  await t.rejects(client.query(parsed), refused)
  await isOver('the extended protocol')
  await client.query('BEGIN')
  await client.query('ALTER TABLE kept ADD COLUMN w text')
  t.match(await refusal(client, "PREPARE TRANSACTION 'x'"), refused, 'what is altered')
  await isOver('what is altered')
  await untilCount(client, 'kept', 3)

  await client.query('BEGIN')
  await client.query(make)
  await refusal(client, 'SELECT 1/0')
  t.equal((await client.query("PREPARE TRANSACTION 'x'")).command, 'ROLLBACK', 'as Postgres has it')
  await isOver('one that has failed')

  await client.query('BEGIN; CREATE TABLE plain (id int)')
  await client.query("PREPARE TRANSACTION 'x'; BEGIN")
  await client.query(`${make}; COMMIT`)
  await client.query("COMMIT PREPARED 'x'")
  t.ok(await isThere(direct, 'plain'), 'others are')
  await untilCount(client, 'p', 3)
})
