// Goal: relations are made, shown, renamed and dropped as RisingWave's and Postgres's users expect,
// in several databases, and a restart keeps them.
// Method: every spelling of CREATE and DROP through jetgres; what happens behind its back is done
// on a direct connection; the upstream's catalog is looked at afterwards.

import type pg from 'pg'
import t from 'tap'

import { eventually } from '../support/eventually.ts'
import { createStream, publishJson, startNats, withoutNats } from '../support/nats-server.ts'
import {
  fedBy,
  lastRoute,
  liveChildren,
  openWorld,
  refusal,
  rowsOf,
  sharedWorld,
  STREAM,
  untilCount
} from './world.ts'
import type { World } from './world.ts'

const skip = { skip: withoutNats() }
const COLUMNS = '(id int PRIMARY KEY, v text)'
const RELAYED = 'SELECT count(*)::int FROM (SELECT * FROM live OFFSET 0) x, pg_sleep(0)'
const ids = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, i) => ({ id: from + i, v: `v${from + i}` }))

const create = ({ nats }: World, name: string, subject = name): string =>
  `CREATE TABLE ${name} ${COLUMNS} ${fedBy(nats, `e2e.${subject}`)}`

const sources = async (client: pg.Client): Promise<unknown[]> =>
  (await rowsOf(client, 'SHOW SOURCES')).map(([name]) => name)

const children = async (direct: pg.Client): Promise<number> =>
  (await liveChildren(direct)).length

const openShared = sharedWorld(t)

/** Notices the session gets while `work` runs. */
async function noticesOf(client: pg.Client, work: () => Promise<unknown>): Promise<string[]> {
  const heard: string[] = []
  const hear = ({ message = '' }: { message?: string | undefined }): void => {
    heard.push(message)
  }
  client.on('notice', hear)
  await work()
  client.off('notice', hear)
  return heard
}

void t.test('DROP in all its forms', skip, async (t) => {
  const world = await openShared()
  const { client, connection, direct } = world
  await publishJson(connection, 'e2e.x', ids(0, 3))
  const make = async (name: string): Promise<void> => {
    await client.query(create(world, name, 'x'))
    await untilCount(client, name, 3)
  }
  for (const sql of [
    'DROP TABLE a',
    'DROP TABLE IF EXISTS a',
    'DROP TABLE a CASCADE',
    'drop table public.a restrict;'
  ]) {
    await make('a')
    const result = await client.query(sql)
    t.equal(result.command, 'DROP', sql)
    t.same([await sources(client), await children(direct)], [[], 0], sql)
    t.equal((await refusal(client, 'SELECT * FROM a')).code, '42P01', sql)
  }

  await make('a')
  await make('b')
  await client.query('CREATE TABLE c (id int)')
  await client.query('DROP TABLE a, b, c')
  t.same([await sources(client), await children(direct)], [[], 0], 'several at once')

  await make('a')
  await client.query('CREATE VIEW over_a AS SELECT id FROM a')
  t.match(await refusal(client, 'DROP TABLE a'), {
    code: '2BP01',
    message: 'cannot drop table a because other objects depend on it'
  })
  t.same([await sources(client), await children(direct)], [['public.a'], 1], 'still there')
  t.same(await rowsOf(client, 'SELECT count(*)::int FROM over_a'), [[3]])
  const notices = await noticesOf(client, () => client.query('DROP TABLE a CASCADE'))
  t.same(notices, ['drop cascades to view over_a'])
  t.same([await sources(client), await children(direct)], [[], 0], 'CASCADE')

  t.equal((await refusal(client, 'DROP TABLE a')).code, '42P01')
  t.same(await noticesOf(client, () => client.query('DROP TABLE IF EXISTS a')), [
    'table "a" does not exist, skipping'
  ])
  await make('a')
  await client.query({ name: 'prepared drop', text: 'DROP TABLE a' })
  t.same([await sources(client), await children(direct)], [[], 0], 'by the extended protocol')
})

