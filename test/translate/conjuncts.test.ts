// Goal: splitPushdown() keeps exactly the conjuncts that may be evaluated beforehand, and every column
// that the statement could touch.
// Method: a table of statements over the relations of rows.ts.

import { loadModule, parseSync } from 'libpg-query'
import t from 'tap'

import { splitPushdown } from '../../src/translate/conjuncts.ts'
import { OID } from '../../src/types/oids.ts'
import { relationNamed } from './rows.ts'

await loadModule()

function split(sql: string): ReturnType<typeof splitPushdown> {
  const [statement] = (parseSync(sql) as { stmts: { stmt: unknown }[] }).stmts
  return splitPushdown(statement?.stmt, {
    relation: relationNamed,
    described: undefined,
    parameters: []
  })
}

interface Expected {
  readonly sql: string
  readonly complete: boolean
  readonly attnums?: readonly number[]
  readonly parameters?: readonly number[]
}

const CASES: readonly (readonly [sql: string, expected: Expected])[] = [
  [
    "SELECT id FROM side WHERE label SIMILAR TO 'a' AND i4 = 7",
    {
      sql: 'SELECT t1.c1, t1.c2, t1.c3 FROM r8 AS t1 WHERE (t1.c2 = CAST(7 AS INTEGER))',
      complete: false
    }
  ],
  [
    'SELECT id FROM side WHERE i4 = 7 AND (label IS NULL AND id > 1)',
    {
      sql: 'SELECT t1.c1, t1.c2, t1.c3 FROM r8 AS t1 WHERE (t1.c2 = CAST(7 AS INTEGER)) AND (t1.c3 IS NULL) AND (t1.c1 > CAST(1 AS INTEGER))',
      complete: true
    }
  ],
  // OR is one conjunct: it cannot be split.
  [
    "SELECT id FROM side WHERE label SIMILAR TO 'a' OR i4 = 7",
    { sql: 'SELECT t1.c1, t1.c2, t1.c3 FROM r8 AS t1', complete: false }
  ],
  // What may raise is left to Postgres, which may have evaluated another conjunct first.
  [
    'SELECT id FROM side WHERE 1 / i4 > 0 AND id = 1',
    { sql: 'SELECT t1.c1, t1.c2 FROM r8 AS t1 WHERE (t1.c1 = CAST(1 AS INTEGER))', complete: false }
  ],
  [
    "SELECT count(*) FROM jetgres_live.r8 WHERE ((upper(label) ~ '(?i)A'::text)) AND ((id = $2::integer))",
    {
      sql: 'SELECT t1.c1, t1.c3 FROM r8 AS t1 WHERE (t1.c1 = CAST($1 AS INTEGER))',
      complete: false,
      parameters: [2]
    }
  ],
  // The parameter of a conjunct that is not kept is not among those to bind.
  [
    'SELECT id FROM side WHERE label ~ $1 AND id = $2::integer',
    {
      sql: 'SELECT t1.c1, t1.c3 FROM r8 AS t1 WHERE (t1.c1 = CAST($1 AS INTEGER))',
      complete: false,
      parameters: [2]
    }
  ],
  ['SELECT NULL FROM side', { sql: 'SELECT NULL FROM r8 AS t1', complete: true, attnums: [] }],
  [
    'SELECT s.* FROM side s',
    { sql: 'SELECT t1.c1, t1.c2, t1.c3, t1.c4, t1.c5, t1.c6 FROM r8 AS t1', complete: true }
  ],
  [
    'SELECT side FROM side',
    { sql: 'SELECT t1.c1, t1.c2, t1.c3, t1.c4, t1.c5, t1.c6 FROM r8 AS t1', complete: true }
  ],
  [
    'SELECT 1 FROM side GROUP BY i4 HAVING max(f8) > 1 ORDER BY max(d)',
    { sql: 'SELECT t1.c2, t1.c5, t1.c6 FROM r8 AS t1', complete: true, attnums: [2, 5, 6] }
  ]
]

void t.test('the conjuncts and columns of a statement', (t) => {
  for (const [sql, expected] of CASES) t.match(split(sql), expected, sql)
  t.end()
})

void t.test('names, types and the relation come with it', (t) => {
  t.match(split('SELECT q.w FROM public.side AS q WHERE id = $1::int'), {
    alias: 'q',
    relation: { id: 8 },
    attnums: [1, 4],
    columns: [{ oid: OID.int4 }, { oid: OID.numeric }],
    parameterTypes: [OID.int4]
  })
  t.end()
})

void t.test('what is no SELECT of one relation relays', (t) => {
  const others = [
    'SELECT 1',
    'SELECT id FROM pg_class',
    'SELECT 1 FROM side a, side b',
    'SELECT 1 FROM side a JOIN side b ON true',
    'SELECT 1 FROM (SELECT id FROM side) q',
    'SELECT id FROM side WHERE id IN (SELECT i4 FROM m)',
    'SELECT id FROM side UNION ALL SELECT id FROM side',
    'SELECT id FROM ONLY side',
    'SELECT ctid FROM side',
    'SELECT id FROM side FOR UPDATE'
  ]
  for (const sql of others) t.match(split(sql), { relay: /./ }, sql)
  t.end()
})
