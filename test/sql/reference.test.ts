// Goal: what RisingWave's grammar and options lay down is so for every one of them: the order of the
// clauses, each format and encoding, each option's values. Method: tables over the whole of each list,
// not over examples; ▼ marks where an error must point.

import t from 'tap'

import { OPTIONS } from '../../src/sql/option-table.ts'
import type { OptionKind } from '../../src/sql/option-table.ts'
import { loadParser } from '../../src/sql/parser.ts'
import { readStatement } from '../../src/sql/statement.ts'
import { expectError } from './expect-error.ts'

await loadParser()

const OPTIONS_GIVEN = "connector='nats', server_url='h:4222', subject='s', stream='st'"
const WITH = `WITH (${OPTIONS_GIVEN})`
const CREATE = 'CREATE TABLE t (a int PRIMARY KEY)'

/** The clauses in RisingWave's order; each may be left out but the last two. */
const CLAUSES = [
  'ON CONFLICT DO UPDATE FULL',
  'WITH VERSION COLUMN (a)',
  'INCLUDE subject',
  WITH,
  'FORMAT PLAIN ENCODE JSON'
]

void t.test('the clauses have one order', (t) => {
  t.equal(readStatement(`${CREATE} ${CLAUSES.join(' ')}`)?.kind, 'createRelation')
  for (let i = 0; i + 1 < CLAUSES.length; i++) {
    const swapped = [...CLAUSES]
    swapped.splice(i, 2, CLAUSES[i + 1]!, CLAUSES[i]!)
    const text = `${CREATE} ${swapped.join(' ')}`
    t.throws(() => readStatement(text), { code: /^42601$|^0A000$/, position: Number }, text)
  }
  const sql = `${CREATE} ${WITH} ▼INCLUDE subject FORMAT PLAIN ENCODE JSON`
  expectError(t, sql, readStatement, {
    code: '42601',
    message: 'syntax error at or near "INCLUDE"'
  })
  t.end()
})

const RELATION = 'is not supported in a relation with a connector'

void t.test('each clause that a relation cannot have is refused by its name', (t) => {
  const cases: [string, string][] = [
    ['▼USING heap', 'an access method'],
    ['▼ON COMMIT DROP', 'ON COMMIT'],
    ['▼TABLESPACE x', 'TABLESPACE'],
    ['▼VALIDATE', 'VALIDATE'],
    ['▼INHERITS (x)', 'INHERITS'],
    ['▼PARTITION BY LIST (a)', 'PARTITION BY'],
    ['▼FROM src TABLE \'x\'', 'CREATE TABLE … FROM source'],
    ['▼AS SELECT 1', 'CREATE TABLE AS'],
    ['▼ENGINE = iceberg', 'ENGINE']
  ]
  const tail = 'FORMAT PLAIN ENCODE JSON'
  for (const [clause, name] of cases) {
    const facts = { code: '0A000', message: `${name} ${RELATION}` }
    const sql = `${CREATE} ${clause} ${WITH} ${tail}`
    expectError(t, sql, readStatement, facts)
    expectError(t, `${CREATE} ${WITH} ${clause} ${tail}`, readStatement, facts)
    expectError(t, `${CREATE} ${WITH} ${tail} ${clause}`, readStatement, facts)
  }
  t.end()
})

void t.test('each format and encoding that is not read is refused in its own name', (t) => {
  const formats = { DEBEZIUM: 'Debezium', DEBEZIUM_MONGO: 'DebeziumMongo', MAXWELL: 'Maxwell',
    CANAL: 'Canal', NATIVE: 'Native', NONE: 'None' }
  for (const [word, title] of Object.entries(formats)) {
    const message = `connector nats does not support format ${title}`
    const sql = `${CREATE} ${WITH} FORMAT ▼${word} ENCODE JSON`
    expectError(t, sql, readStatement, { code: '0A000', message, hint: /PLAIN or UPSERT/ })
  }
  for (const title of ['Parquet', 'Template', 'Native', 'None']) {
    const message = `connector nats does not support format Plain with encode ${title}`
    const sql = `${CREATE} ${WITH} FORMAT PLAIN ENCODE ▼${title.toUpperCase()}`
    expectError(t, sql, readStatement, { code: '0A000', message, hint: /CSV or TEXT/ })
  }
  for (const word of ['MAXWELL', 'CANAL_JSON', 'DEBEZIUM_JSON', 'DEBEZIUM_MONGO_JSON', 'NATIVE']) {
    const message = `row format ${word} is not supported`
    expectError(t, `${CREATE} ${WITH} ROW FORMAT ▼${word}`, readStatement, { code: '0A000', message })
  }
  t.end()
})

const VALUES: Readonly<Record<OptionKind, { good: string[]; bad: string[] }>> = {
  string: { good: [], bad: [] },
  boolean: { good: ["'true'", 'false', "'True'"], bad: ["'1'", "'on'", "''"] },
  integer: { good: ["'7'", '7', '-1'], bad: ["'1.5'", "'x'", "''", '1e3', "'12345678901234567890'"] },
  natural: { good: ["'7'", '0'], bad: ['-1', "'1.5'", "'x'", "''"] },
  naturals: { good: ["'2,10,15'", "'2'"], bad: ["'2,'", "'-1'", "'x'", "''"] },
  ackPolicy: { good: ["'none'", "'All'", "'explicit'"], bad: ["'any'", "''"] },
  replayPolicy: { good: ["'instant'", "'Original'"], bad: ["'fast'", "''"] },
  wait: { good: ["'caught_up'", "'None'"], bad: ["'forever'", "''"] }
}

/** Their own tests say what they need beside them. */
const NEEDS_OTHERS = new Set(['scan.startup.timestamp.millis'])

void t.test('each option takes the values of its kind and no other', (t) => {
  for (const [key, { kind, aliases, misspellings, hasEffect }] of Object.entries(OPTIONS)) {
    for (const spelling of [key, ...aliases, ...misspellings, `nats.${key}`]) {
      const create = (value: string): string =>
        `${CREATE} WITH (${OPTIONS_GIVEN}, ${spelling} = ▼${value}) FORMAT PLAIN ENCODE JSON`
      for (const value of VALUES[kind].bad) {
        const message = `invalid value for option "${spelling}": "${value.replaceAll("'", '')}"`
        expectError(t, create(value), readStatement, { code: '22023', message, hint: /^Expected/ })
      }
      if (NEEDS_OTHERS.has(key)) continue
      for (const value of VALUES[kind].good) {
        const read = readStatement(create(value).replace('▼', ''))
        const notices = read?.kind === 'createRelation' ? read.notices : []
        const saysNothing = !notices.some((text) => /^option ".*" has no effect$/.test(text))
        t.equal(saysNothing, hasEffect, `${spelling} = ${value}: ${notices.join()}`)
        const isMisspelt = notices.includes(`option "${spelling}" is taken as "${key}"`)
        t.equal(isMisspelt, spelling !== key && !aliases.includes(spelling), spelling)
      }
    }
  }
  t.end()
})

void t.test('a connection object is none of NATS', (t) => {
  const sql = `${CREATE} WITH (${OPTIONS_GIVEN}, ▼connection = 'c') FORMAT PLAIN ENCODE JSON`
  expectError(t, sql, readStatement, { code: 'HV00D', message: 'invalid option "connection"' })
  t.end()
})
