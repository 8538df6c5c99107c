// Goal: ENCODE CSV, TEXT, AVRO and their older spellings are read as RisingWave reads them, and what is
// wrong with them is told where it stands. Method: tables; ▼ marks where an error must point.

import t from 'tap'

import { loadParser } from '../../src/sql/parser.ts'
import { readStatement } from '../../src/sql/statement.ts'
import type { CreateRelation } from '../../src/sql/create-relation.ts'
import { expectError } from './expect-error.ts'

await loadParser()

const WITH = "WITH (connector='nats', server_url='h:4222', subject='s', stream='st')"
const AT = "(schema.location = ' http://h/s ')"
const CREATE = `CREATE TABLE t (a int, b varchar) ${WITH}`

function create(sql: string): CreateRelation {
  const statement = readStatement(sql)
  if (statement?.kind !== 'createRelation') throw new Error(`not ours: ${sql}`)
  return statement
}

void t.test('each spelling means one encoding', (t) => {
  const csv = (delimiter: string, hasHeader: boolean) => ({
    format: 'plain',
    encode: 'csv',
    delimiter,
    hasHeader
  })
  const avro = (framing = 'auto') => ({
    format: 'plain',
    encode: 'avro',
    location: 'http://h/s',
    framing
  })
  const cases: [string, object][] = [
    ['FORMAT PLAIN ENCODE CSV', csv(',', true)],
    ["FORMAT PLAIN ENCODE CSV (delimiter = ';')", csv(';', true)],
    ["FORMAT PLAIN ENCODE CSV (delimiter = E'\\t', without_header = true)", csv('\t', false)],
    ["FORMAT PLAIN ENCODE CSV (without_header = 'True', delimiter = ',')", csv(',', false)],
    ["FORMAT PLAIN ENCODE CSV (without_header = 'false')", csv(',', true)],
    ["ROW FORMAT CSV WITHOUT HEADER DELIMITED BY ','", csv(',', false)],
    ["ROW FORMAT CSV DELIMITED BY '|'", csv('|', true)],
    [`FORMAT PLAIN ENCODE AVRO ${AT}`, avro()],
    [`FORMAT PLAIN ENCODE AVRO (framing = 'Datum', map.handling.mode = 'jsonb', ${AT.slice(1)}`,
      avro('datum')],
    ["ROW FORMAT AVRO ROW SCHEMA LOCATION 'http://h/s'", avro()]
  ]
  for (const [clause, encoding] of cases) {
    t.same(create(`${CREATE} ${clause}`).encoding, encoding, clause)
  }
  const text = create(`CREATE TABLE t (v int) ${WITH} FORMAT PLAIN ENCODE TEXT`)
  t.same(text.encoding, { format: 'plain', encode: 'text' })
  const upsert = create(`CREATE TABLE t (v int) INCLUDE key ${WITH} FORMAT UPSERT ENCODE TEXT`)
  t.match(upsert.encoding, { format: 'upsert', encode: 'text' })
  const older = `CREATE TABLE t INCLUDE key ${WITH} ROW FORMAT UPSERT_AVRO ROW SCHEMA LOCATION 'x'`
  t.match(create(older).encoding, { format: 'upsert', encode: 'avro', location: 'x' })
  t.end()
})

void t.test('what is not known of an encoding is told and ignored', (t) => {
  const { notices } = create(`${CREATE} FORMAT PLAIN ENCODE CSV (quote = '"')`)
  t.same(notices, ['Get unknown format_encode_options for Plain Csv: quote'])
  const text = create(`CREATE TABLE t (v int) ${WITH} FORMAT PLAIN ENCODE TEXT (x = 1)`)
  t.same(text.notices, ['Get unknown format_encode_options for Plain Text: x'])
  const avro = create(`${CREATE} FORMAT PLAIN ENCODE AVRO (message = 'm', schema.location = 'x')`)
  t.same(avro.notices, ['Get unknown format_encode_options for Plain Avro: message'])
  t.end()
})

void t.test('what is wrong is told where it stands', (t) => {
  const delimiter = (value: string): string => `invalid value for option "delimiter": "${value}"`
  const cases: [string, string, string][] = [
    [`${CREATE} FORMAT PLAIN ENCODE CSV (delimiter = ▼'')`, '22023', delimiter('')],
    [`${CREATE} FORMAT PLAIN ENCODE CSV (delimiter = ▼'ab')`, '22023', delimiter('ab')],
    [`${CREATE} FORMAT PLAIN ENCODE CSV (delimiter = ▼'"')`, '22023', delimiter('"')],
    [`${CREATE} FORMAT PLAIN ENCODE CSV (delimiter = ▼'é')`, '22023', delimiter('é')],
    [`${CREATE} FORMAT PLAIN ENCODE CSV (without_header = ▼'yes')`, '22023',
      'invalid value for option "without_header": "yes"'],
    [`${CREATE} FORMAT PLAIN ENCODE TEXT (▼schema.location = 'x')`, '0A000',
      'option "schema.location" is not supported with encode Text'],
    [`CREATE TABLE t (a int, ▼b int) ${WITH} FORMAT PLAIN ENCODE TEXT`, '42P16',
      'ENCODE TEXT only accepts one column'],
    [`CREATE TABLE t ▼INCLUDE key ${WITH} FORMAT PLAIN ENCODE TEXT`, '42P16',
      'ENCODE TEXT only accepts one column'],
    [`CREATE TABLE t ▼${WITH} FORMAT PLAIN ENCODE CSV`, '42601', 'schema definition is required'],
    [`${CREATE} FORMAT PLAIN ENCODE ▼AVRO`, '22023',
      'missing either a schema location or a schema registry'],
    [`${CREATE} FORMAT PLAIN ENCODE AVRO (▼schema.registry = 'http://r')`, '0A000',
      'The connector must be kafka when schema registry is used'],
    [`${CREATE} FORMAT PLAIN ENCODE AVRO (schema.location = 's3://b/k', ▼access_key = 'secret')`,
      '0A000', 'option "access_key" is not supported with encode Avro'],
    [`${CREATE} FORMAT PLAIN ENCODE AVRO (schema.location = 'x', framing = ▼'ocf')`, '22023',
      'invalid value for option "framing": "ocf"'],
    [`CREATE TABLE t (*, ▼a int) ${WITH} FORMAT PLAIN ENCODE AVRO ${AT}`, '0A000',
      'Only generated columns are allowed beside the wildcard *'],
    [`${CREATE} ROW FORMAT CSV DELIMITED BY ▼','','`, '22023', delimiter(",',")],
    [`${CREATE} ROW FORMAT CSV WITHOUT HEADER▼`, '42601', 'syntax error at end of input']
  ]
  for (const [sql, code, message] of cases) expectError(t, sql, readStatement, { code, message })
  t.end()
})
