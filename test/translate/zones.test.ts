// Goal: what depends on the session's clock is Postgres's answer in every zone that is translated.
// Method: moments around the changes of clocks of 2024 and at random, in zones of both hemispheres,
// with odd offsets and with changes at midnight; the same statements on both sides.

import { DuckDBInstance } from '@duckdb/node-api'
import t from 'tap'

import { startPostgres } from '../support/postgres-server.ts'
import { Both } from './both.ts'
import { copyTable, createTable } from './mirror.ts'

const ZONES = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Asia/Tokyo',
  'America/Bogota',
  'Australia/Lord_Howe',
  'America/Sao_Paulo',
  'Pacific/Apia',
  'Africa/Cairo',
  'America/Santiago',
  'Antarctica/Troll'
]

const STATEMENTS = [
  `SELECT id, tz::timestamp, tz::date, date_trunc('day', tz), date_trunc('month', tz),
     date_trunc('hour', tz), date_trunc('week', tz), date_trunc('minute', tz) FROM z ORDER BY id`,
  `SELECT id, extract(hour from tz), extract(dow from tz), date_part('day', tz),
     extract(epoch from tz), to_char(tz, 'YYYY-MM-DD HH24:MI:SS') FROM z ORDER BY id`,
  `SELECT id, tz + interval '1 day', tz - interval '1 month',
     tz + interval '1 month 1 day 3 hours', tz + interval '2 hours' FROM z ORDER BY id`,
  `SELECT id, ts::timestamptz, ts::date::timestamptz, tz < ts, tz >= ts::date FROM z ORDER BY id`,
  `SELECT id, date_trunc('hour', tz) + interval '20 minutes' * floor(extract(minute from tz) / 20),
     tz AT TIME ZONE 'America/New_York', ts AT TIME ZONE 'Europe/Berlin' FROM z ORDER BY id`,
  `SELECT x FROM generate_series('2024-03-30 20:00:00'::timestamptz, '2024-04-01', '90 minutes') x`,
  `SELECT count(*) FROM z WHERE tz >= to_timestamp('2024-03-31 02:30:00', 'YYYY-MM-DD HH24:MI:SS')`,
  `SELECT count(*) FROM z WHERE tz >= '2024-03-31 02:30:00'`,
  `SELECT count(*) FROM z WHERE tz >= '2024-10-27 02:30:00' AND tz < '2024-10-28'`,
  `SELECT id, tz - '2024-01-01 00:00:00', date_trunc('day', ts::date) FROM z ORDER BY id`,
  `SELECT date_trunc('day', tz) AS day, count(*) FROM z GROUP BY 1 ORDER BY 1`
]

const UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year']

/** The ends of what is local, of weeks and of 1970, and what lies just beside them. */
const EDGES = [
  '0001-01-01 00:00:00',
  '0001-01-01 00:00:00.000001',
  '0001-01-07 23:59:59.999999',
  '0004-02-29 12:00:00',
  '1582-10-10 10:10:10.1',
  '1883-11-18 11:59:59.999999',
  '1900-02-28 23:59:59.5',
  '1969-12-28 23:59:59.999999',
  '1969-12-29 00:00:00',
  '1969-12-31 23:59:59.999999',
  '1970-01-01 00:00:00',
  '1970-01-04 23:59:59.999999',
  '1970-01-05 00:00:00',
  '2000-02-29 12:34:56.789012',
  '2024-12-30 00:00:00',
  '9999-12-30 23:59:59.999999'
]

/** Moments that only Postgres truncates; casts and comparisons know them here too. */
const BEYOND = ['infinity', '-infinity', '9999-12-31 00:00:00']

/** The last moment before Christ, which no CSV of DuckDB's has. */
const BEFORE_CHRIST = {
  id: BEYOND.length,
  pg: "'0001-12-31 23:59:59.999999 BC'",
  duck: 'make_timestamp(-62135596800000001)'
}

