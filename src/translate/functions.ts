// The table of functions: name × argument types → DuckDB text, and how a call finds its entry.
// What is absent is relayed. Must never hold a volatile function.

import { OID } from '../types/oids.ts'
import type { Expr } from './expr.ts'
import { factsOf, quote, relay, typed } from './expr.ts'
import { FLOATS, INTEGERS } from './families.ts'
import type { FunctionRule, Session } from './function-rules.ts'
import { NUMBER_FUNCTIONS } from './number-functions.ts'
import { TEXT_FUNCTIONS } from './text-functions.ts'
import { TIME_FUNCTIONS } from './time-functions.ts'

/** First match wins. An untyped literal is taken as text where text is listed. */
export const FUNCTIONS: readonly FunctionRule[] = [
  ...TEXT_FUNCTIONS,
  ...NUMBER_FUNCTIONS,
  ...TIME_FUNCTIONS
]

/** They have a form of their own for char(n), or take any type as it is printed: with its blanks. */
const PADDED = new Set(['octet_length', 'concat'])

/** What takes a text takes a char(n) without its blanks, as it is kept. */
export const unpadded = (name: string, args: readonly Expr[]): readonly Expr[] =>
  args.map((arg) =>
    arg.type.oid === OID.bpchar && !PADDED.has(name)
      ? typed(arg.sql, OID.text, factsOf([arg]))
      : arg
  )

/** `name(args)`, all typed. */
export function applyFunction(name: string, args: readonly Expr[], session: Session): Expr {
  const rules = FUNCTIONS.filter((one) => one.name === name)
  const rule = rules.find((one) => fits(one, args))
  if (rule) return apply(rule, args, session)
  // double precision is the preferred type among those a number can become.
  const doubles = args.map(asDouble)
  const other = rules.find((one) => fits(one, doubles))
  if (other) return apply(other, doubles, session)
  return relay(`function ${quote(name)} is not known to be equal`)
}

function apply({ make }: FunctionRule, args: readonly Expr[], session: Session): Expr {
  if (typeof make !== 'function') return make.within(session, ...args)
  const [first, ...rest] = args
  return first ? make(first, ...rest) : relay('a call without arguments')
}

const asDouble = (arg: Expr): Expr =>
  [...INTEGERS, ...FLOATS].includes(arg.type.oid)
    ? typed(`CAST(${arg.sql} AS DOUBLE)`, OID.float8, factsOf([arg]))
    : arg

const fits = (rule: FunctionRule, args: readonly Expr[]): boolean =>
  rule.takes.length === args.length &&
  rule.takes.every((types, i) => types.includes(args[i]?.type.oid ?? 0))
