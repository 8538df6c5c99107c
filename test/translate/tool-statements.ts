// What dashboards ask of a table with time series: statements in the shapes that Metabase, Superset,
// Grafana, Tableau, Power BI and Looker generate, by their public sources and logs.

/** The table, in mirror.ts's form. */
export const EVENTS = `id bigint, ts timestamptz, created timestamp, day date, country text,
  browser varchar(20), device integer, amount numeric(12,2), score double precision, ratio real,
  ok boolean, session uuid, note text, tags text[]`

export const COUNTRIES = 'code text, name text, area bigint'

const pick = (items: string): string => `(ARRAY[${items}])[1 + i * 7919 % ${items.split(',').length}]`

export const eventsFill = (rows: number): readonly string[] => [
  `INSERT INTO events SELECT i, timestamptz '2024-01-01 00:00:00+00' + i * 1009 * interval '1 second',
     timestamp '2024-01-01' + i * 1009 * interval '1 second', date '2024-01-01' + i / 80,
     ${pick(`'DE', 'FR', 'US', NULL, 'jp', 'BR', 'x y'`)}, ${pick(`'Firefox', 'Chrome', 'Edge', 'curl'`)},
     i % 11, ((i * 7907) % 100000)::numeric / 100 - 20, (i * 31 % 997) / 8.0, (i % 13) / 4.0,
     i % 3 <> 0, md5((i % 500)::text)::uuid, 'note ' || i % 97 || CASE WHEN i % 5 = 0 THEN ' Foo' ELSE '' END,
     CASE WHEN i % 4 = 0 THEN NULL ELSE ARRAY['t' || i % 3, 'x'] END
   FROM generate_series(1, ${rows}) i`,
  `INSERT INTO countries VALUES ('DE', 'Germany', 357022), ('FR', 'France', 643801), ('US', 'USA', 9833517),
     ('CH', 'Switzerland', 41285), (NULL, 'nowhere', NULL)`
]

const E = '"public"."events"'
const month = `DATE_TRUNC('month', ${E}."created")`
const from = `'2024-01-03T00:00:00Z'`
const to = `'2024-01-20T00:00:00Z'`

