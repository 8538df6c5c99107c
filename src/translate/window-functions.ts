// The table of window functions: name × arguments → DuckDB text. What is absent is relayed.
// Must never hold an aggregate; those are in aggregates.ts, with OVER behind them.

import { OID } from '../types/oids.ts'
import type { Call } from './aggregate-rules.ts'
import { type Parameters, settle, unify } from './coerce.ts'
import type { Expr } from './expr.ts'
import { decimalExpr, fallible, digitsOf, printedNumeric, relay, typed, unproven } from './expr.ts'

type Make = (args: readonly Expr[], call: Call, parameters: Parameters) => Expr

interface WindowRule {
  readonly make: Make
  /** Numbers of arguments. */
  readonly takes: readonly number[]
  /** Looks at the frame; the others are of the whole partition. */
  readonly framed?: true
}

const ranking =
  (name: string, oid: number): Make =>
  (_args, call) =>
    typed(`${name}()${call.suffix}`, oid, call.facts)

/** A plain constant, at least `least`: neither side can raise. */
function whole(arg: Expr | undefined, least: number): string {
  const value = Number(arg?.literal ?? Number.NaN)
  return arg && Number.isInteger(value) && value >= least
    ? arg.sql
    : relay('an argument is not a plain constant')
}

const ntile: Make = ([buckets], call) =>
  typed(`CAST(ntile(${whole(buckets, 1)})${call.suffix} AS INTEGER)`, OID.int4, call.facts)

/** One of the values of a column, as it is. */
function valueOf(sql: string, value: Expr, call: Call): Expr {
  const { oid } = value.type
  if (oid === OID.bpchar) return relay('char(n) is only compared and passed through')
  if (oid !== OID.numeric) return typed(sql, oid, { ...call.facts, bytewise: value.bytewise })
  if (value.form === 'VARCHAR') return printedNumeric(sql, undefined, call.facts)
  const { decimal } = value
  if (!decimal) return relay('a value of this type')
  return value.shown === undefined
    ? decimalExpr({ ...decimal, sql }, digitsOf(value), call.facts)
    : relay('a value whose digits differ')
}

const shifted =
  (name: string): Make =>
  ([value, offset, fallback], call, parameters) => {
    if (!value) return relay(`${name} of nothing`)
    const by = offset ? `, ${whole(offset, 0)}` : ''
    if (!fallback) return valueOf(`${name}(${value.sql}${by})${call.suffix}`, value, call)
    const [first, second] = unify([value, fallback], parameters)
    if (!first || !second) return relay(`${name} of two types`)
    return valueOf(`${name}(${first.sql}${by}, ${second.sql})${call.suffix}`, first, call)
  }

const edge =
  (name: string): Make =>
  ([value], call) =>
    valueOf(`${name}(${value?.sql ?? ''})${call.suffix}`, value ?? relay(`${name}`), call)

const nth: Make = ([value, at], call) =>
  valueOf(
    `nth_value(${value?.sql ?? ''}, ${whole(at, 1)})${call.suffix}`,
    value ?? relay('nth_value'),
    call
  )

export const WINDOW_FUNCTIONS: Readonly<Record<string, WindowRule>> = {
  row_number: { takes: [0], make: ranking('row_number', OID.int8) },
  rank: { takes: [0], make: ranking('rank', OID.int8) },
  dense_rank: { takes: [0], make: ranking('dense_rank', OID.int8) },
  percent_rank: { takes: [0], make: ranking('percent_rank', OID.float8) },
  cume_dist: { takes: [0], make: ranking('cume_dist', OID.float8) },
  ntile: { takes: [1], make: ntile },
  lag: { takes: [1, 2, 3], make: shifted('lag') },
  lead: { takes: [1, 2, 3], make: shifted('lead') },
  first_value: { takes: [1], make: edge('first_value'), framed: true },
  last_value: { takes: [1], make: edge('last_value'), framed: true },
  nth_value: { takes: [2], make: nth, framed: true }
}

/** Those that raise on a count that is none. */
const COUNTING = ['ntile', 'nth_value']

export const isWindowFunction = (name: string): boolean => Object.hasOwn(WINDOW_FUNCTIONS, name)

export const needsFrame = (name: string): boolean =>
  !isWindowFunction(name) || WINDOW_FUNCTIONS[name]?.framed === true

export function applyWindowFunction(
  name: string,
  args: readonly Expr[],
  call: Call,
  parameters: Parameters
): Expr {
  const rule = WINDOW_FUNCTIONS[name]
  if (!rule?.takes.includes(args.length)) return relay(`${name} with these arguments`)
  const [value, ...others] = args
  const typedArgs = value ? [settle(value, OID.text, parameters), ...others] : []
  const expr = rule.make(typedArgs, call, parameters)
  return COUNTING.includes(name) ? fallible(expr) : unproven(expr)
}
