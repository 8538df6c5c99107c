// Goal: ENCODE PROTOBUF and ROW FORMAT PROTOBUF are read as RisingWave reads them, and the columns of
// a schema take their place in the twin. Method: tables; ▼ marks where an error must point.

import t from 'tap'
import { loadParser } from '../../src/sql/parser.ts'
import { readStatement } from '../../src/sql/statement.ts'
import { OID } from '../../src/types/oids.ts'
import { expectError } from './expect-error.ts'
import type { CreateRelation } from '../../src/sql/create-relation.ts'
import type { ColumnFacts } from '../../src/sql/relation-columns.ts'
import type { PayloadColumn } from '../../src/types/connector.ts'

await loadParser()

const WITH = "WITH (connector='nats', server_url='h:4222', subject='s', stream='st')"
const OPTIONS = "(message = '.p.M', schema.location = 'http://h/s')"
const TAIL = `${WITH} FORMAT PLAIN ENCODE PROTOBUF ${OPTIONS}`

const OFFERED: readonly PayloadColumn[] = [
  { name: 'id', type: 'bigint', oids: [OID.int8] },
  { name: 'na"me', type: 'varchar', oids: [OID.varchar] },
  { name: 'tags', type: 'varchar[]', oids: [1015] }
]
const COLUMNS =
  '"id" bigint, "na""me" varchar COLLATE "C", "tags" varchar[] COLLATE "C"'

function create(sql: string): CreateRelation {
  const statement = readStatement(sql)
  if (statement?.kind !== 'createRelation') throw new Error(`not ours: ${sql}`)
  return statement
}

function completed(sql: string): ColumnFacts {
  const { schema } = create(sql)
  if (!schema) throw new Error(`no schema: ${sql}`)
  return schema.complete(OFFERED)
}

void t.test("the documentation's example of today becomes a relation", async (t) => {
  const { encoding, twinSql, schema, options } = create(`
    CREATE TABLE live_stream_metrics
    WITH (
    connector = 'nats',
    server_url = 'nats-server:4222',
    subject = 'live_stream_metrics',
    stream = 'risingwave',
    connect_mode = 'plain'
    ) FORMAT PLAIN ENCODE PROTOBUF (
    message = 'livestream.schema.LiveStreamMetrics',
    schema.location = 'http://file_server:8080/schema'
    );`)
  t.strictSame(encoding, {
    format: 'plain',
    encode: 'protobuf',
    message: 'livestream.schema.LiveStreamMetrics',
    location: 'http://file_server:8080/schema'
  })
  t.equal(twinSql, 'CREATE TABLE live_stream_metrics ()')
  t.equal(options.length, 5)
  t.equal(schema?.complete(OFFERED).twinSql, `CREATE TABLE live_stream_metrics (${COLUMNS})`)
})

void t.test('the older ROW FORMAT PROTOBUF is taken with a notice', async (t) => {
  const { encoding, notices } = create(
    `CREATE TABLE t (a int) ${WITH} ROW FORMAT PROTOBUF MESSAGE '.M' ROW SCHEMA LOCATION 'file:///x'`
  )
  t.strictSame(encoding, {
    format: 'plain',
    encode: 'protobuf',
    message: 'M',
    location: 'file:///x'
  })
  t.match(notices, [/ROW FORMAT/])
})

void t.test('a schema brings the columns where none are listed', async (t) => {
  const NOTICE = [/Neither wildcard/]
  const cases: [string, string, RegExp[]][] = [
    ['', COLUMNS, []],
    ['()', COLUMNS, NOTICE],
    ['(*)', COLUMNS, []],
    ['(PRIMARY KEY (id))', `${COLUMNS}, PRIMARY KEY (id)`, NOTICE],
    ['(*, PRIMARY KEY (id))', `${COLUMNS}, PRIMARY KEY (id)`, []],
    ['(PRIMARY KEY (s, id), *) INCLUDE subject AS s',
      `${COLUMNS}, PRIMARY KEY (s, id), "s" varchar COLLATE "C"`, []],
    ['INCLUDE sequence AS q', `${COLUMNS}, "q" bigint`, []]
  ]
  for (const [list, columns, notices] of cases) {
    const facts = completed(`CREATE TABLE t ${list} ${TAIL}`)
    t.equal(facts.twinSql, `CREATE TABLE t (${columns})`, list)
    t.match(facts.notices, notices, list)
    t.equal(facts.notices.length, notices.length, list)
  }
  const source = completed(`CREATE SOURCE s (*, PRIMARY KEY (id)) ${TAIL}`)
  t.equal(source.twinSql, `CREATE TABLE s (${COLUMNS})`)
})