const METABASE: readonly string[] = [
  `SELECT COUNT(*) AS "count" FROM ${E}`,
  `SELECT ${month} AS "created", COUNT(*) AS "count" FROM ${E} GROUP BY ${month} ORDER BY ${month} ASC`,
  `SELECT CAST(${E}."ts" AS date) AS "ts", SUM(${E}."amount") AS "sum" FROM ${E} GROUP BY CAST(${E}."ts" AS date) ORDER BY CAST(${E}."ts" AS date) ASC`,
  `SELECT (CAST(DATE_TRUNC('week', (CAST(${E}."created" AS timestamp) + INTERVAL '1 day')) AS timestamp) + INTERVAL '-1 day') AS "created", COUNT(*) AS "count" FROM ${E} GROUP BY (CAST(DATE_TRUNC('week', (CAST(${E}."created" AS timestamp) + INTERVAL '1 day')) AS timestamp) + INTERVAL '-1 day')`,
  `SELECT COUNT(*) FROM ${E} WHERE (${E}."ts" >= DATE_TRUNC('day', (NOW() + INTERVAL '-30 day'))) AND (${E}."ts" < DATE_TRUNC('day', NOW()))`,
  `SELECT COUNT(*) FROM ${E} WHERE ${E}."ts" >= CAST((NOW() + INTERVAL '-1 month') AS date)`,
  `SELECT (FLOOR(((${E}."amount" - 0.0) / 12.5)) * 12.5) + 0.0 AS "amount", COUNT(*) AS "count" FROM ${E} GROUP BY (FLOOR(((${E}."amount" - 0.0) / 12.5)) * 12.5) + 0.0`,
  `SELECT FLOOR((${E}."amount" / 100.0)) * 100.0 AS "amount", COUNT(*) AS "count" FROM ${E} GROUP BY FLOOR((${E}."amount" / 100.0)) * 100.0 ORDER BY 1`,
  `SELECT FLOOR((${E}."score" / 10.0)) * 10.0 AS "score", COUNT(*) AS "count" FROM ${E} GROUP BY FLOOR((${E}."score" / 10.0)) * 10.0 ORDER BY 1`,
  `SELECT (CAST(extract(dow from ${E}."created") AS integer) + 1) AS "created", COUNT(*) AS "count" FROM ${E} GROUP BY (CAST(extract(dow from ${E}."created") AS integer) + 1) ORDER BY 1`,
  `SELECT CAST(extract(hour from ${E}."created") AS integer) AS "h", CAST(extract(quarter from ${E}."created") AS integer) AS "q", AVG(${E}."amount") AS "avg" FROM ${E} GROUP BY 1, 2`,
  `SELECT ${E}."country" AS "country", SUM(${E}."amount") AS "sum", AVG(${E}."amount") AS "avg", MIN(${E}."ts") AS "min" FROM ${E} GROUP BY ${E}."country" ORDER BY "sum" DESC, ${E}."country" ASC LIMIT 2000`,
  `SELECT ${E}."id" AS "id", ${E}."note" AS "note" FROM ${E} WHERE (LOWER(${E}."note") LIKE '%foo%') ORDER BY id LIMIT 2000`,
  `SELECT ${E}."country" AS "country" FROM ${E} GROUP BY ${E}."country" ORDER BY ${E}."country" ASC LIMIT 1001`,
  `SELECT SUBSTRING(${E}."note", 1, 1234) AS "substring1" FROM ${E} WHERE ${E}."id" < 50`,
  `SELECT COUNT(DISTINCT ${E}."session") AS "count", SUM(CASE WHEN ${E}."ok" = TRUE THEN 1 ELSE 0.0 END) AS "countif" FROM ${E}`,
  `SELECT CAST(SUM(CASE WHEN ${E}."ok" = TRUE THEN 1 ELSE 0.0 END) AS float) / NULLIF(CAST(COUNT(*) AS float), 0.0) AS "share" FROM ${E}`,
  `SELECT CAST(SUM(CASE WHEN ${E}."amount" > 100 THEN 1 ELSE 0.0 END) AS DOUBLE PRECISION) / COUNT(*) AS "share" FROM ${E}`,
  `SELECT ${month} AS "created", SUM(COUNT(*)) OVER (ORDER BY ${month} ASC ROWS UNBOUNDED PRECEDING) AS "count" FROM ${E} GROUP BY ${month} ORDER BY ${month} ASC`,
  `SELECT ${month} AS "created", SUM(${E}."amount") AS "sum", LAG(SUM(${E}."amount"), 1) OVER (ORDER BY ${month} ASC) AS "before" FROM ${E} GROUP BY ${month}`,
  `SELECT PERCENTILE_CONT(0.5) within group (order by ${E}."score") AS "median", PERCENTILE_CONT(0.9) within group (order by ${E}."amount") AS "p90" FROM ${E}`,
  `SELECT "Countries"."name" AS "Countries__name", COUNT(*) AS "count" FROM ${E} LEFT JOIN "public"."countries" AS "Countries" ON ${E}."country" = "Countries"."code" GROUP BY "Countries"."name" ORDER BY "count" DESC, 1`,
  `SELECT "source"."country" AS "country", AVG("source"."count") AS "avg" FROM (SELECT ${E}."country" AS "country", ${E}."day" AS "day", COUNT(*) AS "count" FROM ${E} GROUP BY ${E}."country", ${E}."day") AS "source" GROUP BY "source"."country"`,
  `SELECT COUNT(*) FROM ${E} WHERE ${E}."ts" BETWEEN timestamp with time zone '2024-01-02 00:00:00.000Z' AND timestamp with time zone '2024-01-09 00:00:00.000Z'`,
  `SELECT DATE_TRUNC('day', ${E}."ts" AT TIME ZONE 'UTC') AS "ts", COUNT(*) FROM ${E} GROUP BY 1`,
  `SELECT DATE_TRUNC('hour', TIMEZONE('America/New_York', ${E}."ts")) AS "ts", COUNT(*) FROM ${E} GROUP BY 1`,
  `SELECT CASE WHEN ${E}."amount" > 500 THEN 'large' WHEN ${E}."amount" > 50 THEN 'middle' ELSE 'small' END AS "size", COUNT(*) FROM ${E} GROUP BY 1`,
  `SELECT CONCAT(${E}."country", ' ', ${E}."browser") AS "both", COUNT(*) FROM ${E} GROUP BY 1`,
  `SELECT ${E}."browser", STDDEV_POP(${E}."amount") AS "stddev" FROM ${E} GROUP BY 1`,
  `SELECT EXTRACT(epoch FROM (${E}."ts" - timestamptz '2024-01-01 00:00:00Z')) / 3600 AS "hours" FROM ${E} WHERE ${E}."id" < 20`
]

