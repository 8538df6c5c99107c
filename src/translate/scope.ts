// What names mean inside one level of a SELECT: the ranges of its FROM clause and their columns.
// Owns name resolution as parse_relation.c does it; an unclear name is a reason to relay.
// Must never expose a column that is not the relation's own (system columns, `_seq`).

import type { Expr } from './expr.ts'
import { relay } from './expr.ts'

export interface NamedExpr {
  readonly name: string
  readonly expr: Expr
}

/** One item of FROM under its alias. */
export interface Range {
  readonly alias: string
  /** The schema it was written with, when it has no alias of its own. */
  readonly schema: string | undefined
  readonly columns: readonly NamedExpr[]
}

/** A FROM clause, or a part of one. */
export interface FromItem {
  readonly sql: string
  readonly ranges: readonly Range[]
  /** What `*` gives and what unqualified names are looked up in. */
  readonly visible: readonly NamedExpr[]
}

/** No item at all: no name means anything. */
export const NOTHING: FromItem = { sql: '', ranges: [], visible: [] }

/** `name` as a column, or undefined when there is none. */
export function findColumn(from: FromItem, name: string): Expr | undefined {
  const matches = from.visible.filter((column) => column.name === name)
  if (matches.length > 1) relay(`column "${name}" is ambiguous`)
  return matches[0]?.expr
}

/** A column reference of one, two or three parts at this level; undefined: not of this level. */
export function lookUp(from: FromItem, parts: readonly string[]): Expr | undefined {
  const name = parts.at(-1) ?? ''
  if (parts.length === 1) return findColumn(from, name)
  const range = lookUpRange(from, parts.slice(0, -1))
  if (!range) return undefined
  const matches = range.columns.filter((column) => column.name === name)
  const [match] = matches
  if (matches.length !== 1 || !match)
    return relay(`"${name}" is not one column of "${range.alias}"`)
  return match.expr
}

/** `t` or `s.t` in a star: always of the innermost level. */
export const findRange = (from: FromItem, parts: readonly string[]): Range =>
  lookUpRange(from, parts) ?? relay(`"${parts.at(-1)}" does not name one item of the FROM clause`)

function lookUpRange(from: FromItem, parts: readonly string[]): Range | undefined {
  const alias = parts.at(-1) ?? ''
  const schema = parts.length === 2 ? parts[0] : undefined
  const matches = from.ranges.filter(
    (range) => range.alias === alias && (schema === undefined || range.schema === schema)
  )
  if (matches.length > 1 || parts.length > 2)
    return relay(`"${alias}" does not name one item of the FROM clause`)
  return matches[0]
}
