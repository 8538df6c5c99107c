// Goal: ENCODE CSV, TEXT and their older spellings are read as RisingWave reads them, and what is
// wrong with them is told where it stands. Method: tables; ▼ marks where an error must point.

import t from 'tap'

import { loadParser } from '../../src/sql/parser.ts'
import { readStatement } from '../../src/sql/statement.ts'
import type { CreateRelation } from '../../src/sql/create-relation.ts'
import { expectError } from './expect-error.ts'

await loadParser()

const WITH = "WITH (connector='nats', server_url='h:4222', subject='s', stream='st')"
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
  const cases: [string, object][] = [
    ['FORMAT PLAIN ENCODE CSV', csv(',', true)],
    ["FORMAT PLAIN ENCODE CSV (delimiter = ';')", csv(';', true)],
    ["FORMAT PLAIN ENCODE CSV (delimiter = E'\\t', without_header = true)", csv('\t', false)],
    ["FORMAT PLAIN ENCODE CSV (without_header = 'True', delimiter = ',')", csv(',', false)],
    ["FORMAT PLAIN ENCODE CSV (without_header = 'false')", csv(',', true)],
    ["ROW FORMAT CSV WITHOUT HEADER DELIMITED BY ','", csv(',', false)],
    ["ROW FORMAT CSV DELIMITED BY '|'", csv('|', true)]
  ]
  for (const [clause, encoding] of cases) {
    t.same(create(`${CREATE} ${clause}`).encoding, encoding, clause)
  }
  const text = create(`CREATE TABLE t (v int) ${WITH} FORMAT PLAIN ENCODE TEXT`)
  t.same(text.encoding, { format: 'plain', encode: 'text' })
  const upsert = create(`CREATE TABLE t (v int) INCLUDE key ${WITH} FORMAT UPSERT ENCODE TEXT`)
  t.match(upsert.encoding, { format: 'upsert', encode: 'text' })
  t.end()
})

void t.test('what is not known of an encoding is told and ignored', (t) => {
  const { notices } = create(`${CREATE} FORMAT PLAIN ENCODE CSV (quote = '"')`)
  t.same(notices, ['Get unknown format_encode_options for Plain Csv: quote'])
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
    [`${CREATE} ROW FORMAT CSV DELIMITED BY ▼','','`, '22023', delimiter(",',")],
    [`${CREATE} ROW FORMAT CSV WITHOUT HEADER▼`, '42601', 'syntax error at end of input']
  ]
  for (const [sql, code, message] of cases) expectError(t, sql, readStatement, { code, message })
  t.end()
})