const filter = `ts >= TO_TIMESTAMP('2024-01-02 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US') AND ts < TO_TIMESTAMP('2024-01-20 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')`

const SUPERSET: readonly string[] = [
  `SELECT DATE_TRUNC('day', ts) AS __timestamp, country AS country, count(*) AS count FROM public.events WHERE ${filter} GROUP BY DATE_TRUNC('day', ts), country ORDER BY count DESC, 1, 2 LIMIT 10000`,
  `SELECT DATE_TRUNC('day', created) AS __timestamp, sum(amount) AS "SUM(amount)" FROM public.events JOIN (SELECT country AS country__, sum(amount) AS mme_inner__ FROM public.events WHERE ${filter} GROUP BY country ORDER BY mme_inner__ DESC LIMIT 3) AS series_limit ON country = country__ WHERE ${filter} GROUP BY DATE_TRUNC('day', created) ORDER BY "SUM(amount)" DESC LIMIT 1000`,
  `SELECT DATE_TRUNC('minute', ts) + INTERVAL '5 minutes' * FLOOR(EXTRACT(MINUTE FROM ts) / 5) AS b, count(*) FROM public.events GROUP BY 1`,
  `SELECT DATE_TRUNC('hour', created) + INTERVAL '15 minutes' * FLOOR(EXTRACT(MINUTE FROM created) / 15) AS b, avg(amount) FROM public.events GROUP BY 1`,
  `SELECT DATE_TRUNC('hour', ts) + INTERVAL '6 hours' * FLOOR(EXTRACT(HOUR FROM ts) / 6) AS b, avg(amount) FROM public.events GROUP BY 1`,
  `SELECT country AS country, browser AS browser, AVG(amount) AS "AVG(amount)", COUNT(DISTINCT session) AS "COUNT_DISTINCT(session)" FROM public.events WHERE country IN ('DE', 'FR') AND browser NOT IN ('curl') GROUP BY country, browser ORDER BY "AVG(amount)" DESC LIMIT 1000`,
  `SELECT DISTINCT country AS country FROM public.events ORDER BY country ASC LIMIT 10000`,
  `SELECT sum(ok::int) AS "SUM(ok)", max(amount) AS "MAX(amount)" FROM (SELECT * FROM public.events) AS virtual_table WHERE ((amount > 10 AND note ILIKE '%foo%')) LIMIT 50000`,
  `SELECT id AS id, ts AS ts, country AS country, amount AS amount, ok AS ok FROM public.events WHERE ${filter} ORDER BY ts DESC LIMIT 1000`,
  `SELECT DATE_TRUNC('week', created) AS __timestamp, count(*) * 1.0 / sum(count(*)) OVER () AS share FROM public.events GROUP BY DATE_TRUNC('week', created)`,
  `SELECT DATE_TRUNC('quarter', day) AS __timestamp, sum(device) AS s FROM public.events GROUP BY 1 HAVING sum(device) > 10`,
  `SELECT COUNT(*) AS rowcount FROM (SELECT country, count(*) FROM public.events GROUP BY country) AS rowcount_qry`,
  `SELECT MIN(ts) AS min, MAX(ts) AS max FROM public.events`,
  `SELECT country, sum(CASE WHEN browser = 'Edge' THEN amount ELSE 0 END) AS edge, sum(CASE WHEN browser = 'Chrome' THEN amount ELSE 0 END) AS chrome FROM public.events GROUP BY country`
]

