// Goal: translate() writes the DuckDB text that its tables promise, or gives the reason to relay.
// Method: tables of statement → text or reason, over the relations of rows.ts, without any database.

import { loadModule } from 'libpg-query'
import t from 'tap'

import { translate } from '../../src/translate/translate.ts'
import { OID } from '../../src/types/oids.ts'
import { translateText } from './both.ts'
import { relationNamed } from './rows.ts'

await loadModule()

/** What a statement becomes when nobody described it. */
function outcome(sql: string): string {
  const translation = translateText(sql, undefined)
  return 'relay' in translation ? `relay: ${translation.relay}` : translation.sql
}

const WRITTEN: readonly (readonly [sql: string, duck: string])[] = [
  ['SELECT * FROM side', 'SELECT t1.c1, t1.c2, t1.c3, t1.c4, t1.c5, t1.c6 FROM r8 AS t1'],
  ['SELECT s.id FROM public.side AS s', 'SELECT t1.c1 FROM r8 AS t1'],
  ['SELECT count(*) FROM side', 'SELECT CAST(count(*) AS BIGINT) FROM r8 AS t1'],
  [
    "SELECT id FROM side WHERE label = 'it''s'",
    "SELECT t1.c1 FROM r8 AS t1 WHERE (t1.c3 = 'it''s')"
  ],
  [
    "SELECT id FROM side WHERE label LIKE 'a\\%%'",
    "SELECT t1.c1 FROM r8 AS t1 WHERE (t1.c3 LIKE 'a\\%%' ESCAPE '\\')"
  ],
  [
    "SELECT id FROM side WHERE label LIKE 'a%'",
    "SELECT t1.c1 FROM r8 AS t1 WHERE (t1.c3 LIKE 'a%')"
  ],
  [
    'SELECT id FROM side WHERE i4 = 1.5',
    "SELECT t1.c1 FROM r8 AS t1 WHERE (CAST(CAST(t1.c2 AS DECIMAL(10,0)) AS DECIMAL(11,1)) = CAST(CAST('1.5' AS DECIMAL(2,1)) AS DECIMAL(11,1)))"
  ],
  [
    'SELECT id FROM side WHERE f8 > 1.5',
    "SELECT t1.c1 FROM r8 AS t1 WHERE (t1.c5 > CAST('1.5' AS DOUBLE))"
  ],
  [
    'SELECT id FROM side ORDER BY label DESC, 1 LIMIT 10::bigint',
    'SELECT t1.c1 FROM r8 AS t1 ORDER BY t1.c3 DESC NULLS FIRST, t1.c1 ASC NULLS LAST LIMIT CAST(CAST(10 AS INTEGER) AS BIGINT)'
  ],
  [
    'SELECT i4 + 1 FROM side',
    'SELECT CAST(((t1.c2 + CAST(1 AS INTEGER)) | CAST(0 AS INTEGER)) AS INTEGER) FROM r8 AS t1'
  ],
  [
    'SELECT label, count(*) FROM side GROUP BY label HAVING count(*) > 1',
    'SELECT t1.c3, CAST(count(*) AS BIGINT) FROM r8 AS t1 GROUP BY t1.c3 HAVING (count(*) > CAST(1 AS INTEGER))'
  ],
  ['SELECT sum(i4) FROM side', 'SELECT CAST(CAST(sum(t1.c2) AS BIGINT) AS BIGINT) FROM r8 AS t1'],
  [
    'SELECT DISTINCT label FROM side ORDER BY 1',
    'SELECT t2.a1 FROM (SELECT DISTINCT t1.c3 AS a1 FROM r8 AS t1) AS t2 ORDER BY t2.a1 ASC NULLS LAST'
  ],
  [
    'SELECT a.id FROM side a LEFT JOIN side b USING (i4)',
    'SELECT t1.c1 FROM (r8 AS t1 LEFT JOIN r8 AS t2 ON (t1.c2 = t2.c2))'
  ],
  [
    'WITH q AS (SELECT id AS x FROM side) SELECT x FROM q',
    'SELECT t2.a1 FROM (SELECT t1.c1 AS a1 FROM r8 AS t1) AS t2'
  ],
  [
    'SELECT NULL FROM jetgres_live.r8',
    'SELECT CAST(CAST(NULL AS VARCHAR) AS VARCHAR) FROM r8 AS t1'
  ],
  [
    'SELECT id FROM side WHERE (label = ANY (\'{a,"NULL"}\'::text[]))',
    "SELECT t1.c1 FROM r8 AS t1 WHERE (t1.c3 IN ('a', 'NULL'))"
  ]
]

