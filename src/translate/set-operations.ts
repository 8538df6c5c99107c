// UNION, INTERSECT and EXCEPT: both sides brought to one type a column, as Postgres resolves them.
// Source: parse_clause.c, transformSetOperationTree.
// Must never let equal rows differ in what they show where only one of them stays.

import { OID } from '../types/oids.ts'
import * as ast from './ast.ts'
import { unify } from './coerce.ts'
import { rowKey } from './comparisons.ts'
import { derived, type Derived, hasTwoForms, type Queries, type Query } from './derived.ts'
import { type Expr, factsOf, printedNumeric, relay } from './expr.ts'

const WORDS: Readonly<Record<string, string>> = {
  SETOP_UNION: 'UNION',
  SETOP_INTERSECT: 'INTERSECT',
  SETOP_EXCEPT: 'EXCEPT'
}

/** The rows of both sides together, as an item of FROM. */
export function setOperation(select: ast.Node, queries: Queries): Derived {
  const word = WORDS[ast.str(select, 'op')] ?? relay('an operation on sets')
  const all = ast.flag(select, 'all')
  const side = (key: string): Query =>
    queries.context.deeper(() => queries.run(ast.child(select, key), queries))
  const { result, mayRaise } = queries.context.watchRaising(
    () => [side('larg'), side('rarg')] as const
  )
  if (word === 'EXCEPT' && mayRaise) queries.context.requireOutermost('EXCEPT of what may fail')
  const [left, right] = result
  if (left.targets.length !== right.targets.length) return relay(`${word} of different columns`)
  const pairs = left.targets.map(({ name, expr }, i) => {
    const other = right.targets[i]?.expr ?? relay(`${word} of different columns`)
    const keepsAll = all && word === 'UNION'
    const [first, second] = common(expr, other, keepsAll, queries)
    const sides = keepsAll ? ([first, second] as const) : ([rowKey(first), rowKey(second)] as const)
    return { name, sides }
  })
  const build = (query: Query, which: 0 | 1): Derived =>
    derived(
      { ...query, targets: pairs.map(({ name, sides }) => ({ name, expr: sides[which] })) },
      queries.context
    )
  const [ours, theirs] = [build(left, 0), build(right, 1)]
  return { ...ours, sql: `(${ours.sql}) ${word} ${all ? 'ALL ' : ''}(${theirs.sql})` }
}

/** Both in one form; as they are where they are alike. */
function common(a: Expr, b: Expr, keepsAll: boolean, queries: Queries): readonly [Expr, Expr] {
  if (isSame(a, b)) return [a, b]
  const [first, second] = unify([a, b], queries.context)
  if (!first || !second) return relay('UNION of different types')
  const { foldsUnicode } = factsOf([first, second])
  const facts = {
    bytewise: first.bytewise && second.bytewise,
    ...(foldsUnicode && { foldsUnicode })
  }
  if (first.type.oid !== OID.numeric)
    return [
      { ...first, ...facts },
      { ...second, ...facts }
    ]
  if (first.printed !== undefined && second.printed !== undefined) return [first, second]
  // Numerics of different scales keep their own digits.
  return keepsAll ? [asText(a, first), asText(b, second)] : relay('UNION of different scales')
}

function asText(expr: Expr, level: Expr): Expr {
  const text = expr.printed ?? printOf(expr)
  return printedNumeric(text, level.decimal, level)
}

/** An integer among numerics. */
const printOf = (expr: Expr): string =>
  expr.type.oid === OID.numeric
    ? relay('the scale of a numeric is not known')
    : `CAST(${expr.sql} AS VARCHAR)`

function isSame(a: Expr, b: Expr): boolean {
  const alike = a.type.oid === b.type.oid && a.type.typmod === b.type.typmod && a.form === b.form
  return (
    alike &&
    a.type.oid !== OID.unknown &&
    a.column === b.column &&
    a.bytewise === b.bytewise &&
    a.foldsUnicode === b.foldsUnicode &&
    (a.printed === undefined) === (b.printed === undefined) &&
    a.decimal?.scale === b.decimal?.scale &&
    a.decimal?.precision === b.decimal?.precision &&
    (a.form === 'VARCHAR' || a.decimal?.scale === b.decimal?.scale)
  )
}

/** For the two parts of a recursive query, whose types are those of the first. */
export function requireSame(a: Expr, b: Expr | undefined): void {
  const alike = b && isSame({ ...a, column: false }, { ...b, column: false })
  if (!alike || hasTwoForms(a) || a.type.oid === OID.bpchar) relay('UNION of different types')
}