void t.test('SOURCE', skip, async (t) => {
  const world = await openShared()
  const { client, connection, direct, nats } = world
  await publishJson(connection, 'e2e.s', [...ids(0, 3), ...ids(0, 3)])
  await client.query(`CREATE SOURCE s (id int, v text) ${fedBy(nats, 'e2e.s')}`)
  await untilCount(client, 's', 6)
  const counted = 'SELECT id, count(*)::int FROM s GROUP BY id ORDER BY id'
  t.same(await rowsOf(client, counted), [[0, 2], [1, 2], [2, 2]])
  t.match(await refusal(client, 'DROP TABLE s'), { code: '42809', message: '"s" is not a table' })
  t.match(await refusal(client, 'DROP SOURCE missing'), {
    code: '42P01',
    message: 'source "missing" does not exist'
  })
  for (const sql of [create(world, 's'), 'CREATE VIEW s AS SELECT 1']) {
    t.match(await refusal(client, sql), { code: '42P07', message: 'relation "s" already exists' })
  }
  await client.query('CREATE TABLE ordinary (id int)')
  t.match(await refusal(client, 'DROP SOURCE ordinary'), { code: '42809' })
  t.same(await noticesOf(client, () => client.query('DROP SOURCE IF EXISTS missing')), [
    'source "missing" does not exist, skipping'
  ])
  const again = `CREATE SOURCE IF NOT EXISTS s (id int) ${fedBy(nats, 'e2e.s')}`
  t.same(await noticesOf(client, () => client.query(again)), [
    'relation "s" already exists, skipping'
  ])
  await client.query('ALTER SOURCE s RENAME TO s2')
  await untilCount(client, 's2', 6)
  t.same(await sources(client), ['public.s2'])
  await client.query('DROP SOURCE s2; DROP TABLE ordinary')
  t.same([await sources(client), await children(direct)], [[], 0])
})

void t.test('an index says that it has no effect, a source has privileges', skip, async (t) => {
  const world = await openShared()
  const { client, connection, direct, jetgres, nats } = world
  await publishJson(connection, 'e2e.i', ids(0, 3))
  await client.query(create(world, 'a', 'i'))
  await client.query(`CREATE SOURCE s (id int) ${fedBy(nats, 'e2e.i')}`)
  await client.query('CREATE TABLE ordinary (id int)')
  for (const [sql, told] of [
    ['CREATE INDEX by_v ON a (v)', ['the index has no effect: the rows of "a" are not in Postgres']],
    ['CREATE INDEX CONCURRENTLY ON public.a USING hash (v)', [
      'the index has no effect: the rows of "public.a" are not in Postgres'
    ]],
    ['CREATE UNIQUE INDEX ON ordinary (id)', []]
  ] as const) {
    t.same(await noticesOf(client, () => client.query(sql)), told, sql)
  }
  t.match(await refusal(client, 'CREATE UNIQUE INDEX ON a (v)'), {
    code: '0A000',
    message: 'a unique index on "a" is not supported',
    at: /^UNIQUE/
  })
  t.match(await refusal(client, 'CREATE INDEX ON a (nothing)'), { code: '42703' })
  await untilCount(client, 'a', 3)
  t.same(await rowsOf(direct, `SELECT id FROM a WHERE v = 'v1'`), [[1]], 'reads are as before')

  await client.query('CREATE ROLE ann LOGIN')
  const ann = await jetgres.connect({ user: 'ann' })
  const read = 'SELECT count(*)::int FROM s'
  t.equal((await refusal(ann, read)).code, '42501')
  await client.query('GRANT SELECT ON SOURCE s TO ann')
  t.same(await rowsOf(ann, read), [[3]])
  await client.query('REVOKE SELECT ON SOURCE public.s FROM ann')
  t.equal((await refusal(ann, read)).code, '42501')
  await client.query('GRANT SELECT ON ALL SOURCES IN SCHEMA jetgres, public TO ann')
  t.same(await rowsOf(ann, read), [[3]])
  t.equal((await refusal(ann, 'SELECT FROM a')).code, '42501', 'a is a table')
  await client.query('REVOKE ALL ON ALL SOURCES IN SCHEMA public FROM ann')
  t.equal((await refusal(ann, read)).code, '42501')
  const wrong: [string, object][] = [
    ['GRANT SELECT ON ALL SOURCES IN SCHEMA public, no TO ann', { code: '3F000', at: /^no/ }],
    ['GRANT SELECT ON ALL SOURCES IN SCHEMA public TO nobody', { code: '42704' }],
    ['GRANT SELECT ON ALL SOURCES IN public TO ann', { code: '42601', at: /^public/ }],
    ['GRANT SELECT ON SOURCE a TO ann', { code: '42809', message: '"a" is not a source', at: /^a/ }],
    ['GRANT SELECT ON SOURCE no TO ann', { code: '42P01', at: /^no/ }],
    ['GRANT SELECT ON SOURCE s TO nobody', { code: '42704' }],
    ['GRANT SELECT ON SOURCE s TO ann ann', { code: '42601', at: /^ann$/ }]
  ]
  for (const [sql, told] of wrong) t.match(await refusal(client, sql), told, sql)
  await client.query('DROP TABLE a, ordinary; DROP SOURCE s; DROP ROLE ann')
})

