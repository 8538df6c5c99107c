// Goal: jetgres starts, ends and goes on as an operator expects, whatever its neighbours do.
// Method: signals to the real process; the upstream and NATS are stopped and started around it.

import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type pg from 'pg'
import t from 'tap'

import { eventually } from '../support/eventually.ts'
import { isAlive, startJetgres } from '../support/jetgres.ts'
import { connectNats, publishJson, withoutNats } from '../support/nats-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import {
  fedBy,
  lastRoute,
  openWorld,
  refusal,
  rowsOf,
  startWorldStream,
  STREAM,
  untilCount
} from './world.ts'
import type { World } from './world.ts'

const skip = { skip: withoutNats() }
const ids = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ id: from + i, v: `v${from + i}` }))
const LOCAL = 'SELECT count(*)::int FROM live'
const RELAYED = 'SELECT count(*)::int FROM (SELECT * FROM live OFFSET 0) x, pg_sleep(0)'

async function withLive(world: World, count: number): Promise<void> {
  const { client, connection, nats } = world
  await publishJson(connection, 'e2e.live', ids(0, count))
  await client.query(`CREATE TABLE live (id int PRIMARY KEY, v text) ${fedBy(nats, 'e2e.live')}`)
  await untilCount(client, 'live', count)
}

/** Waits until a fresh session answers. */
async function answers(world: Pick<World, 'jetgres'>, sql: string, want: unknown, user = 'postgres'): Promise<void> {
  let seen: unknown
  const check = async (): Promise<boolean> => {
    const client = await world.jetgres.connect({ user })
    try {
      seen = await rowsOf(client, sql)
    } finally {
      await client.end()
    }
    return JSON.stringify(seen) === JSON.stringify(want)
  }
  await eventually(check, { deadlineMs: 30_000, what: `${sql} to give ${JSON.stringify(want)}` })
}

void t.test('SIGTERM lets a running statement end and takes no new client', skip, async (t) => {
  const world = await openWorld(t)
  const { jetgres, client, direct } = world
  await withLive(world, 5)
  const idle = await jetgres.connect()
  const idleEnd = new Promise((resolve) => idle.once('end', resolve))
  const idleError = once(idle, 'error')
  await direct.query('SELECT pg_advisory_lock(7)')
  const inHand = rowsOf(client, 'SELECT count(*)::int FROM live, pg_advisory_lock(7)')
  const waiting = `SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`
  await eventually(async () => (await rowsOf(direct, waiting)).length === 1)
  const stopped = jetgres.stop()
  const [error] = (await idleError) as [pg.DatabaseError]
  t.equal(error.code, '57P01', 'an idle session is told')
  await idleEnd
  const turnedAway = /ECONNREFUSED|shutting down|terminated/
  await t.rejects(jetgres.connect(), turnedAway, 'a new client is refused')
  await direct.query('SELECT pg_advisory_unlock(7)')
  t.same(await inHand, [[5]], 'the statement in hand ends')
  t.equal(await stopped, 0)
  t.equal(jetgres.lines.at(-1)?.msg, 'jetgres is closed')

  jetgres.spawn()
  await jetgres.ready()
  await answers(world, LOCAL, [[5]])
})

void t.test('a data directory has one jetgres', async (t) => {
  const postgres = await startPostgres(t)
  const dataDir = await mkdtemp(join(tmpdir(), 'jetgres-test-shared-'))
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  const options = { upstream: postgres.url, dataDir }
  const first = await startJetgres(t, options)
  const second = await startJetgres(t, { ...options, isAwaited: false })
  t.equal(await second.exited(), 1)
  const said = JSON.stringify(second.lines.at(-1))
  t.match(said, new RegExp(`in use by another jetgres \\(.*${first.pid}`))
  t.same(await rowsOf(await first.connect(), 'SELECT 1'), [[1]], 'the first goes on')
  await first.kill()
  second.spawn()
  await second.ready()
  t.same(await rowsOf(await second.connect(), 'SELECT 1'), [[1]], 'a killed one holds nothing')
})

