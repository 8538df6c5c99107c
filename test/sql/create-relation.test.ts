// Goal: every clause of CREATE TABLE and CREATE SOURCE gives its meaning, its twin or its exact
// error. Method: tables; ▼ marks where an error must point.

import t from 'tap'
import { loadParser, parseSql } from '../../src/sql/parser.ts'
import { readStatement } from '../../src/sql/statement.ts'
import { expectError } from './expect-error.ts'
import type { CreateRelation } from '../../src/sql/create-relation.ts'

await loadParser()

const WITH = "WITH (connector='nats', server_url='h:4222', subject='s', stream='st')"
const JSON_ = 'FORMAT PLAIN ENCODE JSON'
const TAIL = `${WITH} ${JSON_}`

function create(sql: string): CreateRelation {
  const statement = readStatement(sql)
  if (statement?.kind !== 'createRelation') throw new Error(`not ours: ${sql}`)
  return statement
}

const FIRST_SEED = `
CREATE TABLE live_stream_metrics (
  id varchar PRIMARY KEY, -- the stream's own
  viewers int
)
WITH (
connector = 'nats',
server_url = 'nats-server:4222',
subject = 'live_stream_metrics',
stream = 'risingwave',
connect_mode = 'plain'
)`

void t.test("the documentation's example of today becomes a relation", async (t) => {
  const { twinPosition, options, ...rest } = create(`${FIRST_SEED} ${JSON_};`)
  t.strictSame(rest, {
    kind: 'createRelation',
    relation: 'table',
    ifNotExists: false,
    orReplace: false,
    name: { name: 'live_stream_metrics', text: 'live_stream_metrics', position: 15 },
    columns: [
      { name: 'id', position: 39 },
      { name: 'viewers', position: 85 }
    ],
    key: ['id'],
    twinSql:
      'CREATE TABLE live_stream_metrics (id varchar COLLATE "C" PRIMARY KEY, viewers int)',
    connector: {
      servers: ['nats-server:4222'],
      subjects: ['live_stream_metrics'],
      stream: 'risingwave',
      authentication: { mode: 'plain' },
      start: { mode: 'earliest' }
    },
    encoding: { format: 'plain', encode: 'json', timestamptzHandling: 'guess_number_unit' },
    onConflict: 'replace',
    versions: [],
    withPosition: 99,
    before: '',
    after: 'FORMAT PLAIN ENCODE JSON',
    notices: []
  })
  t.equal(twinPosition(1), 1)
  t.equal(options.length, 5)
})

void t.test("the documentation's example of RisingWave 1.2 becomes a relation", async (t) => {
  const relation = create(`CREATE SOURCE IF NOT EXISTS source_name
    (id varchar, viewers int, PRIMARY KEY (id))
    WITH (
       connector='nats',
       nats.server_url='a:4222, b:4222',
       nats.subject='your_subject',

       -- Optional parameters
       nats.user='u',
       nats.password='p''w'
    )
    FORMAT PLAIN ENCODE JSON;`)
  t.equal(relation.relation, 'source')
  t.equal(relation.ifNotExists, true)
  t.strictSame(relation.key, ['id'])
  t.equal(
    relation.twinSql,
    'CREATE TABLE IF NOT EXISTS source_name (id varchar COLLATE "C", viewers int)'
  )
  t.strictSame(relation.connector, {
    servers: ['a:4222', 'b:4222'],
    subjects: ['your_subject'],
    stream: 'your_subject',
    authentication: { mode: 'user_and_password', username: 'u', password: "p'w" },
    start: { mode: 'earliest' }
  })
  t.strictSame(relation.notices, [
    'options "nats.server_url", "nats.subject", "nats.user", "nats.password" are taken as ' +
      '"server_url", "subject", "username", "password"',
    'option "stream" is not given, the stream is taken to be "your_subject"',
    'option "connect_mode" is not given, it is taken to be "user_and_password"',
    'the primary key of a source is not checked'
  ])
})

