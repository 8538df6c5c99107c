// docs/SQL-SELECT.md, written from the translator's own tables: what runs locally, over which types,
// and a statement of the differential test that shows it.

import { limits } from '../../src/limits.ts'
import { AGGREGATES } from '../../src/translate/aggregates.ts'
import { CASTS } from '../../src/translate/casts.ts'
import { FUNCTIONS } from '../../src/translate/functions.ts'
import { OPERATORS } from '../../src/translate/operators.ts'
import { ORDERED_SETS } from '../../src/translate/ordered-sets.ts'
import { WINDOW_FUNCTIONS } from '../../src/translate/window-functions.ts'
import { OID } from '../../src/types/oids.ts'
import { translateText } from './both.ts'
import { CLAUSES } from './document-clauses.ts'
import { STATEMENTS } from './statements.ts'

const NAMES = new Map<number, string>(Object.entries(OID).map(([name, oid]) => [oid, name]))
const SQL = STATEMENTS.map((asked) => (typeof asked === 'string' ? asked : asked[0]))

/** Groups that are meant as one are shown as one. */
const FAMILIES: readonly (readonly [name: string, types: string])[] = [
  ['number', 'int2 int4 int8 numeric float4 float8'],
  ['exact number', 'int2 int4 int8 numeric'],
  ['integer', 'int2 int4 int8'],
  ['float', 'float4 float8'],
  ['text', 'text varchar']
]

function typesText(oids: readonly number[]): string {
  const names = new Set(oids.map((oid) => NAMES.get(oid) ?? String(oid)))
  const shown: string[] = []
  for (const [family, members] of FAMILIES) {
    const list = members.split(' ')
    if (!list.every((name) => names.has(name))) continue
    shown.push(family)
    for (const name of list) names.delete(name)
  }
  return [...shown, ...names].join(', ')
}

const escaped = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ')
const code = (text: string): string => `\`${escaped(text.replaceAll(/\s+/g, ' ')).replaceAll('`', "'")}\``

/** The shortest statement that the differential test asks with this in it. */
function shownBy(pattern: RegExp): string {
  const [shortest] = SQL.filter((sql) => pattern.test(sql)).toSorted((a, b) => a.length - b.length)
  return shortest === undefined ? UNSHOWN : code(shortest)
}

/** What a row ends with that no test exercises; there must be none. */
export const UNSHOWN = 'not shown'

const quoted = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
const called = (name: string): RegExp => {
  if (name === 'position' || name === 'extract') return new RegExp(`\\b${name}\\(`, 'i')
  if (name === 'timezone') return /AT TIME ZONE|timezone\(/i
  if (name === 'btrim') return /\bb?trim\(/i
  return new RegExp(`\\b${name}\\(`, 'i')
}

/** How an operator is written in a statement. */
const SPELLED: Readonly<Record<string, RegExp>> = {
  '*': /(?<!SELECT|,) \* (?!FROM)/,
  '~~': / LIKE /,
  '!~~': / NOT LIKE /,
  '~~*': / ILIKE /,
  '!~~*': / NOT ILIKE /,
  'IS DISTINCT FROM': /IS DISTINCT FROM/,
  'IS NOT DISTINCT FROM': /IS NOT DISTINCT FROM/
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...new Set(rows.map(line))].join('\n')
}

const clauses = (): string =>
  table(
    ['clause', 'runs', 'shown by'],
    CLAUSES.map(([clause, sql]) => {
      const translation = translateText(sql)
      return [clause, 'relay' in translation ? `relay: ${translation.relay}` : 'local', code(sql)]
    })
  )

const operators = (): string =>
  table(
    ['operator', 'left', 'right', 'shown by'],
    OPERATORS.flatMap(({ ops, left, right }) =>
      ops.map((op) => [
        code(op),
        typesText(left),
        typesText(right),
        shownBy(SPELLED[op] ?? new RegExp(` ${quoted(op)} `))
      ])
    )
  )

const functions = (): string =>
  table(
    ['function', 'of', 'shown by'],
    FUNCTIONS.map(({ name, takes }) => [
      code(name),
      takes.map(typesText).join(' · '),
      shownBy(called(name))
    ])
  )

const aggregates = (): string =>
  table(
    ['aggregate', 'of', 'shown by'],
    [...AGGREGATES, ...ORDERED_SETS].map(({ name, takes }) => [
      code(name),
      typesText(takes),
      shownBy(called(name))
    ])
  )

const windows = (): string =>
  table(
    ['window function', 'arguments', 'shown by'],
    Object.entries(WINDOW_FUNCTIONS).map(([name, { takes }]) => [
      code(name),
      takes.join(' or '),
      shownBy(called(name))
    ])
  )

const casts = (): string =>
  table(
    ['from', 'to'],
    CASTS.map(({ from, to }) => [typesText(from), typesText(to)])
  )

const HEAD = `# What runs locally

A SELECT over relations alone runs in DuckDB where everything in it is in these tables; what is not is
relayed, and right as well. \`SHOW jetgres.last_route\` tells why, and \`EXPLAIN\` before it is run. This file is written from the
translator's tables (\`UPDATE_DOCS=1 npx tap test/translate/document.test.ts\`); CI checks that it is
current. Every entry is asked of Postgres and of DuckDB by test/translate/differential.test.ts, over
edge values of every type; zones by test/translate/zones.test.ts.

Tables of Postgres's own beside relations are read through the session's own connection, in one
statement, and joined here: ordinary tables and materialized views without children and row-level
security, of up to ${limits.upstreamRowsMax.toLocaleString('en')} rows, where the role may SELECT the whole of them. Other tables
have the statement relayed (test/e2e/mixed.test.ts). What BI tools write is shown by
test/translate/tools.test.ts, TPC-H and ClickBench by test/e2e/analytics.test.ts.

Views are read through their bodies, as the upstream prints them, whoever made them and however they
are nested: with their owners' privileges (\`security_invoker\`: the reader's), and over a view with
\`security_barrier\` nothing runs here that may fail. A view made past jetgres is known a few seconds
later, one that is changed within a second; until then, and where the owner has not SELECT on the whole
of a table, it is relayed (test/e2e/routes.test.ts, test/e2e/privileges.test.ts). A materialized view is
Postgres's own table: it holds what its last REFRESH has read, on every route. Answered from its body it
would say one thing here and another wherever a statement has to be relayed.

Where DuckDB cannot surely give Postgres's answer for some value (before year 1 or after 9999, more
than 38 digits, an overflow), it raises instead, and the statement is relayed.

Of what BI tools write these are still relayed: \`stddev\` and \`variance\` of floats (their digits are
those of Postgres's order of adding).

**One exception.** \`sum\` and \`avg\` of \`double precision\`, and \`avg\` of \`real\`, depend on the order in
which the rows are added, in Postgres too. They run locally and may differ from a sequential sum in the
last digits once a relation has more than some 120,000 rows, as a parallel plan of Postgres's may.
\`SET jetgres.float_aggregates = relay\` has Postgres add them.`

export function document(): string {
  const parts: readonly (readonly [title: string, text: string])[] = [
    ['Clauses', clauses()],
    ['Operators', operators()],
    ['Functions', functions()],
    ['Aggregates', aggregates()],
    ['Window functions', windows()],
    ['Casts', casts()]
  ]
  const sections = parts.map(([title, text]) => `## ${title}\n\n${text}`)
  return `${[HEAD, ...sections].join('\n\n')}\n`
}