void t.test('the upstream goes and comes back', skip, async (t) => {
  const world = await openWorld(t)
  const { jetgres, postgres, connection } = world
  await withLive(world, 5)

  await postgres.restart()
  await answers(world, LOCAL, [[5]])
  await answers(world, RELAYED, [[5]])
  t.ok(isAlive(jetgres.pid), 'jetgres lives on')

  await postgres.stop()
  await publishJson(connection, 'e2e.live', ids(5, 8))
  await t.rejects(jetgres.connect(), { code: '08001' }, 'while it is away clients are told')
  await jetgres.stop()
  jetgres.spawn()
  await jetgres.ready()
  await t.rejects(jetgres.connect(), { code: '08001' }, 'jetgres starts without it')
  await publishJson(connection, 'e2e.live', ids(8, 10))
  await postgres.restart()
  await answers(world, LOCAL, [[10]])
  await answers(world, RELAYED, [[10]])
  t.same(await rowsOf(await postgres.connect(), LOCAL), [[10]], 'and on the upstream itself')
  const said = (text: string): boolean => jetgres.lines.some(({ msg }) => msg === text)
  t.ok(said('the upstream cannot be reached'), 'the log tells')
  await eventually(() => said('the upstream can be reached again'))
})

void t.test('another upstream in its place loses nothing', skip, async (t) => {
  const world = await openWorld(t)
  const { jetgres, postgres } = world
  await withLive(world, 5)
  const other = await startPostgres(t)
  await jetgres.stop()
  const options = { dataDir: jetgres.dataDir }
  const elsewhere = await startJetgres(t, { ...options, upstream: other.url })
  const client = await elsewhere.connect()
  t.equal((await refusal(client, LOCAL)).code, '42P01', 'its twin is not here')
  t.same(await rowsOf(client, 'SHOW SOURCES'), [])
  await client.query('CREATE TABLE live (id int)')
  t.same(await rowsOf(client, LOCAL), [[0]], 'an ordinary table of the name is just that')
  await elsewhere.stop()
  const back = await startJetgres(t, { ...options, upstream: postgres.url })
  await untilCount(await back.connect(), 'live', 5)
})

void t.test('NATS goes and comes back', skip, async (t) => {
  const world = await openWorld(t)
  const { nats, jetgres, client } = world
  await withLive(world, 5)
  const publishAfterRestart = async (values: unknown[]) => {
    await nats.restart()
    const connection = await connectNats(t, nats)
    await publishJson(connection, 'e2e.live', values)
    return connection
  }

  await nats.kill()
  t.same(await rowsOf(client, LOCAL), [[5]], 'reads go on without it')
  t.same(await rowsOf(client, RELAYED), [[5]])
  const more = `CREATE TABLE more (id int PRIMARY KEY) ${fedBy(nats, 'e2e.m')}`
  t.equal((await refusal(client, more)).code, 'HV00N')
  await publishAfterRestart(ids(5, 8))
  await untilCount(client, 'live', 8)

  await nats.kill()
  await jetgres.restart()
  await answers(world, LOCAL, [[8]])
  await answers(world, RELAYED, [[8]])
  const connection = await publishAfterRestart(ids(8, 9))
  await answers(world, LOCAL, [[9]])

  const manager = await connection.jetstreamManager()
  await manager.streams.purge(STREAM)
  await publishJson(connection, 'e2e.live', ids(20, 22))
  await answers(world, LOCAL, [[11]])
})

void t.test('kill -9 takes the embedded Postgres along; a start has it all', skip, async (t) => {
  const { server: nats, admin: connection } = await startWorldStream(t)
  await publishJson(connection, 'e2e.live', ids(0, 5))
  const jetgres = await startJetgres(t)
  const client = await jetgres.connect()
  await client.query(`CREATE TABLE live (id int PRIMARY KEY, v text) ${fedBy(nats, 'e2e.live')}`)
  await client.query('CREATE TABLE ordinary AS SELECT 42 AS n')
  await untilCount(client, 'live', 5)
  const { pid } = jetgres.embedded
  t.ok(isAlive(pid))
  await jetgres.kill()
  await publishJson(connection, 'e2e.live', ids(5, 9))
  jetgres.spawn()
  await jetgres.ready()
  await eventually(() => !isAlive(pid), { what: 'the end of the old Postgres' })
  const again = await jetgres.connect()
  await untilCount(again, 'live', 9)
  t.same(await rowsOf(again, RELAYED), [[9]])
  t.same(await rowsOf(again, 'SELECT n FROM ordinary'), [[42]])
  const now = jetgres.embedded.pid
  t.equal(await jetgres.stop(), 0)
  await eventually(() => !isAlive(now), { what: 'its end, by SIGTERM' })
})