void t.test('columns become the twin\'s columns', async (t) => {
  const cases: [string, string][] = [
    ['a int', 'a int'],
    ['"A b" INT8 not null', '"A b" INT8 not null'],
    ['a int null primary key', 'a int null primary key'],
    ['a int CONSTRAINT pk PRIMARY KEY', 'a int CONSTRAINT pk PRIMARY KEY'],
    ['a int, b int, primary key (b, a)', 'a int, b int, primary key (b, a)'],
    ['primary key (a), a int', 'primary key (a), a int'],
    ['a int, constraint k primary key (a)', 'a int, constraint k primary key (a)'],
    ['a int ,', 'a int'],
    ['a int, /* c */ b int -- d\n', 'a int, b int'],
    ['a text', 'a text COLLATE "C"'],
    ['a TEXT COLLATE "de-x-icu" not null', 'a TEXT COLLATE "de-x-icu" not null'],
    ['a text not null collate pg_catalog."C"', 'a text not null collate pg_catalog."C"'],
    ['a string', 'a text COLLATE "C"'],
    ['a STRING[] NOT NULL', 'a text[] COLLATE "C" NOT NULL'],
    ['a varchar(10)', 'a varchar(10) COLLATE "C"'],
    ['a character varying (10)[]', 'a character varying (10)[] COLLATE "C"'],
    ['a char', 'a char COLLATE "C"'],
    ['a national character varying(3)', 'a national character varying(3) COLLATE "C"'],
    ['a pg_catalog.text', 'a pg_catalog.text COLLATE "C"'],
    ['a "text"', 'a "text" COLLATE "C"'],
    ['a "char"', 'a "char"'],
    ['a double', 'a double precision'],
    ['a double[]', 'a double precision[]'],
    ['a double precision', 'a double precision'],
    ['a float4', 'a float4'],
    ['a float(53)', 'a float(53)'],
    ['a numeric(10, 2)', 'a numeric(10, 2)'],
    ['a numeric(3,-2)', 'a numeric(3,-2)'],
    ['a decimal', 'a decimal'],
    ['a timestamp with time zone', 'a timestamp with time zone'],
    ['a timestamp (3) without time zone []', 'a timestamp (3) without time zone []'],
    ['a time(3) with time zone', 'a time(3) with time zone'],
    ['a timestamptz(3)', 'a timestamptz(3)'],
    ['a interval year to month', 'a interval year to month'],
    ['a interval second(3)', 'a interval second(3)'],
    ['a int[][3]', 'a int[][3]'],
    ['a int array', 'a int array'],
    ['a int array[4]', 'a int array[4]'],
    ['a bit varying(3)', 'a bit varying(3)'],
    ['a jsonb, b bytea, c uuid', 'a jsonb, b bytea, c uuid'],
    ['a struct<b int>', 'a jsonb'],
    ['a STRUCT<b int, c struct<d varchar, e timestamp with time zone[]>>', 'a jsonb'],
    ['a struct<b int>[]', 'a jsonb'],
    ['a struct<b struct<c struct<d int>>> not null', 'a jsonb not null'],
    ['a map(varchar, int)', 'a jsonb'],
    ['a map<varchar, struct<b int>>[]', 'a jsonb'],
    ['a map(varchar, map(int, double precision)), b int', 'a jsonb, b int'],
    ['struct int, map int', 'struct int, map int'],
    ['a int default 1, b int', 'a int default 1, b int'],
    ["a text default 'x' not null", "a text COLLATE \"C\" default 'x' not null"],
    ['a int default (1 + 2) * 3 primary key', 'a int default (1 + 2) * 3 primary key'],
    ['a int default case when null is null then 1 end null', 'a int default case when null is null then 1 end null'],
    ['a int[] default array[1, 2], b int', 'a int[] default array[1, 2], b int'],
    ["a timestamptz default now() - interval '1 day'", "a timestamptz default now() - interval '1 day'"],
    ['a int, watermark for a as a - 1, b int', 'a int, b int'],
    ['_row int, rw_a int', '_row int, rw_a int'],
    ['watermark for a as f(a, 1), a int', 'a int'],
    ['a int, watermark for a as (a - 1) with ttl,', 'a int'],
    ['watermark int, include text', 'watermark int, include text COLLATE "C"'],
    ['key int, value int, name text', 'key int, value int, name text COLLATE "C"'],
    ['größe int, "é😀" int', 'größe int, "é😀" int']
  ]
  for (const [columns, expected] of cases) {
    const { twinSql } = create(`CREATE TABLE t (${columns}) ${TAIL}`)
    t.equal(twinSql, `CREATE TABLE t (${expected})`, columns)
    t.equal(parseSql(twinSql).length, 1)
  }
})