const CONSTANT = /a constant that may fail/

const RELAYED: readonly (readonly [sql: string, reason: RegExp])[] = [
  ['SELECT id FROM side WHERE id = NULL', /transform_null_equals/],
  ["SELECT id FROM side WHERE id = ANY ('{1,NULL}')", /array_nulls/],
  ["SELECT id FROM m WHERE d IN ('2024-01-01', timestamp '2024-02-29')", /several types/],
  ["SELECT id FROM m WHERE c IN ('x', 'ab '::text)", /several types/],
  ['SELECT id FROM m WHERE i8 NOT IN (1.5::float8, 7)', /several types/],
  ['SELECT id FROM m WHERE i8 = ANY (ARRAY[1.5::float8, 7])', /several types/],
  ['SELECT id FROM m WHERE v = ANY ($1::varchar(1)[])', /type modifier/],
  ["SELECT id FROM m WHERE '01' = ANY (ai::text[])", /a cast of an array/],
  ["SELECT to_char(st, 'HH24 SSSS') FROM m", /to_char/],
  ["SELECT to_char(st, 'IYYY-IDDD') FROM m", /to_char/],
  ["SELECT to_char(st, 'FMDDDDD') FROM m", /to_char/],
  ['SELECT oid FROM pg_class', /"pg_class" is not an ingested relation/],
  ['SELECT id FROM side, pg_class', /"pg_class" is not an ingested relation/],
  ['SELECT _seq FROM side', /"_seq" is not a column/],
  ['SELECT ctid FROM side', /"ctid" is not a column/],
  ['SELECT side FROM side', /"side" is not a column/],
  ['SELECT id FROM ONLY side', /FROM ONLY/],
  ['SELECT id FROM side FOR UPDATE', /FOR UPDATE/],
  ['SELECT id FROM side TABLESAMPLE SYSTEM (10)', /RangeTableSample/],
  ['SELECT clock_timestamp() FROM side', /'clock_timestamp' is not known/],
  ['SELECT sum(f4) FROM m', /aggregate sum/],
  ['SELECT sum(DISTINCT f8) FROM side', /order of the rows/],
  ['SELECT string_agg(label, \',\') FROM side', /without ORDER BY/],
  [
    'SELECT id FROM side s WHERE id = (SELECT max(s.i4) FROM m)',
    /an aggregate over an outer column/
  ],
  ['SELECT random() FROM side', /'random' is not known/],
  ['SELECT public.lower(label) FROM side', /another schema/],
  ['SELECT id FROM side WHERE id OPERATOR(public.=) 1', /another schema/],
  ['SELECT DISTINCT iv FROM m', /groups of this type/],
  ["SELECT id FROM side WHERE d = 'today'", /'today' is not in a plain form/],
  ["SELECT id FROM side WHERE d = '2023-02-29'", /not in a plain form/],
  ["SELECT id FROM m WHERE tz > '2024-01-01 00:00:00'", /not in a plain form/],
  ['SELECT id FROM m WHERE d < tz', /the time zone is not known/],
  ['SELECT id FROM m WHERE nu = f8', /unconstrained numeric/],
  ["SELECT id FROM side WHERE label LIKE 'a\\'", /escape character/],
  ["SELECT lower('É') FROM side", /without COLLATE/],
  ['SELECT id FROM side ORDER BY 1 + 1', /ORDER BY of a constant/],
  ['SELECT id FROM side a JOIN side b ON true', /"id" is ambiguous/],
  ['SELECT n FROM m a JOIN (SELECT n * 1.0 AS n FROM m) b USING (n)', /two scales/],
  ['SELECT a.id FROM side a, side a', /one name/],
  // A later query of WITH RECURSIVE is meant, not the relation.
  [
    'WITH RECURSIVE a AS (SELECT id FROM m), m AS (SELECT 7 AS id FROM side) SELECT * FROM a',
    /is written later/
  ],
  // Kept rows are evaluated whole.
  ['WITH q AS MATERIALIZED (SELECT id, 1 / i4 AS y FROM side) SELECT id FROM q', /is kept/],
  ['WITH q AS MATERIALIZED (SELECT i4 + 1 FROM side) SELECT count(*) FROM q', /is kept/],
  [
    'WITH q AS (SELECT id FROM side WHERE 1 / i4 >= 0) SELECT a.id FROM q a JOIN q b USING (id)',
    /is kept/
  ],
  ['WITH q AS (SELECT 1 / count(*) AS c FROM side) SELECT a.c FROM q a, q b', /is kept/],
  // The second one is of a query that nothing needs.
  [
    'WITH q AS (SELECT id, 1 / i4 AS y FROM side), r AS (SELECT * FROM q) SELECT id FROM q',
    /is kept/
  ],
  // Computed before any row is read.
  ['SELECT CASE WHEN id > 0 THEN id ELSE 1 / 0 END FROM side', CONSTANT],
  ['SELECT coalesce(id, 1 / 0) FROM side', CONSTANT],
  ['SELECT id FROM side WHERE id > 0 OR 1 / 0 = 1', CONSTANT],
  ['SELECT id FROM side WHERE id > 0 OR 1.5 / 0.0 = 1', CONSTANT],
  ['SELECT 10 / $1::int FROM side WHERE id < 0', CONSTANT],
  ['SELECT 10 % $1::int + id FROM side WHERE id < 0', CONSTANT],
  ['SELECT 2147483647 + 1 FROM side WHERE id < 0', CONSTANT],
  ['SELECT - ((-2147483648)::int4) FROM side WHERE id < 0', CONSTANT],
  ['SELECT 70000::int2 FROM side WHERE id < 0', CONSTANT],
  ['SELECT 99999.5::numeric(4,1) FROM side WHERE id < 0', CONSTANT],
  ['SELECT sqrt(-1) FROM side WHERE id < 0', CONSTANT],
  ['SELECT chr(0) FROM side WHERE id < 0', CONSTANT],
  ["SELECT id FROM side WHERE d > date '2024-01-01' + interval '300000 years'", CONSTANT],
  ["SELECT id FROM side WHERE d > date '2024-01-01' + 2000000000", CONSTANT],
  ['SELECT to_timestamp(900000000000000) FROM side WHERE id < 0', CONSTANT],
  // Rows that a filter leaves out have been sorted.
  [
    'SELECT id FROM (SELECT id, rank() OVER (ORDER BY 1 / i4) FROM side) q WHERE id > 9',
    /an inner order/
  ],
  [
    'SELECT id FROM (SELECT id, rank() OVER (PARTITION BY 1 / i4) FROM side) q WHERE id > 9',
    /an inner order/
  ],
  [
    'SELECT id FROM (SELECT id, 1 / i4 FROM side EXCEPT SELECT id, i4 FROM side) q WHERE id > 9',
    /EXCEPT of what may fail/
  ],
  ['SELECT id FROM side ORDER BY label COLLATE sx."C"', /COLLATE/]
]