void t.test('what happens on the upstream itself is noticed', skip, async (t) => {
  const world = await openWorld(t)
  const { client, connection, direct } = world
  await publishJson(connection, 'e2e.x', ids(0, 5))
  for (const name of ['dropped', 'renamed', 'moved', 'childless']) {
    await client.query(create(world, name, 'x'))
    await untilCount(client, name, 5)
  }
  await direct.query('DROP TABLE dropped CASCADE')
  t.equal((await refusal(client, 'SELECT * FROM dropped')).code, '42P01', 'at once')
  await eventually(async () => !(await sources(client)).includes('public.dropped'))
  await client.query(create(world, 'dropped', 'x'))
  await untilCount(client, 'dropped', 5)

  await direct.query(`ALTER TABLE renamed RENAME TO renamed2;
    CREATE SCHEMA other; ALTER TABLE moved SET SCHEMA other`)
  await publishJson(connection, 'e2e.x', ids(5, 8))
  const wanted = ['renamed2', 'other.moved']
  for (const name of wanted) {
    await untilCount(client, name, 8)
    t.same(await rowsOf(direct, `SELECT count(*)::int FROM ${name}`), [[8]], name)
    await eventually(
      async () => {
        await rowsOf(client, `SELECT count(*) FROM ${name}`)
        return (await lastRoute(client)) === 'local'
      },
      { what: `${name} answered locally` }
    )
  }
  await client.query('ALTER TABLE renamed2 RENAME TO renamed3')
  await untilCount(client, 'renamed3', 8)
  t.same(await rowsOf(client, 'SHOW SOURCES FROM other'), [['other.moved']])

  const [[child]] = (await rowsOf(
    direct,
    `SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'childless'::regclass`
  )) as [[string]]
  await direct.query(`DROP FOREIGN TABLE ${child}`)
  await eventually(
    async () => (await rowsOf(direct, 'SELECT count(*)::int FROM childless'))[0]![0] === 8,
    { what: 'a new live child' }
  )
})

void t.test('another owner, ANALYZE and VACUUM harm nothing', skip, async (t) => {
  const world = await openShared()
  const { client, connection, direct } = world
  await publishJson(connection, 'e2e.y', ids(0, 5))
  await client.query(create(world, 'a', 'y'))
  await untilCount(client, 'a', 5)
  await direct.query('CREATE ROLE heir')
  await client.query('ALTER TABLE a OWNER TO heir')
  t.same(await rowsOf(client, 'SELECT * FROM a ORDER BY id LIMIT 1'), [[0, 'v0']])
  t.same(await rowsOf(direct, 'SELECT count(*)::int FROM a'), [[5]])
  await client.query('ANALYZE a')
  await client.query('VACUUM a')
  t.same(await rowsOf(client, 'SELECT count(*)::int FROM a'), [[5]])
  await client.query('DROP TABLE a')
})