void t.test('names are read as Postgres reads them and copied as written', async (t) => {
  const cases: [string, object][] = [
    ['T', { name: 't', text: 'T' }],
    ['"T"', { name: 'T', text: '"T"' }],
    ['S."a""b"', { schema: 's', name: 'a"b', text: 'S."a""b"' }],
    ['d.s.table', { database: 'd', schema: 's', name: 'table', text: 'd.s.table' }],
    ['s /* x */ . t', { schema: 's', name: 't', text: 's /* x */ . t' }],
    ['U&"\\0064t"', { name: 'dt', text: 'U&"\\0064t"' }]
  ]
  for (const [written, expected] of cases) {
    const { name, twinSql } = create(`create table ${written} (a int) ${TAIL}`)
    t.strictSame(name, { ...expected, position: 14 })
    t.equal(twinSql, `CREATE TABLE ${written} (a int)`)
  }
})

void t.test('a position in the twin is shown in the statement', async (t) => {
  const sql = `/* 😀 */ CREATE SOURCE IF NOT EXISTS s (
    "é😀" string, d double, e nosuchtype) ${TAIL}`
  const { twinSql, twinPosition } = create(sql)
  const characters = (text: string): string[] => Array.from(text)
  for (const word of ['"é😀"', 'd ', 'nosuchtype', 's (']) {
    const inTwin = characters(twinSql.slice(0, twinSql.indexOf(word))).length + 1
    const inSql = characters(sql.slice(0, sql.indexOf(word))).length + 1
    t.equal(twinPosition(inTwin), inSql, word)
  }
  const mapped = characters(twinSql.slice(0, twinSql.indexOf('precision'))).length + 1
  t.equal(twinPosition(mapped), characters(sql.slice(0, sql.indexOf('double'))).length + 1)
  t.equal(twinPosition(9_999) <= sql.length + 1, true)
})

void t.test('a fault that only the grammar knows is found before anything is made', async (t) => {
  const cases: [string, string][] = [
    [`CREATE TABLE t (a 😀.b, c ▼select) ${TAIL}`, 'syntax error at or near "select"'],
    [`CREATE SOURCE t (a string, b int▼(3, 4)) ${TAIL}`, 'syntax error at or near "("'],
    [`CREATE TABLE t (a string, b ▼user) ${TAIL}`, 'syntax error at or near "user"']
  ]
  for (const [sql, message] of cases) expectError(t, sql, readStatement, { code: '42601', message })
})

const RELATION = 'is not supported in a relation with a connector'

void t.test('what this release does not do is refused at its token', async (t) => {
  const cases: [string, string][] = [
    [`CREATE ▼TEMP TABLE t (a int) ${TAIL}`, 'TEMPORARY'],
    [`CREATE ▼TEMPORARY SOURCE t (a int) ${TAIL}`, 'TEMPORARY'],
    [`CREATE ▼UNLOGGED TABLE t (a int) ${TAIL}`, 'UNLOGGED'],
    [`CREATE ▼MATERIALIZED SOURCE t (a int) ${TAIL}`, 'CREATE MATERIALIZED SOURCE'],
    [`CREATE TABLE t (a int, b int ▼AS a + 1) ${TAIL}`, 'a generated column'],
    [`CREATE TABLE t (a int, b ▼AS a + 1) ${TAIL}`, 'a generated column'],
    [`CREATE TABLE t (a int ▼GENERATED ALWAYS AS IDENTITY) ${TAIL}`, 'a generated column'],
    [`CREATE TABLE t (a int ▼UNIQUE) ${TAIL}`, 'UNIQUE'],
    [`CREATE TABLE t (a int ▼REFERENCES x) ${TAIL}`, 'FOREIGN KEY'],
    [`CREATE TABLE t (a int CONSTRAINT c ▼CHECK (a > 1)) ${TAIL}`, 'CHECK'],
    [`CREATE TABLE t (a int, ▼UNIQUE (a)) ${TAIL}`, 'UNIQUE'],
    [`CREATE TABLE t (a int, CONSTRAINT c ▼CHECK (a > 1)) ${TAIL}`, 'CHECK'],
    [`CREATE TABLE t (a int, ▼FOREIGN KEY (a) REFERENCES x) ${TAIL}`, 'FOREIGN KEY'],
    [`CREATE TABLE t (a int, ▼EXCLUDE USING gist (a WITH =)) ${TAIL}`, 'EXCLUDE'],
    [`CREATE TABLE t (▼LIKE x) ${TAIL}`, 'LIKE'],
    [`CREATE TABLE t (a int) ▼INHERITS (x) ${TAIL}`, 'INHERITS'],
    [`CREATE TABLE t (a int) ▼PARTITION BY LIST (a) ${TAIL}`, 'PARTITION BY'],
    [`CREATE TABLE t (a int) ${WITH} ▼AS SELECT 1`, 'CREATE TABLE AS'],
    [`CREATE TABLE t (a int) ${WITH} ▼FROM src TABLE 'x'`, 'CREATE TABLE … FROM source'],
    [`CREATE TABLE t (a int) ${TAIL} ▼ENGINE = iceberg`, 'ENGINE']
  ]
  for (const [sql, name] of cases) {
    const message = `${name} ${RELATION}`
    expectError(t, sql, readStatement, { code: '0A000', message, hint: /^[A-Z].*\.$/ })
  }
})

