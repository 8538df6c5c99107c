// Goal: INCLUDE and ENCODE BYTES give the columns, twins and errors that RisingWave's rules and ours
// ask for. Method: tables; ▼ marks where an error must point.

import t from 'tap'
import { loadParser } from '../../src/sql/parser.ts'
import { readStatement } from '../../src/sql/statement.ts'
import { expectError } from './expect-error.ts'
import type { CreateRelation } from '../../src/sql/create-relation.ts'

await loadParser()

const WITH = "WITH (connector='nats', server_url='h:4222', subject='s', stream='st')"
const TAIL = `${WITH} FORMAT PLAIN ENCODE JSON`
const BYTES = `${WITH} FORMAT PLAIN ENCODE BYTES`

function create(sql: string): CreateRelation {
  const statement = readStatement(sql)
  if (statement?.kind !== 'createRelation') throw new Error(`not ours: ${sql}`)
  return statement
}

void t.test('each INCLUDE is a column of its type behind the listed ones', async (t) => {
  const text = (name: string) => `"${name}" varchar COLLATE "C"`
  const cases: [string, string][] = [
    ['INCLUDE partition', text('_rw_nats_partition')],
    ['INCLUDE offset', text('_rw_nats_offset')],
    ['INCLUDE payload', '"_rw_nats_payload" jsonb'],
    ['INCLUDE subject', text('_rw_nats_subject')],
    ['include SUBJECT as Place', text('place')],
    ['INCLUDE subject AS "Pl""ace"', text('Pl""ace')],
    ['INCLUDE header', '"_rw_nats_header" jsonb'],
    ["INCLUDE header 'Trace-Id'", text('_rw_nats_header_Trace-Id')],
    ["INCLUDE header 'h' VARCHAR", text('_rw_nats_header_h_varchar')],
    ["INCLUDE header 'h' bytea", '"_rw_nats_header_h_bytea" bytea'],
    ["INCLUDE header E'h' bytea AS b", '"b" bytea'],
    ['INCLUDE timestamp', '"_rw_nats_timestamp" timestamptz'],
    ['INCLUDE sequence AS seq', '"seq" bigint'],
    ['INCLUDE key AS k', text('k')],
    ['INCLUDE subject AS a INCLUDE key AS b', `${text('b')}, ${text('a')}`],
    ['INCLUDE subject AS a, INCLUDE key AS b', `${text('b')}, ${text('a')}`]
  ]
  for (const [clauses, columns] of cases) {
    const listed = create(`CREATE TABLE t (x int) ${clauses} ${TAIL}`)
    t.equal(listed.twinSql, `CREATE TABLE t (x int, ${columns})`, clauses)
    const alone = create(`CREATE TABLE t ${clauses} ${TAIL}`)
    t.equal(alone.twinSql, `CREATE TABLE t (${columns})`, `${clauses} alone`)
  }
})

void t.test('the encoding says what the columns hold', async (t) => {
  const { encoding, columns } = create(
    `CREATE TABLE t (x int) INCLUDE header 'H' AS h INCLUDE payload AS p ${TAIL}`
  )
  t.strictSame(encoding, {
    format: 'plain',
    encode: 'json',
    timestamptzHandling: 'guess_number_unit',
    included: [
      { column: 'p', field: 'payload' },
      { column: 'h', field: 'header', header: 'H' }
    ]
  })
  t.same(columns.map(({ name }) => name), ['x', 'p', 'h'])
})

void t.test('included columns may be the key', async (t) => {
  const { twinSql, key } = create(
    `CREATE TABLE t (v int, PRIMARY KEY (seq, v)) INCLUDE sequence AS seq ${TAIL}`
  )
  t.equal(twinSql, 'CREATE TABLE t (v int, PRIMARY KEY (seq, v), "seq" bigint)')
  t.same(key, ['seq', 'v'])
  t.same(create(`CREATE TABLE t (PRIMARY KEY (k)) INCLUDE key AS k ${TAIL}`).key, ['k'])
})

void t.test('ENCODE BYTES takes one bytea and whatever is included', async (t) => {
  const { twinSql, encoding } = create(`CREATE SOURCE s (id bytea) INCLUDE subject AS p ${BYTES}`)
  t.equal(twinSql, 'CREATE TABLE s (id bytea, "p" varchar COLLATE "C")')
  t.strictSame(encoding, {
    format: 'plain',
    encode: 'bytes',
    included: [{ column: 'p', field: 'subject' }]
  })
  const old = create(`CREATE TABLE t (b pg_catalog.bytea) ${WITH} ROW FORMAT BYTES`)
  t.strictSame(old.encoding, { format: 'plain', encode: 'bytes' })
  t.match(old.notices, [/ROW FORMAT/])
  t.match(create(`CREATE TABLE t (b bytea) ${BYTES} (x = 1)`).notices, [
    'Get unknown format_encode_options for Plain Bytes: x'
  ])
})