const GRAFANA: readonly string[] = [
  `SELECT floor(extract(epoch from ts)/300)*300 AS "time", country AS metric, avg(amount) AS "value" FROM events WHERE ts BETWEEN ${from} AND ${to} GROUP BY 1, country ORDER BY 1, 2`,
  `SELECT floor(extract(epoch from ts)/3600)*3600 AS "time", count(id) AS "n" FROM events WHERE ts BETWEEN ${from} AND ${to} GROUP BY time ORDER BY time`,
  `SELECT floor(extract(epoch from created)/86400)*86400 AS "time", max(amount) FROM events WHERE created BETWEEN ${from} AND ${to} GROUP BY 1 ORDER BY 1`,
  `SELECT ts AS "time", score AS "value" FROM events WHERE ts BETWEEN ${from} AND ${to} ORDER BY 1`,
  `SELECT extract(epoch from ts) AS "time", ratio FROM events WHERE ts >= ${from} AND ts <= ${to} ORDER BY ts`,
  `SELECT date_trunc('hour', ts) AS "time", avg(score) AS "score" FROM events WHERE ts BETWEEN ${from} AND ${to} GROUP BY 1 ORDER BY 1`,
  `SELECT "country", COUNT("id") FROM events GROUP BY "country" LIMIT 50`,
  `SELECT DISTINCT country AS __text, device AS __value FROM events ORDER BY 1, 2`,
  `SELECT time, CASE WHEN value >= lag(value) OVER (ORDER BY time) THEN value - lag(value) OVER (ORDER BY time) WHEN lag(value) OVER (ORDER BY time) IS NULL THEN NULL ELSE value END AS delta FROM (SELECT date_trunc('hour', ts) AS time, max(amount) AS value FROM events WHERE ts BETWEEN ${from} AND ${to} GROUP BY 1) q ORDER BY time`,
  `SELECT date_bin('15 minutes', ts, timestamptz '2024-01-01 00:00:00Z') AS time, count(*) FROM events WHERE ts BETWEEN ${from} AND ${to} GROUP BY 1 ORDER BY 1`,
  `SELECT to_timestamp(floor(extract(epoch from ts)/600)*600) AS time, count(*) FROM events GROUP BY 1 ORDER BY 1`,
  `SELECT percentile_disc(0.95) WITHIN GROUP (ORDER BY amount) AS p95, browser FROM events GROUP BY browser`,
  `SELECT b.t AS "time", count(e.id) FROM generate_series(timestamptz '2024-01-03 00:00:00Z', timestamptz '2024-01-05 00:00:00Z', interval '1 hour') AS b(t) LEFT JOIN events e ON e.ts >= b.t AND e.ts < b.t + interval '1 hour' GROUP BY 1 ORDER BY 1`,
  `SELECT note FROM events WHERE ts BETWEEN ${from} AND ${to} AND note ~ 'Foo$' ORDER BY id DESC LIMIT 100`,
  `SELECT ts AS time, note AS text, array_to_string(tags, ',') AS tags FROM events WHERE id < 40`,
  `SELECT count(*) FROM events WHERE 'x' = ANY (tags)`,
  `SELECT tag, count(*) FROM events, unnest(tags) AS tag GROUP BY tag`
]

