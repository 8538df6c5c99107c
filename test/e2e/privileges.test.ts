// Goal: who may see what is Postgres's to say, whichever way the rows come: privileges, roles,
// row-level security, and names as the session resolves them.
// Method: every question is asked of the relation `live` through jetgres, on both routes and on the
// upstream itself; what changes privileges is done on a direct connection, behind jetgres's back.

import type pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'

import { eventually } from '../support/eventually.ts'
import { publishJson, withoutNats } from '../support/nats-server.ts'
import { fedBy, lastRoute, openWorld, pidOf, refusal, rowsOf, untilCount } from './world.ts'
import type { World } from './world.ts'

const skip = { skip: withoutNats() }
const rows = Array.from({ length: 20 }, (_, id) => ({
  id,
  owner: id % 2 ? 'amy' : 'ben',
  n: id * id
}))
const COLUMNS = '(id int PRIMARY KEY, owner text, n bigint)'

const LOCAL = 'SELECT count(*)::int FROM live'
/** The same by way of Postgres. */
const RELAYED =
  'WITH x AS MATERIALIZED (SELECT id FROM live) SELECT count(*)::int FROM x, pg_sleep(0)'

const SEEN = 'SELECT count(*)::int FROM seen'

async function withLive(t: Test): Promise<World & { amy: pg.Client; amyDirect: pg.Client }> {
  const world = await openWorld(t)
  const { client, connection, direct, jetgres, nats, postgres } = world
  await publishJson(connection, 'e2e.live', rows)
  await direct.query('CREATE ROLE amy LOGIN; CREATE ROLE ben LOGIN; CREATE ROLE team')
  await client.query(`CREATE TABLE live ${COLUMNS} ${fedBy(nats, 'e2e.live')}`)
  await untilCount(client, 'live', rows.length)
  const amy = await jetgres.connect({ user: 'amy' })
  const amyDirect = await postgres.connect({ user: 'amy' })
  return { ...world, amy, amyDirect }
}

const DENIED = { code: '42501', message: 'permission denied for table live' }

void t.test('privileges are the twin\'s, and take effect at once', skip, async (t) => {
  const world = await withLive(t)
  const { amy, amyDirect, direct, client } = world
  const denied = async (why: string, statements = [LOCAL, RELAYED]): Promise<void> => {
    for (const session of [amy, amyDirect]) {
      for (const sql of statements) t.match(await refusal(session, sql), DENIED, `${why}: ${sql}`)
    }
  }
  const allowed = async (why: string): Promise<void> => {
    for (const session of [amy, amyDirect]) {
      for (const sql of [LOCAL, RELAYED]) {
        t.same(await rowsOf(session, sql), [[20]], `${why}: ${sql}`)
      }
    }
  }
  await denied('without any')
  await direct.query('GRANT SELECT ON live TO amy')
  await allowed('after GRANT')
  await rowsOf(amy, LOCAL)
  t.equal(await lastRoute(amy), 'local')

  const prepared = { name: 'counted', text: LOCAL, rowMode: 'array' as const }
  t.same((await amy.query(prepared)).rows, [[20]], 'prepared')
  await direct.query('REVOKE SELECT ON live FROM amy')
  await denied('after REVOKE')
  const again = await amy.query(prepared).catch((error: unknown) => error)
  t.match(again, DENIED, 'a prepared statement too')

  await direct.query('GRANT SELECT ON live TO team; GRANT team TO amy')
  await allowed('by membership')
  await direct.query('REVOKE team FROM amy; GRANT SELECT (id, owner) ON live TO amy')
  await denied('of some columns only', ['SELECT n FROM live', 'SELECT * FROM live'])
  t.same(await rowsOf(amy, 'SELECT id, owner FROM live WHERE id = 3'), [[3, 'amy']])
  t.same(await rowsOf(amyDirect, 'SELECT id, owner FROM live WHERE id = 3'), [[3, 'amy']])

  await client.query('CREATE VIEW seen AS SELECT id FROM live; GRANT SELECT ON seen TO ben')
  await client.query('SET ROLE ben')
  t.same(await rowsOf(client, SEEN), [[20]], 'a view has its owner\'s')
  t.equal(await lastRoute(client), 'local')
  t.match(await refusal(client, LOCAL), DENIED, 'SET ROLE')
  await client.query('RESET ROLE')
  t.same(await rowsOf(client, LOCAL), [[20]], 'RESET ROLE')
  await viewsFollow(t, world)
  await client.query('BEGIN; SET LOCAL ROLE ben')
  t.match(await refusal(client, LOCAL), DENIED, 'SET LOCAL ROLE')
  await client.query('ROLLBACK')
  t.same(await rowsOf(client, LOCAL), [[20]])
  await plansAreShared(t, world)
  await plansFollow(t, world)
})

