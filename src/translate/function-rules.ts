// What an entry of the tables of functions is, and the small helpers that the entries are made with.
// Must never hold an entry.

import type { Expr } from './expr.ts'
import { factsOf, fallible, relay, typed } from './expr.ts'
import type { ZoneName } from './instants.ts'

/** What a function may ask of the session. */
export interface Session {
  readonly zone: ZoneName
  /** When the transaction began. */
  now(): Expr
}

export type Make = (...args: readonly [Expr, ...Expr[]]) => Expr

export interface FunctionRule {
  readonly name: string
  readonly takes: readonly (readonly number[])[]
  readonly make: Make | { readonly within: (session: Session, ...args: readonly Expr[]) => Expr }
}

export const build =
  (oid: number, sql: (...args: string[]) => string): Make =>
  (...args) =>
    typed(sql(...args.map((arg) => arg.sql)), oid, factsOf(args))

/** Of the type of its argument; may raise. */
export const same =
  (name: string): Make =>
  (a) =>
    fallible(typed(`${name}(${a.sql})`, a.type.oid, factsOf([a])))

/** An argument that the table of functions says is there. */
export const given = (arg: Expr | undefined): Expr => arg ?? relay('an argument is missing')

/** A constant argument that is a whole number from `least` on: elsewhere the two sides differ. */
export function wholeFrom(least: number, arg: Expr | undefined): number {
  const value = Number(arg?.literal ?? Number.NaN)
  return Number.isInteger(value) && value >= least
    ? value
    : relay('an argument is not a plain constant')
}

/** A quoted constant that both sides read alike: a unit or a field. */
export function word(arg: Expr | undefined, known: readonly string[]): string {
  const text = arg?.literal?.toLowerCase() ?? ''
  return known.includes(text) ? text : relay(`"${text}" is not known to be equal`)
}
