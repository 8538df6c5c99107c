// Goal: APPEND ONLY, ON CONFLICT and WITH VERSION COLUMN mean what RisingWave's rules say.
// Method: tables; ▼ marks where an error must point.

import t from 'tap'
import { loadParser } from '../../src/sql/parser.ts'
import { readStatement } from '../../src/sql/statement.ts'
import { expectError } from './expect-error.ts'
import type { CreateRelation } from '../../src/sql/create-relation.ts'

await loadParser()

const WITH = "WITH (connector='nats', server_url='h:4222', subject='s', stream='st')"
const TAIL = `${WITH} FORMAT PLAIN ENCODE JSON`
const KEYED = 'CREATE TABLE t (a int PRIMARY KEY, v int)'

function create(sql: string): CreateRelation {
  const statement = readStatement(sql)
  if (statement?.kind !== 'createRelation') throw new Error(`not ours: ${sql}`)
  return statement
}

void t.test('the clauses say which delivery of a key is the row', async (t) => {
  const cases: [string, string, string[]?][] = [
    [KEYED, 'replace'],
    [`${KEYED} ON CONFLICT DO UPDATE FULL`, 'replace'],
    [`${KEYED} ON CONFLICT OVERWRITE`, 'replace'],
    [`${KEYED} ON CONFLICT DO NOTHING`, 'keepFirst'],
    [`${KEYED} ON CONFLICT IGNORE INCLUDE subject`, 'keepFirst'],
    [`${KEYED} APPEND ONLY`, 'keepFirst'],
    [`${KEYED} APPEND ONLY ON CONFLICT DO NOTHING`, 'keepFirst'],
    [`${KEYED} ON CONFLICT DO UPDATE IF NOT NULL`, 'merge'],
    [`${KEYED} WITH VERSION COLUMN (v)`, 'replace', ['v']],
    [`${KEYED} WITH VERSION COLUMN (v, a)`, 'replace', ['v', 'a']],
    [`${KEYED} ON CONFLICT DO UPDATE FULL WITH VERSION COLUMN (v)`, 'replace', ['v']],
    ['CREATE TABLE t (a int) APPEND ONLY', 'keepFirst']
  ]
  for (const [sql, onConflict, versions = []] of cases) {
    const relation = create(`${sql} ${TAIL}`)
    t.equal(relation.onConflict, onConflict, sql)
    t.same(relation.versions.map(({ name }) => name), versions, sql)
    t.same(relation.notices, [], sql)
  }
  const { versions } = create(
    `CREATE TABLE t (a int PRIMARY KEY) WITH VERSION COLUMN (at) INCLUDE timestamp AS at ${TAIL}`
  )
  t.match(versions, [{ name: 'at' }], 'an included column')
  t.same(create(`CREATE TABLE t (a int) ON CONFLICT DO NOTHING ${TAIL}`).notices, [
    'ON CONFLICT has no effect without a primary key'
  ])
})

void t.test('what does not go together says so, and where', async (t) => {
  const OF_TABLE = 'is not supported in a relation with a connector'
  const ALWAYS = 'FORMAT UPSERT always replaces the row of a key'
  const UPSERT = `INCLUDE key AS k ${WITH} FORMAT UPSERT ENCODE JSON`
  const cases: [string, string, string][] = [
    [`${KEYED} APPEND ONLY ▼ON CONFLICT DO UPDATE FULL ${TAIL}`, '42P16',
      'When PRIMARY KEY constraint applied to an APPEND ONLY table, ON CONFLICT behavior must be ' +
        'DO NOTHING.'],
    [`${KEYED} APPEND ONLY ▼ON CONFLICT DO UPDATE IF NOT NULL ${TAIL}`, '42P16',
      'When PRIMARY KEY constraint applied to an APPEND ONLY table, ON CONFLICT behavior must be ' +
        'DO NOTHING.'],
    [`${KEYED} ON CONFLICT DO UPDATE IF NOT NULL WITH VERSION COLUMN (▼v) ${TAIL}`, '42P16',
      'WITH VERSION COLUMN needs ON CONFLICT DO UPDATE FULL'],
    [`${KEYED} ON CONFLICT ▼(a) DO NOTHING ${TAIL}`, '42601', 'syntax error at or near "("'],
    [`${KEYED} ON CONFLICT DO UPDATE ▼SET ${TAIL}`, '42601', 'syntax error at or near "SET"'],
    [`${KEYED} ON CONFLICT DO NOTHING WITH VERSION COLUMN (▼v) ${TAIL}`, '42P16',
      'WITH VERSION COLUMN needs ON CONFLICT DO UPDATE FULL'],
    [`${KEYED} WITH VERSION COLUMN (▼x) ${TAIL}`, '42703',
      'column "x" named in version column does not exist'],
    [`${KEYED} WITH VERSION COLUMN (v, ▼v) ${TAIL}`, '42701',
      'column "v" specified more than once'],
    [`${KEYED} WITH VERSION COLUMN (v, ▼x) ${TAIL}`, '42703',
      'column "x" named in version column does not exist'],
    [`${KEYED} WITH VERSION COLUMN (▼) ${TAIL}`, '42601', 'syntax error at or near ")"'],
    [`${KEYED} ON CONFLICT DO UPDATE IF ▼NULL ${TAIL}`, '42601', 'syntax error at or near "NULL"'],
    [`CREATE TABLE t (a int) WITH VERSION COLUMN (▼a) ${TAIL}`, '42P16',
      'WITH VERSION COLUMN needs a primary key'],
    [`CREATE SOURCE s (a int) ▼APPEND ONLY ${TAIL}`, '0A000', `APPEND ONLY ${OF_TABLE}`],
    [`CREATE SOURCE s (a int) ▼ON CONFLICT DO NOTHING ${TAIL}`, '0A000',
      `ON CONFLICT ${OF_TABLE}`],
    [`CREATE TABLE t ▼(v int) ON CONFLICT DO NOTHING ${UPSERT}`, '0A000', ALWAYS],
    [`CREATE TABLE t ▼(v int) ON CONFLICT DO UPDATE IF NOT NULL ${UPSERT}`, '0A000', ALWAYS],
    [`CREATE TABLE t (v int) WITH VERSION COLUMN (▼v) ${UPSERT}`, '0A000', ALWAYS]
  ]
  for (const [sql, code, message] of cases) expectError(t, sql, readStatement, { code, message })
})
