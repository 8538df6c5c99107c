// Goal: whatever reads a relation gives what plain Postgres gives over the same rows: for a superuser
// and for a role with only SELECT, through jetgres and on a direct connection; and jetgres says how
// it answered.
// Method: an ordinary table `plain` holds the same rows as the relation `live`; each statement runs
// once with either name, and the answers, tags and column types are compared.

import { finished } from 'node:stream/promises'

import type pg from 'pg'
import { to as copyTo } from 'pg-copy-streams'
import t from 'tap'
import type { Test } from 'tap'

import { publishJson, withoutNats } from '../support/nats-server.ts'
import { fedBy, lastRoute, openWorld, refusal, rowsOf, untilCount } from './world.ts'
import type { World } from './world.ts'

const COLUMNS = '(id int PRIMARY KEY, name text, qty bigint, price numeric(10,2), at timestamptz, tags text[])'
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
  GRANT SELECT ON colours, T, T_view, T_kept TO reader;`

interface Case {
  readonly name: string
  /** One statement, or several on one session; T stands for the table. */
  readonly sql: string | readonly string[]
  /** Expected of the last statement through jetgres; a relay by default. */
  readonly route?: RegExp | string
  /** Only the superuser may. */
  readonly isAdmins?: boolean
}

const CASES: readonly Case[] = [
  { name: 'all rows', sql: 'SELECT * FROM T ORDER BY id', route: 'local' },
  { name: 'a count', sql: 'SELECT count(*) FROM T', route: 'local' },
  { name: 'by key', sql: 'SELECT name, qty FROM T WHERE id = 42', route: 'local' },
  {
    name: 'groups',
    sql: 'SELECT name, sum(qty), min(price) FROM T GROUP BY name ORDER BY name NULLS FIRST',
    route: 'local'
  },
  {
    name: 'a join with an upstream table',
    sql: 'SELECT t.id, t.qty, c.colour FROM T t JOIN colours c USING (id) ORDER BY id',
    route: 'relay ("colours" is not an ingested relation)'
  },
  {
    name: 'an outer join with a condition on both',
    sql: `SELECT t.id, c.colour FROM T t LEFT JOIN colours c ON c.id = t.id AND t.price > 20
          WHERE t.name LIKE 'name 1%' ORDER BY t.id`,
    route: /^relay \("colours"/
  },
  { name: 'a PL/pgSQL function', sql: `SELECT * FROM T_cheapest('name 7')`, route: 'relay' },
  { name: 'a function that loops', sql: 'SELECT T_loop()', route: 'relay' },
  { name: 'a view', sql: 'SELECT * FROM T_view ORDER BY name', route: 'relay' },
  {
    name: 'a materialized view',
    sql: ['REFRESH MATERIALIZED VIEW T_kept', 'SELECT * FROM T_kept ORDER BY id'],
    isAdmins: true,
    route: 'relay'
  },
  {
    name: 'a DO block',
    sql: [
      'CREATE TEMP TABLE T_seen (n bigint, total numeric)',
      `DO $$ DECLARE n bigint; total numeric;
       BEGIN SELECT count(*), sum(price) INTO n, total FROM T; INSERT INTO T_seen VALUES (n, total); END $$`,
      'SELECT * FROM T_seen',
      'DROP TABLE T_seen'
    ],
    route: 'relay'
  },
  {
    name: 'CREATE TABLE AS',
    sql: [
      'CREATE TEMP TABLE T_copy AS SELECT * FROM T WHERE id % 2 = 0',
      'SELECT * FROM T_copy ORDER BY id',
      'DROP TABLE T_copy'
    ],
    route: 'relay'
  },
  {
    name: 'SELECT INTO',
    sql: [
      'SELECT id, price INTO TEMP T_into FROM T',
      'SELECT sum(price), count(*) FROM T_into',
      'DROP TABLE T_into'
    ],
    route: 'relay'
  },
  {
    name: 'INSERT … SELECT',
    sql: [
      'CREATE TEMP TABLE T_into (id int, price numeric)',
      'INSERT INTO T_into SELECT id, price FROM T WHERE qty > 10000000070',
      'SELECT * FROM T_into ORDER BY id',
      'DROP TABLE T_into'
    ],
    route: 'relay'
  },
  {
    name: 'a cursor WITH HOLD',
    sql: [
      'BEGIN',
      'DECLARE T_c CURSOR WITH HOLD FOR SELECT id, name FROM T ORDER BY id',
      'FETCH 3 FROM T_c',
      'COMMIT',
      'FETCH 400 FROM T_c',
      'CLOSE T_c'
    ],
    route: 'relay'
  },
  {
    name: 'a scrolling cursor',
    sql: [
      'BEGIN',
      'DECLARE T_c SCROLL CURSOR FOR SELECT id FROM T ORDER BY id',
      'FETCH 5 FROM T_c',
      'FETCH BACKWARD 3 FROM T_c',
      'MOVE ABSOLUTE 100 IN T_c',
      'FETCH 2 FROM T_c',
      'COMMIT'
    ],
    route: 'relay'
  },
  {
    name: 'PREPARE and EXECUTE',
    sql: [
      'PREPARE T_p (int) AS SELECT id, tags FROM T WHERE id < $1 ORDER BY id',
      'EXECUTE T_p (20)',
      'EXECUTE T_p (3)',
      'DEALLOCATE T_p'
    ],
    route: 'relay'
  },
  {
    name: 'a construct the translator does not know',
    sql: `SELECT id, sum(qty) OVER w FROM T
          WINDOW w AS (PARTITION BY name ORDER BY id ROWS 3 PRECEDING EXCLUDE CURRENT ROW) ORDER BY id`,
    route: /^relay \(.+\)$/
  },
  {
    name: 'a condition only Postgres knows',
    sql: `SELECT id FROM T WHERE name ~ '^name (1|2)\\d$' AND to_char(at, 'DY') = 'MON' ORDER BY id`,
    route: /^relay \(.+\)$/
  },
  {
    name: 'an immutable condition that is pushed down and only Postgres knows',
    sql: `SELECT id FROM T WHERE md5(name) < '8' AND to_number(price::text, '999.99') > 9 ORDER BY id`,
    route: /^relay \(.+\)$/
  },
  {
    name: 'arrays that are pushed down',
    sql: `SELECT id FROM T WHERE tags @> ARRAY['t1'] AND id = ANY ('{1,4,7,10}'::int[]) ORDER BY id`,
    route: /^(local|relay \(.+\))$/
  },
  {
    name: 'FROM ONLY',
    sql: 'SELECT count(*), sum(qty) FROM ONLY T',
    route: 'relay (ONLY is relayed)'
  },
  { name: 'FROM ONLY in brackets', sql: 'SELECT max(id) FROM ONLY (T)', route: /^relay/ },
  { name: 'TABLE', sql: 'TABLE T ORDER BY id LIMIT 3', route: /^(local|relay \(.+\))$/ },
  {
    name: 'a WITH clause',
    sql: 'WITH big AS (SELECT * FROM T WHERE price > 80) SELECT count(*), sum(qty) FROM big',
    route: /^(local|relay \(.+\))$/
  },
  {
    name: 'a relation with itself',
    sql: 'SELECT a.id, b.id FROM T a JOIN T b ON b.id = a.id + 1 WHERE a.price > 85 ORDER BY 1',
    route: /^(local|relay \(.+\))$/
  },
  {
    name: 'a correlated EXISTS over both kinds',
    sql: 'SELECT c.id FROM colours c WHERE EXISTS (SELECT FROM T WHERE T.id = c.id AND T.price > 50) ORDER BY 1',
    route: /^relay \("colours"/
  },
  { name: 'whole rows', sql: 'SELECT t::text FROM T t WHERE id < 4 ORDER BY id', route: /^relay/ },
  {
    name: 'row locks',
    sql: 'SELECT id, name FROM T WHERE id < 9 ORDER BY id FOR UPDATE',
    isAdmins: true,
    route: /^relay \(.+\)$/
  },
  {
    name: 'row locks on another table only',
    sql: 'SELECT c.id, t.qty FROM colours c JOIN T t USING (id) ORDER BY id FOR UPDATE OF c',
    isAdmins: true
  },
  {
    name: 'row locks under a condition only Postgres knows',
    sql: `SELECT id, name FROM T WHERE id < 9 AND md5(name) < '8' ORDER BY id FOR SHARE`,
    isAdmins: true
  },
  { name: 'system columns', sql: 'SELECT count(ctid) >= 0, min(xmin::text) <> \'x\' FROM T', route: /^relay/ },
  {
    name: 'UPDATE of another table',
    sql: [
      'BEGIN',
      'UPDATE colours c SET colour = t.name FROM T t WHERE t.id = c.id AND t.price > 40 RETURNING c.*',
      'SELECT * FROM colours ORDER BY id',
      'ROLLBACK'
    ],
    isAdmins: true
  },
  {
    name: 'DELETE from another table',
    sql: [
      'BEGIN',
      'DELETE FROM colours c USING T t WHERE t.id = c.id AND t.name IS NULL RETURNING c.id, t.qty',
      'DELETE FROM colours WHERE id IN (SELECT id FROM T WHERE price > 60)',
      'SELECT * FROM colours ORDER BY id',
      'ROLLBACK'
    ],
    isAdmins: true
  },
  {
    name: 'MERGE into another table',
    sql: [
      'BEGIN',
      `MERGE INTO colours c USING T t ON t.id = c.id WHEN MATCHED AND t.price > 40 THEN DELETE
       WHEN MATCHED THEN UPDATE SET colour = t.name WHEN NOT MATCHED THEN INSERT VALUES (t.id, 'new')`,
      'SELECT * FROM colours ORDER BY id',
      'ROLLBACK'
    ],
    isAdmins: true
  },
  {
    name: 'several statements at once',
    sql: 'SELECT count(*) FROM T; SELECT max(id) FROM T',
    route: 'relay (more than one statement)'
  },
  { name: 'TABLESAMPLE of all', sql: 'SELECT count(*) FROM T TABLESAMPLE SYSTEM (100)', route: /^relay/ }
]

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
    await direct.query(table === 'live' ? text.replace(/CREATE TABLE colours[^;]*;[^;]*;/, '') : text)
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

    await t.test(`COPY for ${who}`, async (t) => {
      for (const text of [
        'COPY (SELECT * FROM T ORDER BY id) TO STDOUT',
        `COPY (SELECT id, tags FROM T ORDER BY id) TO STDOUT (FORMAT csv, HEADER)`
      ]) {
        const want = await copied(straight, text.replace(/\bT\b/, 'plain'))
        t.equal(await copied(through, text.replace(/\bT\b/, 'live')), want, text)
        t.match(await lastRoute(through), 'relay (COPY is relayed)')
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

const WRITE_REFUSED = {
  code: '55000',
  message: 'cannot write to "live": its rows come from a NATS stream',
  hint: 'Publish to the stream instead.'
}

const MERGE =
  'MERGE INTO live USING (SELECT 7 AS i) s ON id = i WHEN NOT MATCHED THEN INSERT (id) VALUES (i)'

void t.test('nothing writes to a relation but its stream', skip, async (t) => {
  const { client, direct, connection, nats } = await openWorld(t)
  await publishJson(connection, 'e2e.live', [row(1), row(2)])
  await client.query(`CREATE TABLE live ${COLUMNS} ${fedBy(nats, 'e2e.live')}`)
  await untilCount(client, 'live', 2)
  const before = await rowsOf(client, 'SELECT * FROM live ORDER BY id')
  const writes = [
    'INSERT INTO live (id) VALUES (7)',
    'INSERT INTO live (id) SELECT 7',
    `INSERT INTO live (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x'`,
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