void t.test('what RisingWave has and jetgres has not is an error', skip, async (t) => {
  const { client, nats } = await openShared()
  const fed = fedBy(nats, 'e2e.none')
  const cases: [string, string][] = [
    ['SELECT * FROM rw_catalog.rw_sources', '42P01'],
    ['SELECT * FROM rw_tables', '42P01'],
    ['SHOW JOBS', '42704'],
    ['SHOW MATERIALIZED VIEWS', '42601'],
    ['SHOW CONNECTIONS', '42704'],
    ['SHOW VIEWS', '42704'],
    ['SHOW SINKS', '42704'],
    ['SHOW FUNCTIONS', '42704'],
    ['SHOW INTERNAL TABLES', '42601'],
    ['SHOW CREATE VIEW v', '42601'],
    ['CANCEL JOBS 1', '42601'],
    ['FLUSH', '42601'],
    ['WAIT', '42601'],
    ['RECOVER', '42601'],
    [`EXPLAIN CREATE TABLE no (id int) ${fed}`, '42601'],
    [`CREATE TABLE no (id rw_int256) ${fed}`, '42704'],
    [`CREATE TABLE no (v vector(3)) ${fed}`, '42704'],
    ...['tableoid', 'xmin', 'cmin', 'xmax', 'cmax', 'ctid'].map((name): [string, string] => [
      `CREATE TABLE no (${name} int) ${fed}`,
      '42701'
    ]),
    ['CREATE TABLE no (id int) FORMAT PLAIN ENCODE JSON', '42601']
  ]
  for (const [sql, code] of cases) t.equal((await refusal(client, sql)).code, code, sql)
  for (const name of ['rw_catalog.rw_sources', 'rw_tables']) {
    t.match(await refusal(client, `SELECT name FROM ${name}`), {
      message: `relation "${name}" does not exist`,
      hint: /SHOW SOURCES .* jetgres\.relations/,
      at: new RegExp(`^${name}`)
    })
  }
  await client.query('CREATE SCHEMA rw_catalog; CREATE VIEW rw_catalog.rw_sources AS SELECT 1 AS id')
  t.same(await rowsOf(client, 'SELECT id FROM rw_catalog.rw_sources'), [[1]], "if it's there, it's read")
  await client.query('DROP SCHEMA rw_catalog CASCADE')
  t.same(await rowsOf(client, 'SHOW SOURCES'), [])
})