/** The view is changed behind jetgres's back. */
async function viewsFollow(t: Test, { client, direct, jetgres }: World): Promise<void> {
  const ben = await jetgres.connect({ user: 'ben' })
  const becomes = async (what: string, want: unknown, route: RegExp): Promise<void> => {
    const asked = async (): Promise<boolean> => {
      const got = await rowsOf(ben, SEEN).catch((error: { code?: string }) => error.code)
      return JSON.stringify(got) === JSON.stringify(want) && route.test(await lastRoute(ben))
    }
    await eventually(asked, { what })
    t.pass(what)
  }
  await direct.query('CREATE OR REPLACE VIEW seen AS SELECT id FROM live WHERE id < 5')
  await becomes('another body', [[5]], /^local$/)
  await direct.query('ALTER VIEW seen OWNER TO amy')
  await becomes('an owner who may see some columns', [[5]], /^relay \(no SELECT privilege on the whole/)
  await direct.query('REVOKE SELECT (id, owner) ON live FROM amy')
  await becomes('an owner who may see nothing', '42501', /./)
  await direct.query('ALTER VIEW seen OWNER TO postgres')
  await becomes('an owner who may see all', [[5]], /^local$/)
  await direct.query('ALTER VIEW seen SET (security_invoker)')
  await becomes('security_invoker', '42501', /./)
  await direct.query('GRANT SELECT ON live TO ben')
  await becomes('security_invoker with the privilege', [[5]], /^local$/)
  await direct.query('REVOKE SELECT ON live FROM ben; ALTER VIEW seen RESET (security_invoker)')
  await direct.query('CREATE VIEW later AS SELECT n FROM seen JOIN live USING (id); GRANT SELECT ON later TO ben')
  t.same(await rowsOf(ben, 'SELECT count(*)::int FROM later'), [[5]], 'one that is not known yet')
  await client.query('CREATE VIEW latest AS TABLE seen')
  t.same(await rowsOf(client, 'SELECT count(*)::int FROM latest'), [[5]])
  t.equal(await lastRoute(client), 'local', 'one made through jetgres is known at once')
  await direct.query('GRANT SELECT (id, owner) ON live TO amy')
}

/** Plans that hold on while nothing is committed upstream end with what is done there. */
async function plansFollow(t: Test, { direct, jetgres }: World): Promise<void> {
  await direct.query('GRANT SELECT ON live TO amy, ben; CREATE VIEW held AS SELECT id FROM live')
  const counted = 'SELECT count(*)::int FROM live WHERE n >= $1'
  const lengths = 'SELECT max(length(owner::varchar)) FROM live'
  const asks = await Promise.all([
    ...[{ name: 'counted' }, {}].map(async (named) => {
      const ben = await jetgres.connect({ user: 'ben' })
      const text = { ...named, text: counted, rowMode: 'array' as const }
      return repeated(ben, async () => (await ben.query(text, [0])).rows)
    }),
    ...[LOCAL, 'SELECT count(*)::int FROM held', lengths, KEYED].map(async (sql) => {
      const client = await jetgres.connect({ user: sql === LOCAL ? 'amy' : 'postgres' })
      return repeated(client, () => rowsOf(client, sql))
    })
  ])
  const answers = (): Promise<unknown[]> => Promise.all(asks.map((one) => one.run()))
  const before = [[[20]], [[20]], [[20]], [[20]], [[3]], [['9']]]
  const areHeld = async (): Promise<boolean> => {
    t.same(await answers(), before)
    const { rows } = await direct.query<{ pid: number; query: string }>(
      'SELECT pid, query FROM pg_stat_activity'
    )
    const asked = (pid: number): string => rows.find((row) => row.pid === pid)?.query ?? ''
    return asks.every(({ pid }) => STATE_ALONE.test(asked(pid)))
  }
  await eventually(areHeld, { what: 'asking for nothing but the state' })
  await direct.query(`BEGIN; REVOKE SELECT ON live FROM amy, ben;
    CREATE OR REPLACE VIEW held AS SELECT id FROM live WHERE id < 5;
    CREATE FUNCTION length(varchar) RETURNS int LANGUAGE sql AS 'SELECT 7'`)
  t.same(await answers(), before, 'not committed')
  await direct.query('COMMIT')
  const after = JSON.stringify(['42501', '42501', '42501', [[5]], [[7]], [['9']]])
  const haveFollowed = async (): Promise<boolean> => JSON.stringify(await answers()) === after
  await eventually(haveFollowed, { what: 'plans that follow' })
}

/** A session's first statement goes by another's plan, where nothing that it depends on differs. */
async function plansAreShared(t: Test, world: Pick<World, 'direct' | 'jetgres'>): Promise<void> {
  const { direct, jetgres } = world
  const other = 'SELECT n FROM live WHERE id = 4'
  const byKey = { text: 'SELECT n FROM live WHERE id = $1', values: [3], rowMode: 'array' as const }
  const first = async (query: string | pg.QueryArrayConfig, before = ''): Promise<unknown> => {
    const client = await jetgres.connect({ user: 'postgres' })
    const pid = await pidOf(client)
    if (before !== '') await client.query(before)
    const asked = typeof query === 'string' ? rowsOf(client, query) : client.query(query)
    const got = await asked.catch((error: { code?: string }) => error.code)
    const { rows } = await direct.query<{ query: string }>(
      'SELECT query FROM pg_stat_activity WHERE pid = $1',
      [pid]
    )
    await client.end()
    const isShared = SHARED.test(rows[0]!.query)
    return [isShared, Array.isArray(got) || got === undefined ? got : (got as { rows?: unknown }).rows ?? got]
  }
  const named = { ...byKey, name: 'keyed' }
  for (const query of [KEYED, byKey, named]) {
    const isShared = async (): Promise<boolean> => {
      const [is, rows] = (await first(query)) as [boolean, unknown]
      t.same(rows, [['9']])
      return is
    }
    await eventually(isShared, { what: `the plan of ${JSON.stringify(query)} being shared` })
  }
  t.same(await first(other), [true, [['16']]], 'with another constant')
  t.same(await first(KEYED, 'BEGIN'), [true, [['9']]], 'in a transaction')
  t.same(await first(named, `PREPARE keyed AS SELECT 7::bigint`), [false, '42P05'])
  const differing = [
    ['SET ROLE ben', '42501'],
    ['BEGIN; CREATE SCHEMA postgres; CREATE TABLE postgres.live AS SELECT 3 AS id, 6::int8 AS n', [['6']]],
    ['SET search_path = pg_catalog', '42P01'],
    ['BEGIN; CREATE TEMPORARY TABLE live AS SELECT 3 AS id, 5::bigint AS n', [['5']]],
    ['BEGIN ISOLATION LEVEL REPEATABLE READ', [['9']]],
    ['SET jetgres.consistency = committed', [['9']]]
  ] as const
  for (const [before, answer] of differing) {
    for (const query of [KEYED, byKey, named]) {
      t.same(await first(query, before), [false, answer], `${before}; ${JSON.stringify(query)}`)
    }
  }
}

const KEYED = 'SELECT n FROM live WHERE id = 3'

/** The last thing a backend was asked, where another session had asked the rest. */
const SHARED = /^SELECT '(?:facts'(?![^]*json_agg)|statement')/

/** The last thing a backend was asked, where nothing was described. */
const STATE_ALONE = /^SELECT 'facts'(?![^]*json_agg)/

/** A statement that a session sends again and again: its backend, and its rows or its SQLSTATE. */
async function repeated(
  client: pg.Client,
  ask: () => Promise<unknown[]>
): Promise<{ readonly pid: number; run(): Promise<unknown> }> {
  const run = (): Promise<unknown> => ask().catch((error: { code?: string }) => error.code)
  return { pid: await pidOf(client), run }
}

void t.test('nobody gets at the rows past the twin', skip, async (t) => {
  const { amy, amyDirect, direct } = await withLive(t)
  await direct.query('GRANT CREATE ON SCHEMA public TO amy; GRANT SELECT ON live TO amy')
  const [[child]] = (await rowsOf(
    direct,
    'SELECT ftrelid::regclass::text FROM pg_foreign_table'
  )) as [[string]]
  const tries = [
    `SELECT * FROM ${child}`,
    'CREATE FOREIGN TABLE mine () INHERITS (live) SERVER jetgres',
    `CREATE FOREIGN TABLE mine (c1 int) SERVER jetgres
     OPTIONS (schema_name 'jetgres_live', table_name 'r1')`,
    `ALTER FOREIGN TABLE ${child} OPTIONS (SET table_name 'r2')`,
    'ALTER SERVER jetgres OPTIONS (SET port \'1\')',
    'SELECT * FROM jetgres_live.secret',
    `SELECT jetgres_live.release('live'::regclass, 1, 'guess')`,
    `SELECT jetgres_live.adopt('live'::regclass, 1, 'guess', 'all')`,
    `SELECT jetgres_live.prove('adopt', 1, 1, 'guess')`,
    'CREATE TABLE jetgres_live.mine (id int)'
  ]
  for (const session of [amy, amyDirect]) {
    for (const sql of tries) t.equal((await refusal(session, sql)).code, '42501', sql)
    t.same(
      await rowsOf(session, `SELECT umoptions FROM pg_user_mappings WHERE srvname = 'jetgres'`),
      [[null]],
      'the password is not shown'
    )
  }
})

void t.test('row-level security of the user\'s own is respected', skip, async (t) => {
  const { amy, amyDirect, client, direct } = await withLive(t)
  await direct.query('GRANT SELECT ON live TO amy, ben')
  await client.query('ALTER TABLE live ENABLE ROW LEVEL SECURITY')
  for (const session of [amy, amyDirect]) {
    t.same(await rowsOf(session, LOCAL), [[0]], 'no policy, no rows')
  }
  await direct.query('CREATE POLICY own ON live USING (owner = current_user)')
  for (const session of [amy, amyDirect]) {
    t.same(await rowsOf(session, LOCAL), [[10]])
    t.same(await rowsOf(session, RELAYED), [[10]])
    t.same(await rowsOf(session, `SELECT DISTINCT owner FROM live`), [['amy']])
  }
  await rowsOf(amy, LOCAL)
  t.equal(await lastRoute(amy), 'relay (row-level security is on for "live")')
  t.same(await rowsOf(client, LOCAL), [[20]], 'a superuser passes')
  await client.query('ALTER TABLE live DISABLE ROW LEVEL SECURITY')
  t.same(await rowsOf(amy, LOCAL), [[20]])
  t.equal(await lastRoute(amy), 'local')
})

void t.test('names mean what the session says', skip, async (t) => {
  const { client, direct, connection, nats } = await withLive(t)
  await direct.query('CREATE SCHEMA other; CREATE TABLE other.live AS SELECT 1 AS id')
  const count = async (sql = LOCAL): Promise<unknown> => (await rowsOf(client, sql))[0]![0]

  await t.test('search_path', async (t) => {
    t.equal(await count(), 20)
    await client.query('SET search_path = other, public')
    t.equal(await count(), 1)
    t.equal(await lastRoute(client), 'relay')
    t.equal(await count('SELECT count(*)::int FROM public.live'), 20)
    t.equal(await lastRoute(client), 'local')
    await client.query('BEGIN; SET LOCAL search_path = public')
    t.equal(await count(), 20)
    await client.query('ROLLBACK')
    t.equal(await count(), 1)
    await client.query('RESET search_path')
    t.equal(await count(), 20)
    await client.query('SET search_path = other')
    t.equal(await count('SELECT count(*)::int FROM other.live'), 1)
    t.equal((await refusal(client, 'SELECT * FROM missing.live')).code, '42P01')
    await client.query('RESET search_path')
  })

  await t.test('a prepared statement follows search_path too', async (t) => {
    const prepared = { name: 'where', text: LOCAL, rowMode: 'array' as const }
    t.same((await client.query(prepared)).rows, [[20]])
    await client.query('SET search_path = other')
    t.same((await client.query(prepared)).rows, [[1]])
    await client.query('RESET search_path')
    t.same((await client.query(prepared)).rows, [[20]])
  })

  await t.test('a temporary table shadows the relation', async (t) => {
    await client.query('CREATE TEMP TABLE live (id int)')
    t.equal(await count(), 0)
    t.equal(await count('SELECT count(*)::int FROM public.live'), 20)
    t.equal(await lastRoute(client), 'local')
    await client.query('INSERT INTO live VALUES (1)')
    t.equal(await count(), 1)
    await client.query('DROP TABLE live')
    t.equal(await count(), 20)
    await client.query('WITH live AS (SELECT 1 AS id) SELECT count(*) FROM live')
    t.equal(await count('WITH live AS (SELECT 1 AS id) SELECT count(*)::int FROM live'), 1)
  })

  await t.test('quoted names in their own case, and other schemas', async (t) => {
    const names = ['"Live Things"', '"LIVE"', 'other."weird "" name"', '"ключ"']
    for (const [i, name] of names.entries()) {
      await publishJson(connection, `e2e.q${i}`, rows.slice(0, i + 2))
      await client.query(`CREATE TABLE ${name} ${COLUMNS} ${fedBy(nats, `e2e.q${i}`)}`)
      await untilCount(client, name, i + 2)
      t.equal(await lastRoute(client), 'local', name)
      const relayed = `SELECT count(*)::int FROM (SELECT * FROM ${name} OFFSET 0) x, pg_sleep(0)`
      t.equal(await count(relayed), i + 2, name)
      const seen = await rowsOf(direct, `SELECT count(*)::int FROM ${name}`)
      t.same(seen, [[i + 2]], `${name}: direct`)
      await client.query(`DROP TABLE ${name}`)
      t.equal((await refusal(client, `SELECT * FROM ${name}`)).code, '42P01', `${name} is gone`)
    }
    t.equal(await count(), 20)
  })
})

void t.test('a table belongs to who made it', skip, async (t) => {
  const { amy, client, connection, direct, nats, jetgres } = await withLive(t)
  await direct.query('GRANT CREATE ON SCHEMA public TO amy')
  await publishJson(connection, 'e2e.mine', rows)
  await amy.query(`CREATE TABLE mine ${COLUMNS} ${fedBy(nats, 'e2e.mine')}`)
  await untilCount(amy, 'mine', 20)
  const owner = `SELECT tableowner FROM pg_tables WHERE tablename = 'mine'`
  t.same(await rowsOf(direct, owner), [['amy']])
  t.same(await rowsOf(amy, RELAYED.replace('live', 'mine')), [[20]])
  const ben = await jetgres.connect({ user: 'ben' })
  t.equal((await refusal(ben, 'SELECT * FROM mine')).code, '42501')
  t.equal((await refusal(ben, 'DROP TABLE mine')).code, '42501')
  const mine = 'SELECT count(*)::int FROM mine'
  t.same(await rowsOf(amy, mine), [[20]], 'the refused DROP broke nothing')
  t.same(await rowsOf(amy, RELAYED.replace('live', 'mine')), [[20]])
  await amy.query('GRANT SELECT ON mine TO ben')
  t.same(await rowsOf(ben, 'SELECT count(*)::int FROM mine'), [[20]])
  t.same(await rowsOf(ben, RELAYED.replace('live', 'mine')), [[20]])
  t.equal((await refusal(amy, 'DROP TABLE live')).code, '42501')
  await amy.query('DROP TABLE mine')
  t.same(await rowsOf(client, 'SHOW SOURCES'), [['public.live']])
})