const TABLEAU: readonly string[] = [
  `SELECT "events"."country" AS "country", SUM("events"."amount") AS "sum:amount:ok" FROM "public"."events" "events" GROUP BY 1`,
  `SELECT DATE_TRUNC( 'MONTH', CAST("events"."created" AS DATE) ) AS "tmn:created:ok", COUNT(DISTINCT "events"."session") AS "ctd:session:ok" FROM "public"."events" "events" GROUP BY 1`,
  `SELECT DATE_TRUNC( 'DAY', CAST("events"."created" AS TIMESTAMP) ) AS "tdy:created:ok", SUM("events"."device") AS "sum" FROM "public"."events" "events" GROUP BY 1`,
  `SELECT CAST(TRUNC(EXTRACT(YEAR FROM "events"."created")) AS INTEGER) AS "yr:created:ok", CAST(TRUNC(EXTRACT(MONTH FROM "events"."created")) AS INTEGER) AS "mn", SUM(1) AS "sum:n:ok" FROM "public"."events" "events" GROUP BY 1, 2`,
  `SELECT SUM(1) AS "cnt", MIN("events"."country") AS "min", MAX("events"."browser") AS "max" FROM "public"."events" "events" HAVING (COUNT(1) > 0)`,
  `SELECT "events"."browser" AS "browser", AVG("events"."amount") AS "avg" FROM "public"."events" "events" WHERE (("events"."created" >= (TIMESTAMP '2024-01-02 00:00:00.000')) AND ("events"."created" < (TIMESTAMP '2024-01-10 00:00:00.000'))) GROUP BY 1`,
  `SELECT (CASE WHEN ("events"."country" IN ('DE', 'FR')) THEN TRUE ELSE FALSE END) AS "io:country", COUNT(1) FROM "public"."events" "events" GROUP BY 1`,
  `SELECT "events"."country" AS "country", SUM("events"."amount") AS "s" FROM "public"."events" "events" INNER JOIN (SELECT "events"."country" AS "country", SUM("events"."amount") AS "$__alias__0" FROM "public"."events" "events" GROUP BY 1 ORDER BY 2 DESC NULLS LAST LIMIT 3) "t0" ON ("events"."country" IS NOT DISTINCT FROM "t0"."country") GROUP BY 1`,
  `SELECT CAST(FLOOR("events"."amount" / 10) AS INTEGER) AS "bin", COUNT(1) FROM "public"."events" "events" GROUP BY 1`,
  `SELECT UPPER(LEFT("events"."country", 1)) AS "first", LENGTH("events"."note") AS "n", POSITION('Foo' IN "events"."note") AS "at", LTRIM(RTRIM("events"."note")) AS "t" FROM "public"."events" "events" WHERE "events"."id" < 30`,
  `SELECT CAST("events"."id" AS TEXT) AS "id", CAST("events"."day" AS TEXT) AS "day", CAST("events"."created" AS TEXT) AS "created" FROM "public"."events" "events" WHERE "events"."id" < 30`,
  `SELECT (CAST("events"."created" AS DATE) - CAST("events"."day" AS DATE)) AS "diff", COUNT(1) FROM "public"."events" "events" GROUP BY 1`,
  `SELECT STDDEV_SAMP("events"."amount") AS "std", VAR_SAMP("events"."device") AS "var" FROM "public"."events" "events"`,
  `SELECT "events"."country", "countries"."name" FROM "public"."events" "events" FULL JOIN "public"."countries" "countries" ON ("events"."country" = "countries"."code")`,
  `SELECT * FROM (SELECT 1 AS "one") "t" LIMIT 1`,
  `SELECT "t0"."score", COUNT(1) AS n FROM (SELECT "events"."score" AS "score" FROM "public"."events" "events") "t0" GROUP BY 1`,
  `SELECT (EXTRACT(DOW FROM "events"."created") + 1) AS "wd", (EXTRACT(HOUR FROM "events"."created"))::int AS "hr", SUM("events"."amount") FROM "public"."events" "events" GROUP BY 1, 2`
]

