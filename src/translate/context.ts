// What one translation carries along: the caller's scope, the parameters met so far, fresh names and
// the bounds. Lives for one call of translate().
// Must never be shared between two translations.

import { limits } from '../limits.ts'
import { OID } from '../types/oids.ts'
import { findZone } from '../types/timezone.ts'
import type { ColumnType } from '../types/value.ts'
import { numericParameter, type Parameters } from './coerce.ts'
import type { Expr, Facts } from './expr.ts'
import { CONSTANT, relay, typed } from './expr.ts'
import { UTC, type ZoneName } from './instants.ts'
import { UpstreamTables } from './upstream-tables.ts'
import type { Names } from './views.ts'

/** The number under which the time of the transaction's start is bound. */
export const NOW = 0

/** Names: as they are in this session. */
export interface TranslateScope extends Names {
  /** What the upstream said the result columns are; undefined when nobody asked it (back channel). */
  readonly described: readonly ColumnType[] | undefined
  /** Parameter type OIDs, $1 first, as the upstream inferred them; 0 or absent: not known. */
  readonly parameters: readonly number[]
  /** The session's TimeZone as Postgres reports it. */
  readonly timeZone?: string | undefined
  /** The caller can bind the time at which the transaction began, as parameter 0. */
  readonly hasNow?: boolean
  /** Sums of floats may be added up in any order, as Postgres may. */
  readonly floatAggregates?: boolean
}

const UTC_NAMES = new Set([
  'utc',
  'gmt',
  'etc/utc',
  'etc/gmt',
  'zulu',
  'etc/zulu',
  'uct',
  'etc/uct',
  'universal'
])

/** The session's zone as DuckDB is told it; undefined where the two may read it differently. */
export function zoneOf(name: string | undefined): ZoneName {
  if (name === undefined) return undefined
  if (UTC_NAMES.has(name.toLowerCase())) return UTC
  return findZone(name) && !UNSETTLED.has(name.toLowerCase()) ? name : undefined
}

/** Ramadan moves their clocks: tz databases foresee it differently. */
const UNSETTLED = new Set(['africa/casablanca', 'africa/el_aaiun'])

export class Context implements Parameters {
  readonly scope: TranslateScope
  /** DuckDB's $1, $2 …: which Postgres parameter each is. */
  readonly used: number[] = []
  readonly zone: ZoneName
  readonly upstream = new UpstreamTables()
  /** An expression was met whose evaluation may fail. */
  mayFail = false
  /** Postgres may raise on one of them. */
  mayRaise = false
  /** The SQL of views with security_barrier, and whether something in them may fail. */
  readonly #barriers: string[] = []
  #mayFailBehind = false
  readonly #oids = new Map<number, number>()
  #depth = 0
  /** How many SELECTs are around the one that is translated. */
  #around = 0
  #names = 0
  #outermost = Number.MAX_SAFE_INTEGER

  constructor(scope: TranslateScope) {
    this.scope = scope
    this.zone = zoneOf(scope.timeZone)
  }

  /** A range name that nothing else in this statement has. */
  rangeName(): string {
    this.#names += 1
    return `t${this.#names}`
  }

  /** Runs one level deeper; relays where a statement is nested beyond the bound. */
  deeper<T>(run: () => T): T {
    if (this.#depth >= limits.translatedDepthMax) relay('nested too deeply')
    this.#depth += 1
    try {
      return run()
    } finally {
      this.#depth -= 1
    }
  }

  /** Runs within a SELECT that stands inside of another. */
  inner<T>(run: () => T): T {
    this.#around += 1
    try {
      return this.deeper(run)
    } finally {
      this.#around -= 1
    }
  }

  /** By which a SELECT is sorted: Postgres evaluates it for all rows, even if nothing needs the order. */
  requireSorting(key: Expr): Expr {
    if (key.raises) this.requireOutermost('an inner order by what may fail')
    return key
  }

  /** Of SELECTs inside of others Postgres evaluates more than DuckDB, which filters them first. */
  requireOutermost(what: string): void {
    if (this.#around > 0) relay(what)
  }

  /** A column of the query `level` levels below the outermost one is used. */
  meet(level: number): void {
    this.#outermost = Math.min(this.#outermost, level)
  }

  /** What `run` gives, and the outermost level of which it used a column. */
  watch<T>(run: () => T): { result: T; outermost: number } {
    const before = this.#outermost
    this.#outermost = Number.MAX_SAFE_INTEGER
    const result = run()
    const outermost = this.#outermost
    this.#outermost = Math.min(before, outermost)
    return { result, outermost }
  }

  /** What `run` gives, and whether Postgres may raise on it. */
  watchRaising<T>(run: () => T): { result: T; mayRaise: boolean } {
    const before = this.mayRaise
    this.mayRaise = false
    const result = run()
    const { mayRaise } = this
    this.mayRaise ||= before
    return { result, mayRaise }
  }

  /** What `run` gives, whose columns are of no level of the statement's. */
  apart<T>(run: () => T): T {
    const before = this.#outermost
    const result = run()
    this.#outermost = before
    return result
  }

  /** The same of a view with security_barrier. */
  behindBarrier<T extends { readonly sql: string }>(run: () => T): T {
    const before = this.mayFail
    this.mayFail = false
    const rows = this.apart(run)
    this.#barriers.push(rows.sql)
    this.#mayFailBehind ||= this.mayFail
    this.mayFail = before
    return rows
  }

  /** Whether running `sql`, all of it, may fail; relays where that could tell of hidden rows. */
  settleFailures(sql: string): boolean {
    const outside = this.#barriers.reduce((text, rows) => text.replace(rows, ''), sql)
    const mayFail = this.mayFail || outside.includes('error(')
    if (mayFail && this.#barriers.length > 0)
      relay('what may fail over a view with security_barrier')
    return mayFail || this.#mayFailBehind || sql.includes('error(')
  }

  /** A ParamRef: typed when the upstream said so, else it takes the type it first meets. */
  parameterRef(number: number): Expr {
    const known = this.scope.parameters[number - 1] ?? 0
    const oid = known === OID.unknown ? 0 : known
    if (oid !== 0) return this.parameter(number, oid)
    return {
      ...CONSTANT,
      sql: '',
      type: { oid: OID.unknown, typmod: -1 },
      form: '',
      column: false,
      parameter: number
    }
  }

  /** now(): when the transaction began. */
  now(): Expr {
    if (!this.scope.hasNow) return relay('now() is asked of Postgres')
    const { given: _, ...now } = this.parameter(NOW, OID.timestamptz)
    return { ...now, stable: true }
  }

  parameter(number: number, oid: number): Expr {
    const before = this.#oids.get(number)
    if (before !== undefined && before !== oid) relay(`parameter $${number} has two types`)
    this.#oids.set(number, oid)
    if (!this.used.includes(number)) this.used.push(number)
    const facts: Facts = { ...CONSTANT, given: true }
    const placeholder = `$${this.used.indexOf(number) + 1}`
    if (oid === OID.numeric) return numericParameter(`CAST(${placeholder} AS VARCHAR)`, facts)
    const bare = typed(placeholder, oid, facts)
    return { ...bare, sql: `CAST(${placeholder} AS ${bare.form})` }
  }

  /** The OID each used parameter is bound as, in the order of `used`. */
  usedTypes(): readonly number[] {
    return this.used.map((number) => this.#oids.get(number) ?? 0)
  }
}