void t.test('without postgres_fdw the local route works, and says so', skip, async (t) => {
  const [stream, postgres] = await Promise.all([startWorldStream(t), startPostgres(t)])
  const { server: nats, admin: connection } = stream
  await publishJson(connection, 'e2e.live', ids(0, 5))
  const direct = await postgres.connect()
  await direct.query(`CREATE ROLE caretaker LOGIN; CREATE ROLE amy LOGIN;
    GRANT CREATE ON SCHEMA public TO amy; GRANT SELECT ON ALL TABLES IN SCHEMA public TO amy`)
  const upstream = postgres.url.replace('postgres@', 'caretaker@')
  const jetgres = await startJetgres(t, { upstream })
  for (const user of ['amy', 'postgres']) {
    const client = await jetgres.connect({ user })
    const notices: string[] = []
    client.on('notice', (notice) => notices.push(`${notice.message} ${notice.hint ?? ''}`))
    await client.query(`CREATE TABLE live (id int PRIMARY KEY, v text) ${fedBy(nats, 'e2e.live')}`)
    const notice = /"live" has no live child upstream.*(grant|superuser)/
    t.match(notices.join(), notice, `${user}: the notice`)
    await untilCount(client, 'live', 5)
    t.equal(await lastRoute(client), 'local')
    const others = ['SELECT * FROM ONLY live', 'COPY live TO STDOUT', 'EXPLAIN (FORMAT json) SELECT * FROM live']
    for (const sql of [RELAYED, ...others]) {
      const told = await refusal(client, sql)
      t.match(told.message, /live/, `${user}: ${sql}: ${told.message}`)
    }
    t.same(await rowsOf(client, LOCAL), [[5]], `${user}: goes on`)
    const straight = await postgres.connect({ user })
    if (user === 'amy') {
      t.match((await refusal(straight, LOCAL)).message, /"live" is read through jetgres only/)
    }
    await client.query('DROP TABLE live')
  }
})

void t.test('whose role the maintenance role lacks is told so, until it is granted', skip, async (t) => {
  const [stream, postgres] = await Promise.all([startWorldStream(t), startPostgres(t)])
  const { server: nats, admin: connection } = stream
  await publishJson(connection, 'e2e.live', ids(0, 5))
  const direct = await postgres.connect()
  await direct.query(`CREATE ROLE caretaker LOGIN; CREATE ROLE "Amy" LOGIN; CREATE EXTENSION postgres_fdw;
    GRANT CREATE ON DATABASE postgres TO caretaker; GRANT CREATE ON SCHEMA public TO "Amy";
    GRANT USAGE ON FOREIGN DATA WRAPPER postgres_fdw TO caretaker`)
  const jetgres = await startJetgres(t, { upstream: postgres.url.replace('postgres@', 'caretaker@') })
  const amy = await jetgres.connect({ user: 'Amy' })
  const straight = await postgres.connect({ user: 'Amy' })
  const notices: string[] = []
  amy.on('notice', (notice) => notices.push(`${notice.message}: ${notice.hint ?? ''}`))
  await amy.query(`CREATE TABLE live (id int PRIMARY KEY, v text) ${fedBy(nats, 'e2e.live')}`)
  t.match(notices.join(), /"live" has no live child upstream.*Use: GRANT "Amy" TO caretaker$/)
  await untilCount(amy, 'live', 5)
  t.equal(await lastRoute(amy), 'local')
  t.equal((await refusal(amy, RELAYED)).code, '55000')
  t.match((await refusal(straight, LOCAL)).message, /"live" is read through jetgres only/)
  await direct.query('GRANT "Amy" TO caretaker')
  await answers({ jetgres }, RELAYED, [[5]], 'Amy')
  t.same(await rowsOf(straight, LOCAL), [[5]], 'the guard is gone')
  const others = notices.length
  await amy.query(`CREATE TABLE more (id int PRIMARY KEY, v text) ${fedBy(nats, 'e2e.live')}`)
  t.equal(notices.length, others, 'and no notice')
  await untilCount(amy, 'more', 5)
})

void t.test('a client that sends rubbish harms nobody', async (t) => {
  const postgres = await startPostgres(t)
  const jetgres = await startJetgres(t, { upstream: postgres.url })
  const good = await jetgres.connect()
  const short = '\0\0\0\x08\0\x03\0\0'
  for (const rubbish of ['GET / HTTP/1.1\r\n\r\n', short, '\xff'.repeat(100), '\0\0\0\x04']) {
    const socket = connect(jetgres.port, jetgres.host)
    socket.on('error', () => undefined)
    socket.write(rubbish, 'latin1')
    socket.end()
    await once(socket.resume(), 'close')
  }
  t.same(await rowsOf(good, 'SELECT 1'), [[1]])
  t.same(await rowsOf(await jetgres.connect(), 'SELECT 2'), [[2]])
})
