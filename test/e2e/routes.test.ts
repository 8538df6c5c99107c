// Goal: whatever reads a relation gives what plain Postgres gives over the same rows: for a
// superuser and for a role with only SELECT, through jetgres and on a direct connection; and jetgres says how
// it answered.
// Method: an ordinary table `plain` holds the same rows as the relation `live`; each statement runs
// once with either name, and the answers, tags and column types are compared.

import { finished } from 'node:stream/promises'

import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import t from 'tap'
import type { Test } from 'tap'

import { publishJson, withoutNats } from '../support/nats-server.ts'
import { CASES } from './read-cases.ts'
import { fedBy, lastRoute, openWorld, refusal, rowsOf, untilCount } from './world.ts'
import type { World } from './world.ts'

const COLUMNS =
  '(id int PRIMARY KEY, name text, qty bigint, price numeric(10,2), at timestamptz, tags text[])'
const ROWS = 500

const row = (id: number) => ({
  id,
  name: id % 11 === 0 ? null : `name ${id % 37}`,
  qty: id * 1_000_000_007,
  price: `${id % 91}.${id % 10}5`,
  at: `2024-03-${String((id % 28) + 1).padStart(2, '0')}T01:02:03.${id % 10}Z`,
  tags: id % 5 === 0 ? null : [`t${id % 3}`, 'x']
})

/** What both sides have besides the two tables. T stands for either. */
const PREPARATION = `
  CREATE TABLE colours (id int, colour text);
  INSERT INTO colours SELECT i, 'colour ' || i FROM generate_series(1, 400, 3) i;
  CREATE VIEW T_view AS SELECT name, count(*) AS n, sum(price) AS total FROM T GROUP BY name;
  CREATE VIEW T_nested AS SELECT v.name, v.n, c.colour FROM T_view v LEFT JOIN colours c ON c.id = v.n;
  CREATE VIEW T_named (k, label) AS
    SELECT id, upper(name) FROM T WHERE price > 20 AND name IN ('name 1', 'name 2') UNION ALL VALUES (0, 'none');
  CREATE VIEW T_barrier WITH (security_barrier) AS SELECT id, name, qty FROM T WHERE id % 2 = 0;
  CREATE MATERIALIZED VIEW T_kept AS SELECT id, qty FROM T WHERE id < 50;
  CREATE FUNCTION T_cheapest(what text) RETURNS TABLE (id int, price numeric) LANGUAGE plpgsql AS $$
    BEGIN
      RETURN QUERY SELECT x.id, x.price FROM T x WHERE x.name = what ORDER BY x.price, x.id LIMIT 5;
    END $$;
  CREATE FUNCTION T_loop() RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE r record; total bigint := 0;
    BEGIN
      FOR r IN SELECT qty FROM T LOOP total := total + r.qty; END LOOP;
      RETURN total;
    END $$;
  CREATE VIEW T_called AS SELECT c.* FROM T_cheapest('name 7') c;
  GRANT SELECT ON colours, T, T_view, T_nested, T_named, T_barrier, T_called, T_kept TO reader;`

interface Answer {
  readonly tag: string
  readonly types: readonly number[]
  readonly rows: readonly unknown[]
}

/** All answers to a case; what a table is called does not matter in them. */
async function answers(client: pg.Client, sql: string | readonly string[], table: string) {
  const all: Answer[] = []
  for (const text of typeof sql === 'string' ? [sql] : sql) {
    const named = text.replaceAll(/\bT\b|\bT(?=_)/g, table)
    const result = await client.query({ text: named, rowMode: 'array', types: AS_TEXT })
    for (const one of [result].flat()) {
      all.push({
        tag: one.command + String(one.rowCount),
        types: one.fields.map(({ dataTypeID }) => dataTypeID),
        rows: one.rows
      })
    }
  }
  return all
}

/** Values as they came: nothing is lost in JavaScript's types. */
const AS_TEXT = { getTypeParser: () => (value: string | Buffer) => String(value) }

const skip = { skip: withoutNats() }