const EDGE_STATEMENTS = [
  ...UNITS.map((unit) => `SELECT id, date_trunc('${unit}', tz), date_trunc('${unit}', ts) FROM e ORDER BY id`),
  `SELECT date_trunc('week', tz), count(*) FROM e GROUP BY 1 ORDER BY 1 DESC LIMIT 5`,
  `SELECT id, tz::timestamp, ts::timestamptz, tz::date, tz AT TIME ZONE 'UTC' FROM e ORDER BY id`,
  `SELECT id, extract(epoch from tz), extract(hour from tz), date_part('second', tz), tz - ts::timestamptz,
     ts - '2000-01-01', to_char(tz, 'YYYY-MM-DD HH24:MI:SS.US') FROM e ORDER BY id`,
  `SELECT id, date_bin('15 minutes', tz, '2001-01-01 00:00:00'), date_bin('7 days', ts, '2001-01-01')
     FROM e ORDER BY id`
]

const BEYOND_STATEMENTS = [
  `SELECT id, tz::timestamp = ts, ts::timestamptz = tz, tz < ts, tz::date = ts::date, isfinite(tz),
     tz AT TIME ZONE 'UTC' < '0001-01-01', ts AT TIME ZONE 'UTC' > '9999-12-30' FROM b ORDER BY id`,
  `SELECT id, tz::timestamp, ts::timestamptz, tz::date FROM b WHERE id <> ${BEFORE_CHRIST.id} ORDER BY id`,
  'SELECT id, tz::text, ts::text FROM b WHERE id < 2 ORDER BY id'
]

const MOMENTS = `
  SELECT timestamptz '2024-03-09 00:00+00' + i * interval '30 minutes' AS at
    FROM generate_series(0, 1300) i
  UNION ALL SELECT timestamptz '2024-10-04 00:00+00' + i * interval '37 minutes'
    FROM generate_series(0, 1300) i
  UNION ALL SELECT timestamptz '2000-03-05 00:00+00' + random() * interval '36 years'
    FROM generate_series(1, 500)`

void t.test('in the zone of the session', async (t) => {
  const dir = t.testdir()
  const postgres = await startPostgres(t)
  const client = await postgres.connect()
  const duck = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect()
  const columns = 'id integer, tz timestamptz, ts timestamp'
  const relation = await createTable(client, 1, 'z', columns)
  await client.query("SET TimeZone = 'UTC'")
  await client.query('SELECT setseed(0.3)')
  await client.query(`INSERT INTO z SELECT row_number() OVER (), at, at::timestamp FROM (${MOMENTS}) q`)
  await client.query('INSERT INTO z VALUES (0, NULL, NULL)')
  await duck.run("SET TimeZone = 'UTC'")
  await copyTable(client, duck, 'z', relation, dir)
  const momentsOf = async (moments: readonly string[], name: string, id: number) => {
    const made = await createTable(client, id, name, columns)
    const rows = moments.map((moment, i) => `(${i}, '${moment}', '${moment}')`)
    await client.query(`INSERT INTO ${name} VALUES ${rows.join(', ')}, (99, NULL, NULL)`)
    await copyTable(client, duck, name, made, dir)
    return made
  }
  const others = new Map([
    ['e', await momentsOf(EDGES, 'e', 2)],
    ['b', await momentsOf(BEYOND, 'b', 3)]
  ])
  const { id: before, pg, duck: micros } = BEFORE_CHRIST
  await client.query(`INSERT INTO b VALUES (${before}, ${pg}, ${pg})`)
  await duck.run(`INSERT INTO r3 VALUES (${before}, timezone('UTC', ${micros}), ${micros}, 0)`)
  const both = await Both.over(client, duck, {
    relation: (_schema, name) => others.get(name) ?? relation
  })
  t.teardown(() => both.close())
  for (const zone of ZONES) {
    for (const sql of STATEMENTS) {
      const outcome = await both.ask(sql, [], zone)
      t.equal(outcome.kind, 'same', `${zone}: ${'detail' in outcome ? outcome.detail : sql}`)
    }
  }
  for (const sql of [...EDGE_STATEMENTS, ...BEYOND_STATEMENTS]) {
    const outcome = await both.ask(sql)
    t.equal(outcome.kind, 'same', `UTC: ${'detail' in outcome ? outcome.detail : sql}`)
  }
  for (const unit of UNITS) {
    for (const id of [...BEYOND.keys(), before]) {
      const sql = `SELECT date_trunc('${unit}', tz) FROM b WHERE id = ${id}`
      const { kind } = await both.ask(sql)
      t.equal(kind, 'failed', `${sql} is Postgres's`)
    }
  }
})
