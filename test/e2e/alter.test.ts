// Goal: ALTER of a relation is followed by the rows: columns added, dropped and renamed, in and out of
// transactions; a connector changed, slowed, paused, dropped.
// Method: through jetgres with real deliveries; both routes are asked after each step, a restart last.

import type { ConnectionOptions } from 'nats'
import { jwtAuthenticator } from 'nats'
import t from 'tap'
import type { Test } from 'tap'

import { eventually } from '../support/eventually.ts'
import { JETSTREAM, operatorKeys } from '../support/nats-operator.ts'
import { connectNats, publishJson, withoutNats } from '../support/nats-server.ts'
import type { NatsServer } from '../support/nats-server.ts'
import {
  bothRoutes,
  fedBy,
  liveChildren,
  refusal,
  rowsOf,
  sharedWorld,
  startAmysStream,
  startWorldStream,
  STREAM,
  untilCount
} from './world.ts'
import type { World } from './world.ts'

const skip = { skip: withoutNats() }

const openShared = sharedWorld(t)

void t.test('columns are added, renamed and dropped, and rows follow', skip, async (t) => {
  const world = await openShared()
  const { client, connection, nats } = world
  const publish = (...rows: unknown[]) => publishJson(connection, 'e2e.a', rows)
  await publish({ id: 1, v: 'a', w: 10 }, { id: 2, v: 'b', w: 20 })
  await client.query(`CREATE TABLE a (id int PRIMARY KEY, v text) INCLUDE subject AS s
    ${fedBy(nats, 'e2e.a')}`)
  await untilCount(client, 'a', 2)

  await client.query('ALTER TABLE a ADD COLUMN w int, ADD z string DEFAULT $$x$$')
  t.same(await bothRoutes(t, world, 'SELECT * FROM a ORDER BY id'), [
    [1, 'a', 'e2e.a', null, null],
    [2, 'b', 'e2e.a', null, null]
  ])
  await publish({ id: 2, v: 'c', w: 21 }, { id: 3, v: 'd', w: 30, z: 'é' })
  await untilCount(client, 'a', 3)
  t.same(await bothRoutes(t, world, 'SELECT id, v, w, z FROM a ORDER BY id'), [
    [1, 'a', null, null],
    [2, 'c', 21, null],
    [3, 'd', 30, 'é']
  ])
  await client.query('ALTER TABLE a RENAME COLUMN w TO "W w"')
  await client.query('ALTER TABLE a RENAME v TO w')
  await publish({ id: 4, v: 'e', w: 40 })
  await untilCount(client, 'a', 4)
  const renamed = [['c', 21], ['d', 30], ['e', 40]]
  t.same(await bothRoutes(t, world, 'SELECT w, "W w" FROM a WHERE id > 1 ORDER BY id'), renamed)
  await client.query('ALTER TABLE a DROP COLUMN z, ADD COLUMN v jsonb')
  await publish({ id: 5, v: 'f', w: 50 })
  await untilCount(client, 'a', 5)
  t.same(await bothRoutes(t, world, 'SELECT * FROM a WHERE id > 3 ORDER BY id'), [
    [4, 'e', 'e2e.a', 40, null],
    [5, 'f', 'e2e.a', 50, 'f']
  ])
  const again = await world.restart()
  await publish({ id: 6, v: 'g', w: 60 })
  await untilCount(again, 'a', 6)
  t.same(await rowsOf(again, 'SELECT w, "W w", v, s FROM a WHERE id = 6'), [
    ['g', 60, 'g', 'e2e.a']
  ])
  const [[, sql]] = (await rowsOf(again, 'SHOW CREATE TABLE a')) as [[string, string]]
  t.match(sql, /^CREATE TABLE public\.a \(\n {2}id integer,\n {2}w text,\n {2}"W w" integer,/)
  t.match(sql, /\n {2}PRIMARY KEY \(id\)\n\)\nINCLUDE subject AS s\nWITH \(\n/)
  await again.query('DROP TABLE a')
})

void t.test('in a transaction only Postgres knows, and ROLLBACK leaves no trace', skip, async (t) => {
  const world = await openShared()
  const { client, connection, nats, jetgres } = world
  await publishJson(connection, 'e2e.b', [{ id: 1, v: 'a', w: 10 }])
  await client.query(`CREATE TABLE b (id int PRIMARY KEY, v text) ${fedBy(nats, 'e2e.b')}`)
  await untilCount(client, 'b', 1)
  await client.query('BEGIN')
  await client.query('ALTER TABLE b ADD COLUMN w int')
  t.same(await rowsOf(client, 'SELECT * FROM b'), [[1, 'a', null]])
  await client.query('ALTER TABLE b DROP COLUMN v; ALTER TABLE b ADD COLUMN v int')
  t.same(await rowsOf(client, 'SELECT id, v FROM b'), [[1, null]])
  await client.query('ROLLBACK')
  t.same(await bothRoutes(t, world, 'SELECT * FROM b'), [[1, 'a']])
  await client.query('BEGIN; ALTER TABLE b ADD COLUMN w text; COMMIT')
  await publishJson(connection, 'e2e.b', [{ id: 2, v: 'b', w: 20 }])
  await untilCount(client, 'b', 2)
  t.same(await bothRoutes(t, world, 'SELECT * FROM b ORDER BY id'), [[1, 'a', null], [2, 'b', '20']])

  const other = await jetgres.connect()
  await client.query('BEGIN; ALTER TABLE b ADD COLUMN x int')
  const waiting = rowsOf(other, 'SELECT * FROM b ORDER BY id')
  await client.query('COMMIT')
  t.same(await waiting, [[1, 'a', null, null], [2, 'b', '20', null]], 'who waited sees it')
  await client.query('DROP TABLE b')
})

void t.test('what cannot be followed is refused and harms nothing', skip, async (t) => {
  const world = await openShared()
  const { client, connection, nats } = world
  await publishJson(connection, 'e2e.c', [{ id: 1, v: 'a', n: 1 }])
  await client.query(`CREATE TABLE c (id int PRIMARY KEY, v text, n int) WITH VERSION COLUMN (n)
    ${fedBy(nats, 'e2e.c')}`)
  await client.query(`CREATE SOURCE raw (b bytea) ${fedBy(nats, 'e2e.c').replace('JSON', 'BYTES')}`)
  await untilCount(client, 'c', 1)
  const cases: [string, string, string | RegExp, RegExp?][] = [
    ['ALTER TABLE c DROP COLUMN id', '0A000', 'column "id" cannot be dropped: it is a key column'],
    ['ALTER TABLE c DROP n', '0A000', 'column "n" cannot be dropped: it is a version column'],
    ['ALTER TABLE c ADD COLUMN w int NOT NULL', '0A000', 'an added column can only have a DEFAULT'],
    ['ALTER TABLE c ADD COLUMN w int GENERATED ALWAYS AS (n + 1) STORED', '0A000', /only have/],
    ['ALTER TABLE c ADD COLUMN w serial', '0A000', /type serial/, /^serial/],
    ['ALTER TABLE c ADD COLUMN w point', '0A000', /has type point/],
    ['ALTER TABLE c ADD COLUMN w nosuchtype', '42704', /does not exist/, /^nosuchtype/],
    ['ALTER TABLE c ADD COLUMN v int', '42701', /already exists/],
    ['ALTER TABLE c ALTER COLUMN n TYPE bigint', '0A000', /^ALTER COLUMN … TYPE/, /^ALTER COLUMN/],
    ['ALTER TABLE c ALTER n SET NOT NULL', '0A000', /^SET NOT NULL/],
    ['ALTER TABLE c ADD CONSTRAINT x CHECK (n > 0)', '0A000', /^ADD CONSTRAINT/],
    ['ALTER TABLE c SWAP WITH raw', '0A000', /^SWAP WITH/, /^SWAP/],
    ['ALTER TABLE c SET PARALLELISM = 4', '0A000', /^SET PARALLELISM/, /^SET/],
    ['ALTER TABLE c INHERIT x', '0A000', /^INHERIT/],
    ['ALTER TABLE c ATTACH PARTITION x DEFAULT', '0A000', /connector$/],
    ['ALTER SOURCE raw ADD COLUMN x bytea', '0A000', /^ADD COLUMN beside ENCODE BYTES/],
    ['ALTER SOURCE c RENAME TO d', '42809', '"c" is not a source'],
    ['ALTER SOURCE nothing RENAME TO d', '42P01', 'source "nothing" does not exist', /^nothing/],
    ['ALTER SOURCE raw RENAME TO', '42601', /end of input/],
    ['ALTER SOURCE raw DROP CONNECTOR', '42809', /is a source/],
    [`ALTER TABLE c CONNECTOR WITH (subject = 'x')`, '0A000',
      'option "subject" cannot be changed', /^subject/],
    [`ALTER TABLE c CONNECTOR WITH (pasword = 'x')`, 'HV00D', 'invalid option "pasword"', /^pas/],
    [`ALTER TABLE c CONNECTOR WITH (connect_mode = 'token')`, '22023', /requires `token`/],
    [`ALTER TABLE c CONNECTOR WITH (server_url = '127.0.0.1:1')`, 'HV00N', /./, /^'127/]
  ]
  for (const [sql, code, message, at] of cases) {
    t.match(await refusal(client, sql), { code, message, ...(at ? { at } : {}) }, sql)
  }
  await client.query('BEGIN')
  t.match(await refusal(client, 'ALTER TABLE c SET SOURCE_RATE_LIMIT TO 0'), { code: '25001' })
  await client.query('ROLLBACK')
  await client.query('ALTER SOURCE IF EXISTS nothing RENAME TO d')
  await client.query('ALTER TABLE c ALTER v DROP NOT NULL, ALTER v SET DEFAULT 7')
  await publishJson(connection, 'e2e.c', [{ id: 2, v: 'b', n: 2 }])
  await untilCount(client, 'c', 2)
  t.same(await bothRoutes(t, world, 'SELECT * FROM c ORDER BY id'), [[1, 'a', 1], [2, 'b', 2]])
  await client.query('DROP TABLE c; DROP SOURCE raw')
})

void t.test('what is altered on the upstream itself is followed', skip, async (t) => {
  const world = await openShared()
  const { client, connection, direct, nats } = world
  await publishJson(connection, 'e2e.d', [{ id: 1, v: 'a', w: 10 }])
  await client.query(`CREATE TABLE d (id int PRIMARY KEY, v text) ${fedBy(nats, 'e2e.d')}`)
  await untilCount(client, 'd', 1)
  await direct.query('ALTER TABLE d RENAME COLUMN v TO x')
  t.same(await bothRoutes(t, world, 'SELECT x FROM d'), [['a']])
  await direct.query('ALTER TABLE d DROP COLUMN x')
  t.same(await bothRoutes(t, world, 'SELECT * FROM d'), [[1]])
  await direct.query('ALTER TABLE d ADD COLUMN w int')
  const filled = async (): Promise<boolean> => {
    await publishJson(connection, 'e2e.d', [{ id: 2, w: 20 }])
    const rows = await rowsOf(direct, 'SELECT w FROM d WHERE id = 2').catch(() => [])
    return JSON.stringify(rows) === '[[20]]'
  }
  await eventually(filled, { deadlineMs: 20_000, what: 'the new column to be filled' })
  t.same(await bothRoutes(t, world, 'SELECT * FROM d ORDER BY id'), [[1, null], [2, 20]])
  await client.query('DROP TABLE d')
})

void t.test('DROP CONNECTOR leaves an ordinary table with the rows', skip, async (t) => {
  const world = await openShared()
  const { client, connection, direct, nats } = world
  await publishJson(connection, 'e2e.f', [{ id: 1, v: 'a' }, { id: 2, v: null }])
  await client.query(`CREATE TABLE f (id int PRIMARY KEY, v text DEFAULT 'new')
    ${fedBy(nats, 'e2e.f')}`)
  await untilCount(client, 'f', 2)
  await client.query('BEGIN; ALTER TABLE f DROP CONNECTOR')
  await client.query(`INSERT INTO f VALUES (9, 'mine')`)
  t.same(await rowsOf(client, 'SELECT count(*)::int FROM f'), [[3]])
  await client.query('ROLLBACK')
  t.same(await bothRoutes(t, world, 'SELECT * FROM f ORDER BY id'), [[1, 'a'], [2, null]])
  await publishJson(connection, 'e2e.f', [{ id: 3, v: 'c' }])
  await untilCount(client, 'f', 3)
  t.same(await rowsOf(direct, 'SELECT count(*)::int FROM ONLY f'), [[0]], 'still a relation')

  await client.query('ALTER TABLE f DROP CONNECTOR')
  await publishJson(connection, 'e2e.f', [{ id: 4, v: 'late' }])
  await client.query('INSERT INTO f VALUES (5)')
  const want = [[1, 'a'], [2, null], [3, 'c'], [5, 'new']]
  t.same(await bothRoutes(t, world, 'SELECT * FROM f ORDER BY id'), want)
  t.same(await rowsOf(client, 'SHOW SOURCES'), [])
  t.same(await liveChildren(direct), [])
  t.match(await refusal(client, 'INSERT INTO f VALUES (1)'), { code: '23505' })
  const again = await world.restart()
  t.same(await rowsOf(again, 'SELECT * FROM f ORDER BY id'), want)
  await again.query('DROP TABLE f')
})

void t.test('a rate limit slows and pauses, also over a restart', skip, async (t) => {
  const world = await openShared()
  const { connection, nats } = world
  let { client } = world
  const rows = (count: number) => Array.from({ length: count }, (_, id) => ({ id }))
  await client.query(`CREATE TABLE g (id int PRIMARY KEY)
    ${fedBy(nats, 'e2e.g').replace('(', '(source_rate_limit = 0, ')}`)
  await publishJson(connection, 'e2e.g', rows(10))
  t.match(await rowsOf(client, 'SHOW jetgres.relations'), [['public.g', 'table', 'paused']])
  client = await world.restart()
  t.same(await rowsOf(client, 'SELECT count(*)::int FROM g'), [[0]], 'nothing is read')
  await client.query('ALTER TABLE g SET SOURCE_RATE_LIMIT = DEFAULT')
  await untilCount(client, 'g', 10)
  const shown = async (): Promise<string> => String((await rowsOf(client, 'SHOW CREATE TABLE g'))[0])
  t.notMatch(await shown(), /source_rate_limit/)
  await client.query('ALTER TABLE g SET SOURCE_RATE_LIMIT TO 500')
  t.match(await shown(), /source_rate_limit = '500'/)
  await client.query('ALTER TABLE g SET SOURCE_RATE_LIMIT TO 0')
  t.match(await rowsOf(client, 'SHOW jetgres.relations'), [['public.g', 'table', 'paused']])
  await client.query('DROP TABLE g')
})

void t.test('REPLAY DROPPED brings back what can be a row by now', skip, async (t) => {
  const { client, connection, nats, jetgres } = await openShared()
  await client.query(
    `CREATE TABLE replayed (id int PRIMARY KEY, n int NOT NULL, w text) ${fedBy(nats, 'e2e.r')}`
  )
  await publishJson(connection, 'e2e.r', [
    { id: 1, n: 'bad', w: 'mended' },
    { id: 2, n: 'bad', w: 'older' },
    { id: 2, n: 5, w: 'newer' },
    { id: 'bad' },
    { id: 3, n: 'bad', w: 'gone' }
  ])
  const DROPPED = `SELECT sequence FROM jetgres.dropped WHERE name = 'replayed' ORDER BY 1`
  await eventually(async () => (await rowsOf(client, DROPPED)).length === 4)
  const sequences = (await rowsOf(client, DROPPED)).map(([sequence]) => Number(sequence))
  const manager = await connection.jetstreamManager()
  await manager.streams.deleteMessage(STREAM, sequences[3]!)
  await client.query('CREATE ROLE rita LOGIN')
  await client.query('ALTER TABLE replayed DROP COLUMN n')
  const stranger = await jetgres.connect({ user: 'rita' })
  const REPLAY = 'ALTER TABLE replayed REPLAY DROPPED'
  t.match(await refusal(stranger, REPLAY), { code: '42501' })
  const notices: string[] = []
  client.on('notice', ({ message }) => notices.push(String(message)))
  await client.query(REPLAY)
  t.same(notices, [
    '2 dropped deliveries were replayed, 1 still cannot become rows, 1 are no longer in the stream'
  ])
  const want = [[1, 'mended'], [2, 'newer']]
  t.same(await rowsOf(client, 'SELECT id, w FROM replayed ORDER BY 1'), want, 'no key goes back')
  t.same((await rowsOf(client, DROPPED)).map(([s]) => Number(s)), sequences.slice(2), 'the rest stays')
  await client.query(REPLAY)
  t.same(await rowsOf(client, 'SELECT id, w FROM replayed ORDER BY 1'), want, 'twice is as once')
  await client.query('DROP TABLE replayed')
})

/** The durable consumers of a world's stream. */
async function consumersOf(
  t: Test,
  server: NatsServer,
  login: ConnectionOptions = { user: 'own', pass: 'own' }
): Promise<string[]> {
  const connection = await connectNats(t, server, login)
  const consumers = await (await connection.jetstreamManager()).consumers.list(STREAM).next()
  return consumers.flatMap(({ config }) => config.durable_name ?? [])
}

/** From the one server on to one with JWTs, where another's consumer has the name at first. */
async function takesCreds(t: Test, { client }: World, before: NatsServer): Promise<void> {
  const keys = operatorKeys(JETSTREAM)
  const login = { authenticator: jwtAuthenticator(keys.jwt, Buffer.from(keys.seed)) }
  const server = { configText: keys.config }
  const { server: nats, admin } = await startWorldStream(t, { server, login })
  await publishJson(admin, 'e2e.amy', [{ id: 5 }])
  const { consumers } = await admin.jetstreamManager()
  await consumers.add(STREAM, { durable_name: 'h' })
  const creds = `-----BEGIN NATS USER JWT-----\n${keys.jwt}\n------END NATS USER JWT------
    -----BEGIN USER NKEY SEED-----\n${keys.seed}\n------END USER NKEY SEED------`
  const change = `ALTER TABLE h CONNECTOR WITH (server_url = '127.0.0.1:${nats.port}', creds = '${creds}')`
  t.match(await refusal(client, change), {
    code: '42710',
    message: `consumer "h" of stream "${STREAM}" exists already`
  })
  t.same(await consumersOf(t, before), ['h'], 'refused, nothing has changed')
  await consumers.delete(STREAM, 'h')
  await client.query(change)
  await untilCount(client, 'h', 5)
  t.same([await consumersOf(t, nats, login), await consumersOf(t, before)], [['h'], []])
  const [[, sql]] = (await rowsOf(client, 'SHOW CREATE TABLE h')) as [[string, string]]
  t.match(sql, /creds = '\*{8}'/)
  t.notMatch(sql, /password|BEGIN/)
}

void t.test('CONNECTOR WITH takes new servers and new credentials', skip, async (t) => {
  const world = await openShared()
  const { client, jetgres } = world
  const first = await startAmysStream(t, 'old', [{ id: 1 }, { id: 2 }])
  const second = await startAmysStream(t, 'n3w', [{ id: 3 }, { id: 4 }])
  await client.query(`CREATE TABLE h (id int PRIMARY KEY) WITH (connector = 'nats',
    server_url = '127.0.0.1:${first.port}', subject = 'e2e.amy', stream = '${STREAM}',
    connect_mode = 'user_and_password', username = 'amy', password = 'old',
    consumer.durable_name = 'h')
    FORMAT PLAIN ENCODE JSON`)
  await untilCount(client, 'h', 2)
  const elsewhere = `server_url = '127.0.0.1:${second.port}'`
  t.match(await refusal(client, `ALTER TABLE h CONNECTOR WITH (${elsewhere})`), { code: '28P01' })
  await client.query('CREATE ROLE bob LOGIN')
  const bob = await jetgres.connect({ user: 'bob' })
  const change = `ALTER TABLE h CONNECTOR WITH (${elsewhere}, connect_mode = 'user_and_password',
    username = 'amy', password = 'n3w')`
  t.match(await refusal(bob, change), { code: '42501', message: 'must be owner of table h' })
  const notices: string[] = []
  client.on('notice', ({ message }) => notices.push(String(message)))
  await client.query(change)
  t.same(notices, [`stream "${STREAM}" is another one there: it is read from its beginning`])
  await untilCount(client, 'h', 4)
  await eventually(async () => (await consumersOf(t, second)).join() === 'h', { what: 'it there' })
  t.same(await consumersOf(t, first), [], 'and no longer here')
  const [[, sql]] = (await rowsOf(client, 'SHOW CREATE TABLE h')) as [[string, string]]
  t.match(sql, new RegExp(`server_url = '127.0.0.1:${second.port}'`))
  t.match(sql, /password = '\*{8}'/)
  t.notMatch(sql, /n3w|old/)
  await takesCreds(t, world, second)
  await client.query('DROP TABLE h')
})
