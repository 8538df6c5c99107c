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
  const both = await Both.over(client, duck, { relation: () => relation })
  t.teardown(() => both.close())
  for (const zone of ZONES) {
    for (const sql of STATEMENTS) {
      const outcome = await both.ask(sql, [], zone)
      t.equal(outcome.kind, 'same', `${zone}: ${'detail' in outcome ? outcome.detail : sql}`)
    }
  }
})