async function prepared(t: Test): Promise<World> {
  const world = await openWorld(t)
  const { client, direct, connection, nats } = world
  const rows = Array.from({ length: ROWS }, (_, i) => row(i + 1))
  await publishJson(connection, 'e2e.live', rows)
  await direct.query('CREATE ROLE reader LOGIN')
  await client.query(`CREATE TABLE live ${COLUMNS} ${fedBy(nats, 'e2e.live')}`)
  const like = `CREATE TABLE plain ${COLUMNS.replaceAll('text', 'text COLLATE "C"')}`
  await direct.query(like.replace('text COLLATE "C"[]', 'text[] COLLATE "C"'))
  await direct.query(
    'INSERT INTO plain SELECT * FROM json_populate_recordset(NULL::plain, $1)',
    [JSON.stringify(rows)]
  )
  await untilCount(client, 'live', ROWS)
  for (const table of ['plain', 'live']) {
    const text = PREPARATION.replaceAll(/\bT\b|\bT(?=_)/g, table)
    const once = /CREATE TABLE colours[^;]*;[^;]*;/
    await (table === 'live' ? client.query(text.replace(once, '')) : direct.query(text))
  }
  return world
}

async function copied(client: pg.Client, text: string): Promise<string> {
  const stream = client.query(copyTo(text))
  const parts: Buffer[] = []
  stream.on('data', (part: Buffer) => parts.push(part))
  await finished(stream)
  return Buffer.concat(parts).toString()
}

void t.test('every read gives what plain Postgres gives', skip, async (t) => {
  const world = await prepared(t)
  const { jetgres, postgres, direct } = world
  const sessions = [
    { who: 'a superuser', through: world.client, straight: direct },
    {
      who: 'a role with only SELECT',
      through: await jetgres.connect({ user: 'reader' }),
      straight: await postgres.connect({ user: 'reader' })
    }
  ]
  for (const { who, through, straight } of sessions) {
    await t.test(`for ${who}`, async (t) => {
      for (const { name, sql, route = /^relay/, isAdmins } of CASES) {
        if (isAdmins && who !== 'a superuser') continue
        const want = await answers(straight, sql, 'plain')
        const got = await answers(through, sql, 'live').catch((error: unknown) => error)
        t.strictSame(got, want, `${name}: through jetgres`)
        t.match(await lastRoute(through), route, `${name}: route`)
        const past = typeof sql === 'string' && /ONLY/.test(sql)
        if (past) continue
        const direct = await answers(straight, sql, 'live').catch((error: unknown) => error)
        t.strictSame(direct, want, `${name}: on the upstream itself`)
      }
    })

    await t.test(`EXPLAIN for ${who}`, async (t) => {
      for (const { text, said, route, columns = [['QUERY PLAN', 25]], values = [] } of EXPLAINED) {
        const notices: string[] = []
        const heard = (notice: { message?: string | undefined }) =>
          void notices.push(String(notice.message))
        through.on('notice', heard)
        const answer = await through.query({ text, values, rowMode: 'array' })
        through.off('notice', heard)
        const lines = answer.rows.map(([line]) => (typeof line === 'string' ? line : 'json'))
        t.match([...lines, ...notices].join('\n'), said, text)
        t.equal(answer.command, 'EXPLAIN')
        t.same(answer.fields.map(({ name, dataTypeID }) => [name, dataTypeID]), columns, text)
        t.match(await lastRoute(through), route, text)
      }
      const wrong = await refusal(through, 'EXPLAIN ANALYZE SELECT colour_of FROM live')
      t.match(wrong, { code: '42703', at: 'colour_of FROM live' })
    })

    await t.test(`COPY for ${who}`, async (t) => {
      for (const [text, route] of [
        ['COPY (SELECT * FROM T ORDER BY id) TO STDOUT', 'local'],
        ['COPY (SELECT id, tags FROM T ORDER BY id LIMIT 3) TO STDOUT;', 'local'],
        ['COPY (SELECT id FROM T WHERE id < 0) TO STDOUT', 'local'],
        ['COPY (SELECT id FROM T WHERE pg_typeof(id)::text <> $$x$$ ORDER BY id) TO STDOUT', 'relay ('],
        ['COPY (SELECT id, tags FROM T ORDER BY id) TO STDOUT (FORMAT csv, HEADER)', 'relay (COPY is relayed)']
      ] as const) {
        const want = await copied(straight, text.replace(/\bT\b/, 'plain'))
        t.equal(await copied(through, text.replace(/\bT\b/, 'live')), want, text)
        t.match(await lastRoute(through), route, text)
        t.equal(await copied(straight, text.replace(/\bT\b/, 'live')), want, `${text}: direct`)
      }
      for (const text of ['COPY T TO STDOUT', 'COPY T (price, id) TO STDOUT (FORMAT csv)']) {
        const sorted = (copy: string) => copy.split('\n').sort()
        const want = sorted(await copied(straight, text.replace('T', 'plain')))
        t.same(sorted(await copied(through, text.replace('T', 'live'))), want, text)
      }
    })
  }
})

