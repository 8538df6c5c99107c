// CASE, COALESCE, NULLIF, GREATEST and LEAST: several expressions of which one is the result.
// Must never choose among floats: −0 and 0 are equal, and which one stays differs.

import { OID } from '../types/oids.ts'
import { type Parameters, settle, unify } from './coerce.ts'
import { comparison } from './comparisons.ts'
import type { Expr } from './expr.ts'
import {
  decimalExpr,
  type Digits,
  digitsOf,
  factsOf,
  keepsScale,
  printedNumeric,
  relay,
  shownDigits,
  typed
} from './expr.ts'
import { EXACT, FLOATS, INTEGERS, PLAIN, TEXTS, isFloat } from './families.ts'

/** `sql` over branches that unify() brought to one type. */
function chosen(
  sql: string,
  branches: readonly Expr[],
  others: readonly Expr[] = [],
  choose?: (items: readonly string[]) => string
): Expr {
  const [first] = branches
  if (!first) return relay('a choice among nothing')
  const facts = { ...factsOf([...branches, ...others]), bytewise: factsOf(branches).bytewise }
  if (!first.decimal) return typed(sql, first.type.oid, facts)
  const { precision, scale } = first.decimal
  return decimalExpr({ sql, precision, scale }, digitsAmong(branches, choose), facts)
}

/** The digits of the branch that is chosen. */
function digitsAmong(
  branches: readonly Expr[],
  choose?: (items: readonly string[]) => string
): Digits {
  if (branches.every(keepsScale)) return true
  const shown = branches.map((branch) => shownDigits(branch, branch.decimal?.scale ?? 0))
  return choose !== undefined && shown.every((digits) => digits !== undefined) && choose(shown)
}

/** `results[i]` where `conditions[i]` is the first that holds. The default decides the type first. */
export function caseExpr(
  conditions: readonly Expr[],
  results: readonly Expr[],
  fallback: Expr,
  parameters: Parameters
): Expr {
  const [last, ...branches] = unify([fallback, ...results], parameters)
  const choose = (items: readonly string[]): string => {
    const whens = conditions.map(({ sql }, i) => `WHEN ${sql} THEN ${items[i] ?? ''}`)
    return `(CASE ${whens.join(' ')} ELSE ${items.at(-1) ?? 'NULL'} END)`
  }
  const all = [...branches, ...(last ? [last] : [])]
  return chosen(choose(all.map((branch) => branch.sql)), all, conditions, choose)
}

export function coalesce(args: readonly Expr[], parameters: Parameters): Expr {
  const branches = unify(args, parameters)
  const sqls = branches.map((branch) => branch.sql)
  return chosen(`COALESCE(${sqls.join(', ')})`, branches, [], (items) => {
    const whens = items.map((item, i) => `WHEN ${sqls[i] ?? ''} IS NOT NULL THEN ${item}`)
    return `(CASE ${whens.join(' ')} ELSE 0 END)`
  })
}

/** Both skip NULLs. */
export function extremeOf(name: string, args: readonly Expr[], parameters: Parameters): Expr {
  const branches = unify(args, parameters)
  const [first] = branches
  const oid = first?.type.oid ?? OID.unknown
  if (![...INTEGERS, OID.numeric, ...PLAIN, ...TEXTS].includes(oid) || isFloat(oid)) {
    return relay(`${name} of this type is not known to be equal`)
  }
  if (TEXTS.includes(oid) && !branches.some((branch) => branch.bytewise)) {
    return relay('texts are ordered without COLLATE "C"')
  }
  return chosen(`${name}(${branches.map((branch) => branch.sql).join(', ')})`, branches)
}

/** Within each of these = takes two types as they are. */
const CROSSED = [INTEGERS, FLOATS, TEXTS, [OID.date, OID.timestamp, OID.timestamptz]]

/** The type of the first argument as `=` takes it: there is no = of varchar. */
export function nullif(a: Expr, b: Expr, parameters: Parameters): Expr {
  if (a.type.oid === OID.unknown || a.type.oid === OID.bpchar) return relay('NULLIF of this type')
  const equal = comparison('=', a, b, parameters) ?? relay('NULLIF of these types')
  const right = settle(b, a.type.oid, parameters)
  const isExact =
    (a.type.oid === OID.numeric && INTEGERS.includes(right.type.oid)) ||
    (a.type.oid === OID.float8 && EXACT.includes(right.type.oid))
  const isCrossed = CROSSED.some((types) =>
    [a, right].every(({ type }) => types.includes(type.oid))
  )
  if (a.type.oid !== right.type.oid && !isCrossed && !isExact) return relay('NULLIF of two types')
  const oid = a.type.oid === OID.varchar ? OID.text : a.type.oid
  const sql = `(CASE WHEN ${equal.sql} THEN NULL ELSE ${a.sql} END)`
  if (oid === OID.numeric) {
    const { sql: value, ...size } = a.decimal ?? relay('NULLIF of this type')
    const facts = factsOf([a, right])
    if (a.form !== 'VARCHAR') return decimalExpr({ sql, ...size }, digitsOf(a), facts)
    const decimal = { sql: `(CASE WHEN ${equal.sql} THEN NULL ELSE ${value} END)`, ...size }
    return printedNumeric(sql, decimal, facts)
  }
  return typed(sql, oid, { ...factsOf([a, right]), bytewise: a.bytewise })
}