void t.test('what cannot be included says so, and where', async (t) => {
  const ACCEPTED = 'partition, offset, payload, subject, header, timestamp, sequence, key'
  const ONE_BYTEA = 'ENCODE BYTES only accepts one BYTEA type column'
  const cases: [string, string, string][] = [
    [`CREATE TABLE t (a int) INCLUDE ▼topic ${TAIL}`, '0A000',
      'additional column type topic is not supported for connector nats, ' +
        `acceptable column types: {${ACCEPTED}}`],
    [`CREATE TABLE t (a int) INCLUDE ▼WITH (connector = 'nats')`, '0A000',
      'additional column type with is not supported for connector nats, ' +
        `acceptable column types: {${ACCEPTED}}`],
    [`CREATE TABLE t (a int) INCLUDE subject ▼'x' ${TAIL}`, '0A000',
      'INCLUDE subject takes no name of a header'],
    [`CREATE TABLE t (a int) INCLUDE header ▼'' ${TAIL}`, '42601',
      "syntax error at or near \"''\""],
    [`CREATE TABLE t (a int) INCLUDE header 'x' ▼int ${TAIL}`, '42601',
      'syntax error at or near "int"'],
    [`CREATE TABLE t (a int) INCLUDE ▼header '${'x'.repeat(60)}' ${TAIL}`, '22023',
      `column name "_rw_nats_header_${'x'.repeat(60)}" is too long`],
    [`CREATE TABLE t (a int) INCLUDE subject AS ▼select ${TAIL}`, '42601',
      'syntax error at or near "select"'],
    [`CREATE TABLE t (a int) INCLUDE key AS ▼a ${TAIL}`, '42701',
      'column "a" specified more than once'],
    [`CREATE TABLE t (a int) INCLUDE ▼key INCLUDE key ${TAIL}`, '42701',
      'column "_rw_nats_key" specified more than once'],
    [`CREATE TABLE t (PRIMARY KEY (▼j)) INCLUDE key AS k ${TAIL}`, '42703',
      'column "j" named in key does not exist'],
    [`CREATE TABLE t (b bytea) INCLUDE ▼payload ${BYTES}`, '0A000',
      'INCLUDE payload is only allowed when using ENCODE JSON, but got ENCODE BYTES'],
    [`CREATE TABLE t (▼b int) ${BYTES}`, '42P16', ONE_BYTEA],
    [`CREATE TABLE t (▼b bytea[]) ${BYTES}`, '42P16', ONE_BYTEA],
    [`CREATE TABLE t (b bytea, ▼c bytea) ${BYTES}`, '42P16', ONE_BYTEA],
    [`CREATE TABLE t ▼INCLUDE key ${BYTES}`, '42P16', ONE_BYTEA],
    [`CREATE TABLE t (▼*) ${BYTES}`, '0A000', 'Wildcard in user-defined schema is only allowed ' +
        'when there exists columns from external schema']
  ]
  for (const [sql, code, message] of cases) expectError(t, sql, readStatement, { code, message })
})

void t.test('FORMAT UPSERT has a key that needs no payload', async (t) => {
  const UPSERT = `${WITH} FORMAT UPSERT ENCODE JSON`
  const K = '"k" varchar COLLATE "C"'
  const cases: [string, string, string[]][] = [
    ['(v int, PRIMARY KEY (k)) INCLUDE key AS k', `v int, PRIMARY KEY (k), ${K}`, ['k']],
    ['(v int) INCLUDE key AS k', `v int, ${K}, PRIMARY KEY ("k")`, ['k']],
    ['INCLUDE subject AS k, INCLUDE key AS j',
      `"j" varchar COLLATE "C", ${K}, PRIMARY KEY ("j")`, ['j']],
    ["(v int, PRIMARY KEY (h, s)) INCLUDE subject AS s INCLUDE header 'h' AS h",
      'v int, PRIMARY KEY (h, s), "h" varchar COLLATE "C", "s" varchar COLLATE "C"', ['h', 's']]
  ]
  for (const [clauses, columns, key] of cases) {
    const relation = create(`CREATE TABLE t ${clauses} ${UPSERT}`)
    t.equal(relation.twinSql, `CREATE TABLE t (${columns})`, clauses)
    t.same(relation.key, key, clauses)
    t.match(relation.encoding, { format: 'upsert', encode: 'json' })
  }
  for (const list of ['(v int)', '(v int, PRIMARY KEY (k))']) {
    const source = create(`CREATE SOURCE s ${list} INCLUDE key AS k ${UPSERT}`)
    t.equal(source.twinSql, `CREATE TABLE s (v int, ${K}, PRIMARY KEY ("k"))`)
    t.same(source.notices, [], 'its key is one')
  }
  const bytes = create(`CREATE TABLE t (b bytea) INCLUDE key ${WITH} FORMAT UPSERT ENCODE BYTES`)
  t.match(bytes.encoding, { format: 'upsert', encode: 'bytes' })
  const old = create(`CREATE TABLE t (v int) INCLUDE key ${WITH} ROW FORMAT UPSERT_JSON`)
  t.match(old.encoding, { format: 'upsert', encode: 'json' })
  const REQUIRED = 'FORMAT UPSERT requires a primary key of included columns'
  const faults: [string, string, string][] = [
    [`CREATE TABLE t ▼(v int) ${UPSERT}`, '42P16', REQUIRED],
    [`CREATE TABLE t (▼v int PRIMARY KEY) ${UPSERT}`, '42P16', REQUIRED],
    [`CREATE TABLE t (v int, PRIMARY KEY (k, ▼v)) INCLUDE key AS k ${UPSERT}`, '42P16', REQUIRED],
    [`CREATE TABLE t (v int, PRIMARY KEY (▼q)) INCLUDE sequence AS q ${UPSERT}`, '42P16', REQUIRED],
    [`CREATE SOURCE s (▼v int PRIMARY KEY) ${UPSERT}`, '42P16', REQUIRED],
    [`CREATE TABLE t (v int) INCLUDE key ${WITH} FORMAT UPSERT ENCODE ▼PARQUET`, '0A000',
      'connector nats does not support format Upsert with encode Parquet']
  ]
  for (const [sql, code, message] of faults) expectError(t, sql, readStatement, { code, message })
})