void t.test('OR REPLACE, WATERMARK and DEFAULT leave their traces', async (t) => {
  const { orReplace, ifNotExists, twinSql } = create(`CREATE OR REPLACE TABLE t (a int) ${TAIL}`)
  t.strictSame([orReplace, ifNotExists, twinSql], [true, false, 'CREATE TABLE t (a int)'])
  t.equal(create(`CREATE OR REPLACE SOURCE t (a int) ${TAIL}`).orReplace, true)

  const marked = `(at timestamp, watermark for at as at - INTERVAL '5' SECOND)`
  const { watermark, notices } = create(`CREATE SOURCE t ${marked} ${TAIL}`)
  t.match(watermark, { column: { name: 'at' }, expression: { text: "at - INTERVAL '5' SECOND" } })
  t.strictSame(notices, [
    'the watermark on column "at" has no effect: rows that come late are kept'
  ])
  const strict = create(`CREATE TABLE t (a int not null, b int default 1 not null) ${TAIL}`)
  t.strictSame(strict.notices, [
    'the default of column "b" is not used for rows from the stream: what a payload lacks is NULL',
    'deliveries without a value for columns "a", "b" are dropped'
  ])
  const { notices: said } = create(`CREATE TABLE t (a int default 1, b int default 2) ${TAIL}`)
  t.strictSame(said, [
    'the default of columns "a", "b" is not used for rows from the stream: what a payload lacks ' +
      'is NULL'
  ])
})

const WILDCARD =
  'Wildcard in user-defined schema is only allowed when there exists columns from external schema'