void t.test('listed columns are those there are', async (t) => {
  const { twinSql, columns, key } = completed(
    `CREATE TABLE t (tags text[], id bigint PRIMARY KEY) INCLUDE key AS k ${TAIL}`
  )
  t.equal(
    twinSql,
    'CREATE TABLE t (tags text[] COLLATE "C", id bigint PRIMARY KEY, "k" varchar COLLATE "C")'
  )
  t.same(columns.map(({ name }) => name), ['tags', 'id', 'k'])
  t.same(key, ['id'])
})

void t.test('what does not fit the schema says where', async (t) => {
  const cases: [string, string, string, RegExp?][] = [
    [`CREATE TABLE t (id bigint, ▼nam varchar) ${TAIL}`, '42703',
      'Column "nam" is defined in SQL but not found in the source', /id, na"me, tags/],
    [`CREATE TABLE t (▼ID2 bigint) ${TAIL}`, '42703',
      'Column "id2" is defined in SQL but not found in the source'],
    [`CREATE TABLE t (*, PRIMARY KEY (▼x)) ${TAIL}`, '42703',
      'column "x" named in key does not exist'],
    [`CREATE TABLE t (id bigint, PRIMARY KEY (▼tags)) ${TAIL}`, '42703',
      'column "tags" named in key does not exist'],
    [`CREATE TABLE t (*) INCLUDE key AS ▼id ${TAIL}`, '42701',
      'column "id" specified more than once']
  ]
  for (const [sql, code, message, hint] of cases) {
    expectError(t, sql, completed, { code, message, ...(hint ? { hint } : {}) })
  }
})

void t.test('faults of the clause carry their code, message and place', async (t) => {
  const PROTO = `CREATE TABLE t ${WITH} FORMAT PLAIN ENCODE`
  const ROW = `CREATE TABLE t ${WITH} ROW FORMAT PROTOBUF`
  const LOCATION = "schema.location = 'http://h/s'"
  const REGISTRY = 'The connector must be kafka when schema registry is used'
  const cases: [string, string, string][] = [
    [`${PROTO} ▼PROTOBUF`, '22023', 'missing either a schema location or a schema registry'],
    [`${PROTO} ▼PROTOBUF (message = 'm')`, '22023',
      'missing either a schema location or a schema registry'],
    [`${PROTO} ▼PROTOBUF (${LOCATION})`, '22023', 'missing field message in options'],
    [`${PROTO} PROTOBUF (message = 'm', ▼schema.registry = 'http://h')`, '0A000', REGISTRY],
    [`${PROTO} PROTOBUF (message = 'm', ${LOCATION}, ▼schema.registry = 'http://h')`, '22023',
      'only need either the schema location or the schema registry'],
    [`${PROTO} PROTOBUF (message = 'm', ${LOCATION}, ▼key.message = 'k')`, '0A000',
      'option "key.message" is not supported with encode Protobuf'],
    [`${PROTO} PROTOBUF (message = 'm', ${LOCATION}, ▼secret_key = 'k')`, '0A000',
      'option "secret_key" is not supported with encode Protobuf'],
    [`${PROTO} PROTOBUF (message = ▼'..m', ${LOCATION})`, '22023', 'invalid message name "..m"'],
    [`${PROTO} PROTOBUF (message = ▼'a b', ${LOCATION})`, '22023', 'invalid message name "a b"'],
    [`${ROW} ▼x`, '42601', 'syntax error at or near "x"'],
    [`${ROW} MESSAGE ▼x`, '42601', 'syntax error at or near "x"'],
    [`${ROW} MESSAGE 'x' ROW SCHEMA LOCATION ▼CONFLUENT SCHEMA REGISTRY 'u'`, '0A000', REGISTRY],
    [`${ROW} MESSAGE 'x' ROW SCHEMA LOCATION▼`, '42601', 'syntax error at end of input'],
    [`CREATE TABLE t (*, ▼a int) ${TAIL}`, '0A000',
      'Only generated columns are allowed beside the wildcard *'],
    [`CREATE TABLE t INCLUDE ▼payload ${TAIL}`, '0A000',
      'INCLUDE payload is only allowed when using ENCODE JSON, but got ENCODE PROTOBUF']
  ]
  for (const [sql, code, message] of cases) expectError(t, sql, readStatement, { code, message })
  const { notices } = create(
    `CREATE TABLE t ${WITH} FORMAT PLAIN ENCODE PROTOBUF
     (message = 'm', ${LOCATION}, messages_as_jsonb = 'p.A', x = 1)`
  )
  t.same(notices, ['Get unknown format_encode_options for Plain Protobuf: x'])
})