/** What each EXPLAIN says somewhere, be it in a notice. */
const EXPLAINED: readonly {
  readonly text: string
  readonly said: RegExp
  readonly route: RegExp
  readonly columns?: readonly unknown[]
  readonly values?: unknown[]
}[] = [
  {
    text: 'EXPLAIN SELECT name, count(*) FROM live WHERE id > 7 GROUP BY name',
    said: /^Route: local[^]*GROUP_BY[^]*SEQ_SCAN/,
    route: /^local$/
  },
  {
    text: 'explain analyze verbose SELECT id FROM live JOIN colours USING (id) WHERE at < now();',
    said: /^Route: local.*\nDuckDB: .*SELECT [^]*Total Time/,
    route: /^local$/
  },
  {
    text: 'EXPLAIN (ANALYZE, COSTS off) SELECT pg_typeof(id)::text FROM live',
    said: /Foreign Scan on .*r\d+[^]*Execution Time[^]*Postgres run this: .*pg_typeof/,
    route: /^relay \(.*pg_typeof/
  },
  {
    text: 'EXPLAIN (FORMAT json) SELECT id FROM live',
    said: /json/,
    route: /^relay \(EXPLAIN is relayed\)$/,
    columns: [['QUERY PLAN', 114]]
  },
  {
    text: 'EXPLAIN SELECT id FROM live WHERE id = $1',
    said: /Foreign Scan/,
    route: /^relay \(EXPLAIN is relayed\)$/,
    values: [7]
  }
]

const WRITE_REFUSED = {
  code: '55000',
  message: 'cannot write to "live": its rows come from a NATS stream',
  hint: 'Publish to the stream instead.'
}

const MERGE =
  'MERGE INTO live USING (SELECT 7 AS i) s ON id = i WHEN NOT MATCHED THEN INSERT (id) VALUES (i)'

void t.test('several sessions read conditions that only Postgres knows', skip, async (t) => {
  const { postgres, jetgres, direct } = await prepared(t)
  // Each needs two scratch tables at a time, and there are fewer connections for them than sessions.
  const sql = (table: string): string =>
    `SELECT count(*), sum(a.qty), min(b.price) FROM ${table} a JOIN ${table} b USING (id)
     WHERE md5(a.name) < '9' AND md5(b.name || 'x') < '9'`
  const want = await rowsOf(direct, sql('plain'))
  const open = Array.from({ length: 16 }, (_, i) => (i % 2 ? jetgres.connect() : postgres.connect()))
  const sessions = await Promise.all(open)
  for (let round = 0; round < 3; round++) {
    const got = await Promise.all(sessions.map((one) => rowsOf(one, sql('live'))))
    for (const rows of got) t.same(rows, want)
  }
})

void t.test('nothing writes to a source but its stream', skip, async (t) => {
  const { client, direct, connection, nats } = await openWorld(t)
  await publishJson(connection, 'e2e.live', [row(1), row(2)])
  await client.query(`CREATE SOURCE live ${COLUMNS} ${fedBy(nats, 'e2e.live')}`)
  await untilCount(client, 'live', 2)
  const before = await rowsOf(client, 'SELECT * FROM live ORDER BY id')
  const writes = [
    'INSERT INTO live (id) VALUES (7)',
    'INSERT INTO live (id) SELECT 7',
    'INSERT INTO live (id) VALUES (1) ON CONFLICT DO NOTHING',
    `UPDATE live SET name = 'x'`,
    `UPDATE live SET name = 'x' WHERE id = 1`,
    'DELETE FROM live',
    'DELETE FROM live WHERE id = 1',
    'TRUNCATE live',
    'WITH gone AS (DELETE FROM live RETURNING id) SELECT * FROM gone'
  ]
  for (const [where, session] of Object.entries({ jetgres: client, direct })) {
    for (const sql of writes) {
      const told = await refusal(session, sql)
      t.match(told, WRITE_REFUSED, `${where}: ${sql}`)
    }
    t.equal((await refusal(session, MERGE)).code, '0A000', `${where}: MERGE, in Postgres's words`)
    t.match(await refusalOfCopy(session), WRITE_REFUSED, `${where}: COPY FROM`)
    t.same(await rowsOf(session, 'SELECT * FROM live ORDER BY id'), before, `${where}: unchanged`)
  }
  t.same(await rowsOf(direct, 'SELECT count(*) FROM ONLY live'), [['0']], 'the twin is empty')
})

async function refusalOfCopy(client: pg.Client): Promise<unknown> {
  const { from } = await import('pg-copy-streams')
  const stream = client.query(from('COPY live (id) FROM STDIN'))
  stream.end('7\n')
  return finished(stream).catch((error: unknown) => error)
}