void t.test('faults of the statement carry their code, message and place', async (t) => {
  const cases: [string, string, string, RegExp?][] = [
    ['CREATE SOURCE s (a int)▼', '42601', 'missing WITH clause', /connector = 'nats'/],
    [`CREATE SOURCE s (a int) ▼${JSON_}`, '42601', 'missing WITH clause'],
    [`CREATE SOURCE s (a int) ▼FOO`, '42601', 'syntax error at or near "FOO"'],
    ['CREATE SOURCE▼', '42601', 'syntax error at end of input'],
    ['CREATE SOURCE ▼select (a int)', '42601', 'syntax error at or near "select"'],
    ['CREATE SOURCE ▼a.b.c.d (a int)', '42601',
      'improper qualified name (too many dotted names): a.b.c.d'],
    [`CREATE TABLE t ▼${TAIL}`, '42601', 'schema definition is required', /List the columns/],
    [`CREATE TABLE t ▼() ${TAIL}`, '42601', 'schema definition is required'],
    [`CREATE TABLE t (a▼) ${TAIL}`, '42601', 'syntax error at or near ")"'],
    [`CREATE TABLE t (▼, a int) ${TAIL}`, '42601', 'syntax error at or near ","'],
    [`CREATE TABLE t (a int,▼, b int) ${TAIL}`, '42601', 'syntax error at or near ","'],
    [`CREATE TABLE t (a int ▼b int) ${TAIL}`, '42601', 'syntax error at or near "b"'],
    [`CREATE TABLE t (a struct<▼>) ${TAIL}`, '42601', 'syntax error at or near ">"'],
    [`CREATE TABLE t (a struct<b int▼) ${TAIL}`, '42601', 'syntax error at or near ")"'],
    [`CREATE TABLE t (a map(int▼)) ${TAIL}`, '42601', 'syntax error at or near ")"', /value type/],
    [`CREATE TABLE t (a int, ▼a text) ${TAIL}`, '42701', 'column "a" specified more than once'],
    [`CREATE TABLE t (a int, primary key (▼b)) ${TAIL}`, '42703',
      'column "b" named in key does not exist'],
    [`CREATE TABLE t (a int, primary key (a, ▼a)) ${TAIL}`, '42701',
      'column "a" appears twice in primary key constraint'],
    [`CREATE TABLE t (a int primary key, ▼primary key (a)) ${TAIL}`, '42P16',
      'multiple primary keys are not allowed'],
    [`CREATE TABLE t (a int primary key, b int ▼primary key) ${TAIL}`, '42P16',
      'multiple primary keys are not allowed'],
    [`CREATE TABLE t (a int, primary key (a) ▼deferrable) ${TAIL}`, '42601',
      'syntax error at or near "deferrable"'],
    [`CREATE TABLE t (▼_rw_a int) ${TAIL}`, '42939',
      'column name prefixed with "_rw_" are reserved word.', /another name/],
    [`CREATE TABLE t (a int, ▼_row_id_x int) ${TAIL}`, '42939',
      'column name prefixed with "_row_id" are reserved word.'],
    [`CREATE OR REPLACE TABLE IF ▼NOT EXISTS t (a int) ${TAIL}`, '42601',
      'syntax error at or near "NOT"'],
    [`CREATE TABLE t (a int default▼) ${TAIL}`, '42601', 'syntax error at or near ")"'],
    [`CREATE TABLE t (a int default ▼, b int) ${TAIL}`, '42601', 'syntax error at or near ","'],
    [`CREATE TABLE t (a int default 1 ▼2) ${TAIL}`, '42601', 'syntax error at or near "2"'],
    [`CREATE TABLE t (a int default 1 default▼) ${TAIL}`, '42601', 'syntax error at or near ")"'],
    [`CREATE TABLE t (a int, watermark for ▼b as a) ${TAIL}`, '42703',
      'column "b" named in watermark does not exist'],
    [`CREATE TABLE t (a int, watermark for a as ▼) ${TAIL}`, '42601', 'syntax error at or near ")"'],
    [`CREATE TABLE t (a int, watermark for a ▼(a)) ${TAIL}`, '42601', 'syntax error at or near "("'],
    [`CREATE TABLE t (a int, watermark for a as a ▼from x) ${TAIL}`, '42601',
      'syntax error at or near "from"'],
    [`CREATE TABLE t (a int, watermark for a as a, ▼watermark for a as a) ${TAIL}`, '42P16',
      'only one watermark is allowed'],
    [`CREATE SOURCE t (a int, watermark for a as a ▼with ttl) ${TAIL}`, '0A000',
      'WITH TTL is not supported in a source'],
    [`CREATE SOURCE s (a int ▼NOT NULL) ${TAIL}`, '0A000',
      'NOT NULL constraint is not supported in source schema', /CREATE TABLE/],
    [`CREATE TABLE t (a ▼bigserial) ${TAIL}`, '0A000', `type bigserial ${RELATION}`, /bigint/],
    [`CREATE TABLE t (a int) ${WITH}▼`, '42601', 'FORMAT … ENCODE … clause is required',
      /FORMAT PLAIN ENCODE JSON/],
    [`CREATE TABLE t (a int) ${WITH} ▼FORMATT PLAIN`, '42601', 'syntax error at or near "FORMATT"'],
    [`CREATE TABLE t (a int) ${WITH} FORMAT ▼PLANE`, '42601', 'syntax error at or near "PLANE"',
      /PLAIN, UPSERT/],
    [`CREATE TABLE t (a int) ${WITH} FORMAT▼`, '42601', 'syntax error at end of input'],
    [`CREATE TABLE t (a int) ${WITH} FORMAT PLAIN ▼JSON`, '42601',
      'syntax error at or near "JSON"'],
    [`CREATE TABLE t (a int) ${WITH} FORMAT PLAIN ENCODE ▼JSONB`, '42601',
      'syntax error at or near "JSONB"', /JSON, PROTOBUF/],
    [`CREATE TABLE t (a int) ${WITH} FORMAT ▼MAXWELL ENCODE JSON`, '0A000',
      'connector nats does not support format Maxwell'],
    [`CREATE TABLE t (a int) ${WITH} FORMAT ▼DEBEZIUM_MONGO ENCODE JSON`, '0A000',
      'connector nats does not support format DebeziumMongo'],
    [`CREATE TABLE t (a int) ${WITH} FORMAT PLAIN ENCODE ▼PARQUET`, '0A000',
      'connector nats does not support format Plain with encode Parquet'],
    [`CREATE TABLE t (▼*) ${TAIL}`, '0A000', WILDCARD],
    [`CREATE TABLE t (▼*, a int) ${TAIL}`, '0A000', WILDCARD],
    [`CREATE TABLE t (*, ▼*, a int) ${TAIL}`, '42601', 'syntax error at or near "*"'],
    [`CREATE TABLE t (a int) ${TAIL} ▼KEY ENCODE TEXT`, '0A000',
      'key encode clause is not supported in source schema'],
    [`CREATE TABLE t (a int) ${TAIL} ▼FOO`, '42601', 'syntax error at or near "FOO"'],
    [`CREATE TABLE t (a int) ${TAIL}; ▼select 1`, '42601', 'syntax error at or near ";"'],
    [`CREATE TABLE t (a int) ${TAIL} (timestamptz.handling.mode = ▼'utc')`, '22023',
      'unrecognized timestamptz.handling.mode value utc', /utc_string/],
    [`CREATE TABLE t (a int) ${TAIL} (▼schema.location = 'http://x')`, '0A000',
      'option "schema.location" is not supported with encode Json'],
    [`CREATE TABLE t (a int) ${WITH} ROW FORMAT ▼MAXWELL`, '0A000',
      'row format MAXWELL is not supported'],
    [`CREATE TABLE t (a int) ${WITH} ROW FORMAT ▼PLAIN`, '42601', 'syntax error at or near "PLAIN"']
  ]
  for (const [sql, code, message, hint] of cases) {
    const marked = sql.replace('; ▼', '▼; ')
    expectError(t, marked, readStatement, { code, message, ...(hint ? { hint } : {}) })
  }
})

