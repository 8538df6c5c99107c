// Goal: every function and operator that a statement uses by a name without schema is found.
// Method: a table of statement → names.

import t from 'tap'

import { loadParser, parseSql } from '../../src/sql/parser.ts'
import { usedNames } from '../../src/sql/used-names.ts'

await loadParser()

const CASES: readonly (readonly [sql: string, names: readonly string[]])[] = [
  ['SELECT a FROM t', []],
  ['SELECT length(a), pg_catalog.lower(a) FROM t', ['length']],
  ['SELECT a + 1 FROM t WHERE b LIKE $1', ['+', '~~']],
  ['SELECT 1 FROM t WHERE a BETWEEN 1 AND 2 AND b NOT BETWEEN 1 AND 2', ['<', '<=', '>', '>=']],
  ['SELECT 1 FROM t WHERE a IN (1, 2) OR b = ANY ($1)', ['=']],
  ["SELECT CASE a WHEN 1 THEN 'x' END FROM t", ['=']],
  ['SELECT 1 FROM t JOIN u USING (a)', ['=']],
  ['SELECT 1 FROM t WHERE a IN (SELECT b FROM u)', ['=']],
  ['SELECT nullif(a, 1), a IS DISTINCT FROM 2 FROM t', ['=']],
  ['SELECT a OPERATOR(pg_catalog.-) 1, sum(b) OVER (ORDER BY abs(c)) FROM t', ['abs', 'sum']],
  ['SELECT extract(year FROM a), now() FROM t GROUP BY date_trunc($1, a)', ['date_trunc', 'now']]
]

void t.test('the names that a statement uses', (t) => {
  for (const [sql, names] of CASES) {
    const [statement] = parseSql(sql)
    t.same([...usedNames(statement!.node)].toSorted(), names, sql)
  }
  t.end()
})