const POWER_BI: readonly string[] = [
  `select "_"."country" as "c1", sum("_"."amount") as "a0" from "public"."events" as "_" group by "_"."country"`,
  `select "_"."c1", "_"."a0" from (select "rows"."country" as "c1", sum("rows"."amount") as "a0" from "public"."events" as "rows" group by "country") as "_" where not "_"."a0" is null order by "_"."c1" limit 1000001`,
  `select "$Table"."id" as "id", "$Table"."ts" as "ts", "$Table"."ok" as "ok", "$Table"."session" as "session" from "public"."events" as "$Table" order by id limit 200`,
  `select "_"."browser" as "browser", count(distinct "_"."session") + max(case when "_"."session" is null then 1 else 0 end) as "a0" from "public"."events" as "_" where "_"."created" >= timestamp '2024-01-02 00:00:00' and "_"."created" < timestamp '2024-01-12 00:00:00' group by "_"."browser"`,
  `select "$Outer"."id", "$Inner"."name" from "public"."events" as "$Outer" left outer join "public"."countries" as "$Inner" on ("$Outer"."country" = "$Inner"."code" or "$Outer"."country" is null and "$Inner"."code" is null) where "$Outer"."id" < 100`,
  `select cast(sum(cast("_"."amount" as decimal)) as decimal) as "a0", avg(cast("_"."device" as decimal)) as "a1", min("_"."day") as "a2" from "public"."events" as "_"`,
  `select "_"."t0", count(*) from (select date_part('year', "_"."day") as "t0" from "public"."events" as "_") as "_" group by "_"."t0"`,
  `select cast(date_trunc('month', "_"."created") as date) as "m", coalesce(sum("_"."amount"), 0) from "public"."events" as "_" group by 1`,
  `select sum("_"."score") as "a0", sum("_"."device") as "a1" from (select "score", "device", "country" from "public"."events" where "country" = 'DE') as "_"`,
  `select "_"."amount", "_"."note" from "public"."events" "_" where ("_"."note" like '%Foo%' and "_"."note" is not null) and strpos(lower("_"."note"), 'foo') > 0`,
  `select count(*) from "public"."events" as "_" where "_"."country" in ('DE', 'FR') or "_"."country" is null`
]

const pivot = `SELECT DATE((events.created )) AS "events.created_date", events.browser AS "events.browser", COUNT(*) AS "events.count" FROM public.events AS events GROUP BY 1, 2`

const LOOKER: readonly string[] = [
  `SELECT (DATE(events.created )) AS "events.created_date", COUNT(*) AS "events.count" FROM public.events AS events GROUP BY 1 ORDER BY 1 DESC FETCH NEXT 500 ROWS ONLY`,
  `SELECT (TO_CHAR(DATE_TRUNC('month', events.created ), 'YYYY-MM')) AS "m", COALESCE(SUM(events.amount ), 0) AS "total" FROM public.events AS events GROUP BY 1 ORDER BY 2 DESC LIMIT 500`,
  `SELECT * FROM (SELECT *, DENSE_RANK() OVER (ORDER BY z___min_rank) as z___pivot_row_rank, RANK() OVER (PARTITION BY z__pivot_col_rank ORDER BY z___min_rank) as z__pivot_col_ordering FROM (SELECT *, MIN(z___rank) OVER (PARTITION BY "events.created_date") as z___min_rank FROM (SELECT *, RANK() OVER (ORDER BY "events.created_date" DESC, z__pivot_col_rank) AS z___rank FROM (SELECT *, DENSE_RANK() OVER (ORDER BY "events.browser" NULLS LAST) AS z__pivot_col_rank FROM (${pivot}) ww) bb WHERE z__pivot_col_rank <= 16384) aa) xx) zz WHERE (z__pivot_col_rank <= 50 OR z__pivot_col_ordering = 1) AND (z___pivot_row_rank <= 500 OR z__pivot_col_ordering = 1)`,
  `SELECT CASE WHEN events.amount < 0 THEN '0' WHEN events.amount >= 0 AND events.amount < 100 THEN '1' ELSE 'Undefined' END AS "tier", AVG(events.amount ) AS "avg" FROM public.events AS events WHERE ((( events.created ) >= ((DATE_TRUNC('day', TIMESTAMP '2024-01-10')  + (-6 || ' day')::INTERVAL)))) GROUP BY 1`,
  `SELECT COUNT(DISTINCT CASE WHEN events.ok THEN events.session ELSE NULL END) AS "n", (CASE WHEN events.ok THEN 'Yes' ELSE 'No' END) AS "ok" FROM public.events AS events GROUP BY 2`
]

export const TOOLS: Readonly<Record<string, readonly string[]>> = {
  Metabase: METABASE,
  Superset: SUPERSET,
  Grafana: GRAFANA,
  Tableau: TABLEAU,
  'Power BI': POWER_BI,
  Looker: LOOKER
}