void t.test('no relation is temporary, however that is said', skip, async (t) => {
  const world = await openShared()
  const client = await world.jetgres.connect()
  const told = {
    code: '0A000',
    message: 'TEMPORARY is not supported in a relation with a connector',
    hint: 'Name another schema: the relation outlives its session.'
  }
  for (const name of ['pg_temp.x', 'IF NOT EXISTS pg_temp.x', '"pg_temp"."x y"']) {
    t.match(await refusal(client, create(world, name, 'x')), { ...told, at: /^"?pg_temp/ }, name)
  }
  await client.query('SET search_path = pg_temp')
  t.match(await refusal(client, create(world, 'x', 'x')), told, 'by the search_path')
  await client.query('CREATE TEMP TABLE made (id int)')
  const [[schema]] = (await rowsOf(client, 'SELECT current_schema()')) as [[string]]
  t.match(await refusal(client, create(world, `${schema}.x`, 'x')), told, 'by its own name')
  await client.end()
})

void t.test('SHOW and DESCRIBE', skip, async (t) => {
  const world = await openWorld(t)
  const { client, nats } = world
  const text = `CREATE TABLE metrics
    (id varchar, n int, price numeric(8,2), at timestamptz, PRIMARY KEY (id, n))
    WITH (connector='nats', server_url='127.0.0.1:${nats.port}', subject='e2e.m',
          stream='${STREAM}', connect_mode='plain', username='amy', password='s3cret') FORMAT PLAIN ENCODE JSON`
  await client.query(text)
  await client.query(`CREATE SOURCE events (id int) ${fedBy(nats, 'e2e.e')}`)
  await client.query('CREATE TABLE ordinary (id int)')
  await client.query(`COMMENT ON TABLE metrics IS 'of streams'`)
  await client.query(`COMMENT ON COLUMN metrics.n IS 'a number'`)
  const asked = async (sql: string) => {
    const result = await client.query({ text: sql, rowMode: 'array' })
    return [result.fields.map(({ name }) => name), ...result.rows]
  }
  t.same(await asked('SHOW SOURCES'), [['Name'], ['public.events'], ['public.metrics']])
  t.same(await asked(`SHOW SOURCES LIKE 'ev%'`), [['Name'], ['public.events']])
  t.same(await asked('SHOW TABLES'), [['Name'], ['public.metrics'], ['public.ordinary']])
  const described = [
    ['Name', 'Type', 'Is Hidden', 'Description'],
    ['id', 'character varying', 'false', null],
    ['n', 'integer', 'false', 'a number'],
    ['price', 'numeric(8,2)', 'false', null],
    ['at', 'timestamp with time zone', 'false', null],
    ['primary key', 'id, n', null, null],
    ['distribution key', 'id, n', null, null],
    ['table description', 'metrics', null, 'of streams']
  ]
  for (const sql of ['DESCRIBE metrics', 'DESC public.metrics', 'SHOW COLUMNS FROM metrics']) {
    t.same(await asked(sql), described, sql)
    const prepared = await client.query({ name: sql, text: sql, rowMode: 'array' })
    t.same(prepared.rows, described.slice(1), `prepared ${sql}`)
  }
  const created = await asked('SHOW CREATE TABLE metrics')
  const [name, shown] = created[1] as [string, string]
  t.equal(name, 'public.metrics')
  t.match(shown, /^CREATE TABLE public\.metrics \(\n {2}id character varying,\n {2}n integer,/)
  t.match(shown, /PRIMARY KEY \(id, n\)\n\)\nWITH \(\n {2}connector = 'nats',/)
  t.notMatch(shown, /s3cret/, 'the password is never shown')
  t.match(await refusal(client, 'SHOW CREATE SOURCE metrics'), {
    code: '42P01',
    hint: /SHOW CREATE TABLE/
  })
  t.match(await refusal(client, 'DESCRIBE nothing'), { code: '42P01', at: /^nothing/ })
  t.same(await asked('SHOW jetgres.consistency'), [['jetgres.consistency'], ['received']])
  await client.query(`SET jetgres.consistency = 'stream'`)
  t.same(await asked('SHOW jetgres.consistency'), [['jetgres.consistency'], ['stream']])
})

void t.test('every spelling of the options', skip, async (t) => {
  const world = await openShared()
  const { client, connection, nats } = world
  const secured = await startNats(t, { auth: { user: 'amy', password: 'p w\'d' } })
  const { connect } = await import('nats')
  const other = await connect({ servers: `127.0.0.1:${secured.port}`, user: 'amy', pass: 'p w\'d' })
  t.teardown(() => other.close())
  await createStream(other, 'S', ['s.>'])
  await createStream(connection, 'old', ['old'])
  await publishJson(connection, 'e2e.opt.x', ids(0, 4))
  await publishJson(connection, 'old', ids(0, 4))
  await publishJson(other, 's.x', ids(0, 4))
  const at = `127.0.0.1:${nats.port}`
  const rest = `subject='e2e.opt.x', stream='${STREAM}', connect_mode='plain'`
  const spellings: Record<string, string> = {
    'spaces and quotes': `connector = 'nats', server_url='${at}', ${rest}`,
    'nats. prefixes': `connector='nats', nats.server_url='${at}', nats.subject='e2e.opt.x',
      nats.stream='${STREAM}', nats.connect_mode='plain'`,
    'RisingWave 1.2, no stream': `connector='nats', nats.server_url='${at}', nats.subject='old'`,
    'URLs, and one that is dead': `connector='nats',
      server_url='nats://${at},nats://127.0.0.1:1', ${rest}`,
    'several subjects': `connector='nats', server_url='${at}',
      ${rest.replace('opt.x', 'opt.x,e2e.opt.y')}`,
    'a wildcard': `connector='nats', server_url='${at}', ${rest.replace('opt.x', 'opt.*')}`,
    'user and password': `connector='nats', server_url='${other.getServer()}', subject='s.x',
      stream='S', connect_mode='user_and_password', username='amy', password='p w''d'`,
    'nats.user': `connector='nats', nats.server_url='127.0.0.1:${secured.port}',
      nats.subject='s.x', nats.stream='S', nats.user='amy', nats.password='p w''d'`,
    'from the earliest': `connector='nats', server_url='${at}', ${rest},
      scan.startup.mode='earliest'`,
    'from a time': `connector='nats', server_url='${at}', ${rest},
      scan.startup.mode='timestamp_millis', scan.startup.timestamp.millis='1000'`
  }
  for (const [what, options] of Object.entries(spellings)) {
    await client.query(`CREATE TABLE o ${COLUMNS} WITH (${options}) FORMAT PLAIN ENCODE JSON`)
    await untilCount(client, 'o', 4)
    t.same(await rowsOf(client, 'SELECT v FROM o WHERE id = 3'), [['v3']], what)
    await client.query('DROP TABLE o')
  }
  await client.query(`CREATE TABLE late ${COLUMNS}
    WITH (connector='nats', server_url='${at}', ${rest}, scan.startup.mode='latest') FORMAT PLAIN ENCODE JSON`)
  await publishJson(connection, 'e2e.opt.x', ids(50, 53))
  await untilCount(client, 'late', 3)
  await client.query('DROP TABLE late')
})

void t.test('two databases, and a restart that keeps everything', skip, async (t) => {
  const world = await openWorld(t)
  const { client, connection, direct, jetgres, postgres } = world
  await direct.query('CREATE DATABASE second')
  await publishJson(connection, 'e2e.one', ids(0, 3))
  await publishJson(connection, 'e2e.two', ids(0, 5))
  const second = await jetgres.connect({ database: 'second' })
  await client.query(create(world, 'live', 'one'))
  await second.query(create(world, 'live', 'two'))
  await second.query(create(world, 'other', 'one'))

  const check = async (first: pg.Client, other: pg.Client, count: number): Promise<void> => {
    await untilCount(first, 'live', count)
    await untilCount(other, 'live', count + 2)
    for (const [session, n, names] of [
      [first, count, ['public.live']],
      [other, count + 2, ['public.live', 'public.other']]
    ] as const) {
      t.same(await sources(session), names)
      t.same(await rowsOf(session, 'SELECT count(*)::int FROM live'), [[n]])
      t.equal(await lastRoute(session), 'local')
      t.same(await rowsOf(session, RELAYED), [[n]])
    }
    t.equal((await refusal(first, 'SELECT * FROM other')).code, '42P01')
  }
  await check(client, second, 3)
  const directSecond = await postgres.connect({ database: 'second' })
  t.same(await rowsOf(directSecond, 'SELECT count(*)::int FROM live'), [[5]])

  const definitions = await rowsOf(client, 'SHOW CREATE TABLE live')
  await jetgres.restart()
  await publishJson(connection, 'e2e.one', ids(3, 4))
  await publishJson(connection, 'e2e.two', ids(5, 6))
  const again = await jetgres.connect()
  await check(again, await jetgres.connect({ database: 'second' }), 4)
  t.same(await rowsOf(again, 'SHOW CREATE TABLE live'), definitions)
  const count = () => rowsOf(directSecond, 'SELECT count(*)::int FROM live')
  t.same(await count(), [[6]], 'a backend from before the restart')
  await again.query('DROP TABLE live')
  t.same(await count(), [[6]], 'the other database keeps its own')
})
