// CASE, COALESCE, NULLIF, GREATEST and LEAST: several expressions of which one is the result.
// Must never choose among floats: −0 and 0 are equal, and which one stays differs.

import { OID } from '../types/oids.ts'
import { type Parameters, settle, unify } from './coerce.ts'
import { comparison } from './comparisons.ts'
import type { Expr } from './expr.ts'
import { decimalExpr, factsOf, keepsScale, relay, typed } from './expr.ts'
import { INTEGERS, isFloat, PLAIN, TEXTS } from './families.ts'

/** `sql` over branches that unify() brought to one type. */
function chosen(sql: string, branches: readonly Expr[], others: readonly Expr[] = []): Expr {
  const [first] = branches
  if (!first) return relay('a choice among nothing')
  const facts = { ...factsOf([...branches, ...others]), bytewise: factsOf(branches).bytewise }
  if (!first.decimal) return typed(sql, first.type.oid, facts)
  const { precision, scale } = first.decimal
  const printable = branches.every(keepsScale)
  return decimalExpr({ sql, precision, scale }, printable, facts)
}

/** `results[i]` where `conditions[i]` is the first that holds. The default decides the type first. */
export function caseExpr(
  conditions: readonly Expr[],
  results: readonly Expr[],
  fallback: Expr,
  parameters: Parameters
): Expr {
  const [last, ...branches] = unify([fallback, ...results], parameters)
  const whens = conditions.map(
    (condition, i) => `WHEN ${condition.sql} THEN ${branches[i]?.sql ?? ''}`
  )
  const sql = `CASE ${whens.join(' ')} ELSE ${last?.sql ?? 'NULL'} END`
  return chosen(`(${sql})`, [...branches, ...(last ? [last] : [])], conditions)
}

export function coalesce(args: readonly Expr[], parameters: Parameters): Expr {
  const branches = unify(args, parameters)
  return chosen(`COALESCE(${branches.map((branch) => branch.sql).join(', ')})`, branches)
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

/** The type of the first argument as `=` takes it: there is no = of varchar. */
export function nullif(a: Expr, b: Expr, parameters: Parameters): Expr {
  if (a.type.oid === OID.unknown || a.type.oid === OID.bpchar) return relay('NULLIF of this type')
  const equal = comparison('=', a, b, parameters) ?? relay('NULLIF of these types')
  const right = settle(b, a.type.oid, parameters)
  if (a.type.oid !== right.type.oid && !INTEGERS.includes(a.type.oid))
    return relay('NULLIF of two types')
  const oid = a.type.oid === OID.varchar ? OID.text : a.type.oid
  const sql = `(CASE WHEN ${equal.sql} THEN NULL ELSE ${a.sql} END)`
  if (oid === OID.numeric) {
    const { precision, scale } = a.decimal ?? relay('NULLIF of this type')
    if (a.form === 'VARCHAR') return relay('NULLIF of this type')
    return decimalExpr({ sql, precision, scale }, keepsScale(a), factsOf([a, right]))
  }
  return typed(sql, oid, { ...factsOf([a, right]), bytewise: a.bytewise })
}