void t.test('the encoding says how times are read; unknown options are noticed', async (t) => {
  const { encoding, notices } = create(
    `CREATE TABLE t (a int) ${TAIL} (Timestamptz.Handling.Mode = 'utc_without_suffix', foo = 1,)`
  )
  t.match(encoding, { timestamptzHandling: 'utc_without_suffix' })
  t.strictSame(notices, ['Get unknown format_encode_options for Plain Json: foo'])
})

void t.test('the older ROW FORMAT JSON is taken with a notice', async (t) => {
  const { encoding, notices } = create(`CREATE SOURCE t (a int) ${WITH} ROW FORMAT JSON`)
  t.equal(encoding.encode, 'json')
  t.strictSame(notices, [
    'RisingWave will stop supporting the syntax "ROW FORMAT" in future versions, which will be ' +
      'changed to "FORMAT ... ENCODE ..." syntax.'
  ])
})

void t.test('tables without a connector are none of ours', async (t) => {
  const others = [
    'create table t (a int)',
    'create table t (connector int)',
    'create table t (a int) with (fillfactor = 70) -- connector',
    "create table t (a text default 'connector')",
    'create table t as with connector as (select 1) select * from connector',
    'create table t as select (with connector as (select 1) select 1) as connector',
    'create table connector (with_connector int) with (fillfactor = 70)',
    "create table t (a int) with (connector = 'nats",
    'create view v as select 1'
  ]
  for (const sql of others) t.equal(readStatement(sql), undefined, sql)
})
