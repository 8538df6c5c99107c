// Goal: the grammar we run (libpg-query, Postgres 18) and an independent build of it
// (pg-query-emscripten, Postgres 16) agree on ordinary SQL, and our own scans agree with both.
// Method: one statement a line in ordinary-statements.sql, and broken ones here. The other parser
// breaks after some 1,750 parses of one instance: the corpus stays far below.

import { readFileSync } from 'node:fs'
import PgQuery from 'pg-query-emscripten'
import t from 'tap'
import { PgError } from '../../src/errors.ts'
import { startsIntercepted } from '../../src/sql/classify.ts'
import { loadParser, parseSql } from '../../src/sql/parser.ts'
import { splitStatements } from '../../src/sql/split.ts'
import { readStatement } from '../../src/sql/statement.ts'

await loadParser()
const other = await new PgQuery()
const corpus = readFileSync(new URL('ordinary-statements.sql', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')

interface Verdict {
  readonly kinds: readonly string[]
  readonly error: string | undefined
}

function ours(sql: string): Verdict {
  try {
    return { kinds: parseSql(sql).map(({ node }) => Object.keys(node)[0]!), error: undefined }
  } catch (error) {
    if (!(error instanceof PgError)) throw error
    return { kinds: [], error: `${error.message} at ${error.position}` }
  }
}

function theirs(sql: string): Verdict {
  const { parse_tree: tree, error } = other.parse(sql)
  if (error) return { kinds: [], error: `${error.message} at ${error.cursorpos}` }
  return { kinds: (tree.stmts ?? []).map(({ stmt }) => Object.keys(stmt)[0]!), error: undefined }
}

void t.test('both grammars parse every ordinary statement to the same kind', async (t) => {
  t.ok(corpus.length >= 200)
  for (const sql of corpus) {
    const verdict = ours(sql)
    t.equal(verdict.error, undefined, sql)
    t.equal(verdict.kinds.length, 1, sql)
    t.strictSame(theirs(sql), verdict, sql)
  }
})

void t.test('both grammars find the same fault at the same place', async (t) => {
  const broken = [
    'selec 1',
    'select 1 from from t',
    "select 'é😀' from where",
    'select (1',
    "select 'abc",
    'select 1; select +',
    'create source s (a int)',
    "create table t (a int) with (connector = 'nats') format plain encode json",
    'show sources from',
    'describe t'
  ]
  for (const sql of broken) {
    const verdict = ours(sql)
    t.type(verdict.error, 'string', sql)
    t.strictSame(theirs(sql), verdict, sql)
  }
})

void t.test('neighbours in one text are split into themselves', async (t) => {
  const bare = corpus.map((sql) => sql.replace(/;$/, ''))
  for (const [i, sql] of bare.entries()) {
    const next = bare[(i + 1) % bare.length]!
    const split = splitStatements(`${sql}\n;${next}`)
    t.strictSame(split?.map((s) => s.text), [sql, next])
  }
})

/** What is read here may be about a relation of ours; what it names decides. */
const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^drop table/, 'drop'],
  [/^alter table/, 'alter'],
  [/^explain (?!\()/, 'explain'],
  [/^create (?:unique )?index/, 'createIndex']
]

void t.test('ordinary statements are not ours, but for what may be about a table', async (t) => {
  for (const sql of corpus) {
    const kind = KINDS.find(([pattern]) => pattern.test(sql))?.[1]
    // Its options tell whether an EXPLAIN is read here.
    t.equal(startsIntercepted(sql), kind !== undefined || sql.startsWith('explain'), sql)
    t.equal(readStatement(sql)?.kind, kind, sql)
  }
})
