// What an entry of the table of aggregates is, and the small helpers that the entries are made with.
// Must never hold an entry.

import { decimalOf } from './coerce.ts'
import type { Digits, Expr, Facts } from './expr.ts'
import { digitsOf } from './expr.ts'

/** What surrounds the argument of one call. */
export interface Call {
  readonly distinct: boolean
  /** ` ORDER BY …` among the arguments, or ''. */
  readonly order: string
  /** What is sorted by there. */
  readonly keys: readonly Expr[]
  /** ` FILTER (WHERE …) OVER (…)`, as far as they are there. */
  readonly suffix: string
  readonly facts: Facts
  /** Floats may be added up in any order. */
  readonly floats: boolean
}

export type Make = (a: Expr, call: Call, separator: Expr | undefined) => Expr

export interface AggregateRule {
  readonly name: string
  readonly takes: readonly number[]
  readonly make: Make
  /** Of a text and what stands between two of them. */
  readonly isPair?: true
}

/** `name(argument)` with what is around it. */
export const invoke = (name: string, argument: string, call: Call): string =>
  `${name}(${call.distinct ? 'DISTINCT ' : ''}${argument})${call.suffix}`

/** A sum shows as many digits as the one of its values that shows most. */
export function mostDigits(a: Expr, call: Call): Digits {
  const digits = digitsOf(a)
  if (typeof digits !== 'string') return digits
  const shown = `CASE WHEN ${decimalOf(a).sql} IS NOT NULL THEN ${digits} END`
  return invoke('max', shown, { ...call, distinct: false })
}