/** What may fail in Postgres too, but does not as it is written here. */
const LOCAL: readonly string[] = [
  'SELECT id FROM side WHERE id = 10 * 60 - 7 % 4 / 2',
  'SELECT id + 1, -(5), 5::smallint + 1::bigint, 1.5::int FROM side',
  "SELECT id FROM side WHERE id > '-1'::integer + 1",
  'SELECT 0::numeric(12,2), 1.5::numeric(4,1), id::numeric(12,2) FROM side',
  'SELECT round(100.0 * sum(i4) / 7, 2), 2 * 0.5, 100 / 3.0 FROM side',
  "SELECT id FROM side WHERE d >= '2024-01-01'::date AND d < date '2024-01-01' + 7",
  "SELECT id FROM side WHERE d < date '1998-12-01' - interval '90 days'",
  "SELECT id FROM m WHERE tz > now() - interval '1 day' AND tz < now() - 7 * interval '1 day'",
  "SELECT id FROM m WHERE tz < $1::timestamptz + interval '1 day'",
  "SELECT id FROM m WHERE tz > date_trunc('month', $1::timestamptz)",
  "SELECT id FROM m WHERE tz > timestamp '2024-01-01' AT TIME ZONE 'UTC'",
  'SELECT id FROM m WHERE tz >= to_timestamp(1700000000)',
  'SELECT id FROM m WHERE s8 > extract(epoch from now())::bigint - 86400',
  'SELECT id FROM m WHERE d > CURRENT_DATE - 7',
  'SELECT id FROM m WHERE n > $1::numeric AND s4 > $2::int',
  "SELECT id FROM m WHERE st > $1::timestamp + interval '1 day'",
  'SELECT id FROM m ORDER BY id LIMIT $1 OFFSET ($2 - 1) * 10',
  'SELECT n / $1::int + s4 FROM m',
  'WITH q AS MATERIALIZED (SELECT id, i4 FROM side) SELECT id FROM q',
  'WITH q AS NOT MATERIALIZED (SELECT id, 1 / i4 AS y FROM side) SELECT a.id FROM q a, q b',
  'WITH q AS (SELECT id, 1 / i4 AS y FROM side) SELECT id FROM q',
  'WITH q AS (SELECT g, sum(s4) AS s, avg(n) AS a FROM m GROUP BY g) SELECT a.s FROM q a, q b',
  "WITH q AS (SELECT date_trunc('day', st) AS d, count(*) FROM m GROUP BY 1) SELECT a.d FROM q a, q b",
  'WITH RECURSIVE a AS (SELECT id FROM side), b AS (SELECT id FROM a) SELECT * FROM b',
  "SELECT id FROM (SELECT id, rank() OVER (PARTITION BY date_trunc('day', st)) AS r FROM m) q WHERE r = 1",
  'SELECT rank() OVER (ORDER BY 1 / i4) FROM side',
  'SELECT id FROM side ORDER BY label COLLATE pg_catalog."C"'
]

void t.test('a proven statement is written for DuckDB', (t) => {
  for (const [sql, duck] of WRITTEN) t.equal(outcome(sql), duck, sql)
  t.end()
})

void t.test('anything else is a reason to relay', (t) => {
  for (const [sql, reason] of RELAYED) {
    const found = outcome(sql)
    t.match(found, /^relay: /, sql)
    t.match(found, reason, sql)
  }
  t.end()
})

void t.test('lists as clients write them are not relayed', (t) => {
  const conditions = [
    'id IN (1, 2, 3)',
    'i8 IN (1, 2.5, $1::int)',
    'n IN (1.5, 2)',
    'f8 NOT IN (1, 2.5)',
    "t IN ('a', 'b')",
    "v IN ('a', $1::text)",
    "c IN ('a', 'b ')",
    "d IN ('2024-01-01', date '2024-02-29')",
    "d IN ('2024-01-01 12:00:00')",
    'i4 = ANY ($1)',
    'v = ANY ($1::varchar[])',
    "c = ANY (ARRAY['a'::bpchar, 'b'::bpchar])",
    'n = ANY (ARRAY[1.5, (2)::numeric])'
  ]
  for (const condition of conditions)
    t.notMatch(outcome(`SELECT id FROM m WHERE ${condition}`), /^relay/, condition)
  t.end()
})

void t.test('what cannot fail as it is written stays local', (t) => {
  for (const sql of LOCAL) {
    const translation = translateText(sql, undefined, 'UTC')
    t.notMatch(translation, { relay: /./ }, `${sql} ${'relay' in translation ? translation.relay : ''}`)
  }
  t.end()
})

void t.test('a description that does not fit relays', (t) => {
  const described = (oid: number, typmod = -1) =>
    translateText('SELECT i4 FROM side', { columns: [{ oid, typmod }], parameters: [] })
  t.match(described(OID.int4), { sql: 'SELECT t1.c2 FROM r8 AS t1' })
  t.match(described(OID.int8), { relay: /would be of type 23/ })
  const none = translateText('SELECT i4 FROM side', { columns: [], parameters: [] })
  t.match(none, { relay: /not as described/ })
  t.end()
})

void t.test('the columns carry the described modifiers', (t) => {
  const translation = translateText('SELECT w, w + 1 FROM side', undefined)
  t.match(translation, {
    columns: [
      { oid: OID.numeric, typmod: ((8 << 16) | 3) + 4 },
      { oid: OID.numeric, typmod: -1 }
    ]
  })
  t.end()
})

void t.test(
  'parameters are numbered by use and typed by the upstream or by what they meet',
  (t) => {
    const known = translateText('SELECT id FROM side WHERE id = $2 OR label = $1 OR id = $2', {
      columns: [{ oid: OID.int4, typmod: -1 }],
      parameters: [OID.text, OID.int4]
    })
    t.match(known, {
      sql: 'SELECT t1.c1 FROM r8 AS t1 WHERE ((t1.c1 = CAST($1 AS INTEGER)) OR (t1.c3 = CAST($2 AS VARCHAR)) OR (t1.c1 = CAST($1 AS INTEGER)))',
      parameters: [2, 1],
      parameterTypes: [OID.int4, OID.text]
    })
    const cast = translateText('SELECT id FROM side WHERE ((id = $1::integer))', undefined)
    t.match(cast, { parameters: [1], parameterTypes: [OID.int4] })
    const twoTypes = translateText('SELECT id FROM side WHERE id = $1 OR label = $1', undefined)
    t.match(twoTypes, { relay: /\$1 has two types/ })
    t.end()
  }
)

void t.test('the SelectStmt node and its body are both understood', (t) => {
  const body = {
    targetList: [{ ResTarget: { val: { ColumnRef: { fields: [{ String: { sval: 'id' } }] } } } }],
    fromClause: [{ RangeVar: { relname: 'side', inh: true } }],
    op: 'SETOP_NONE'
  }
  const scope = { relation: relationNamed, described: undefined, parameters: [] }
  const expected = { sql: 'SELECT t1.c1 FROM r8 AS t1' }
  t.match(translate(body, scope), expected)
  t.match(translate({ SelectStmt: body }, scope), expected)
  for (const nonsense of [undefined, null, 1, 'x', [], {}, { SelectStmt: null }, { op: {} }]) {
    t.match(translate(nonsense, scope), { relay: /./ })
  }
  t.end()
})

void t.test('depth and length are bounded', (t) => {
  const deep = `SELECT ${'- '.repeat(400)} id FROM side`
  t.match(outcome(deep), /relay: nested too deeply/)
  const wide = `SELECT ${Array.from({ length: 3000 }, () => 'id + i4 + 1').join(', ')} FROM side`
  t.match(outcome(wide), /relay: the translation is too long/)
  t.end()
})
