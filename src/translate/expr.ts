// A translated expression: DuckDB text together with everything the tables need to know of it.
// Owns the word "relay" inside the translator: giving up is an exception that translate() catches.
// Must never choose an operator or a function; the tables do.

import { OID } from '../types/oids.ts'
import { numericTypmod, storeType } from '../types/store-type.ts'
import type { ColumnType, Interval } from '../types/value.ts'

/** Thrown where a construct is not proven equal; only translate() and splitPushdown() catch it. */
export class Relay extends Error {
  constructor(reason: string) {
    super(reason)
    this.name = 'Relay'
  }
}

export function relay(reason: string): never {
  throw new Relay(reason)
}

/** A number that DuckDB holds as DECIMAL(precision,scale). */
export interface Decimal {
  readonly sql: string
  readonly precision: number
  readonly scale: number
}

/** `units` (DuckDB text of a BIGINT) divided by `by`, where rounding leaves the whole part alone. */
export interface Ratio {
  readonly units: string
  readonly by: bigint
}

/** Another way to group by a value: cheaper, and one to one with it where `fault` does not hold. */
export interface GroupKey {
  /** What it is of: an expression made of another one may carry this on. */
  readonly of: string
  readonly key: string
  /** The value, by the key alone. */
  readonly shown: string
  /** Of a group: it may be of values that are not told apart. */
  readonly fault: string
}

export interface Expr {
  /** DuckDB text, closed under any operator around it. */
  readonly sql: string
  readonly type: ColumnType
  /** The DuckDB type of `sql`. */
  readonly form: string
  /** No column of any relation occurs in it. */
  readonly constant: boolean
  /** An aggregate call occurs in it. */
  readonly aggregate: boolean
  /** Exactly a column; char(n) may only leave as one, its blanks are added on the way out. */
  readonly column: boolean
  /** What an ORDER BY or < would use: bytes when a column takes part, else the database's default. */
  readonly bytewise: boolean
  /** A bytewise text whose letters Postgres folds by Unicode, not ASCII's alone. */
  readonly foldsUnicode?: true
  /**
   * Evaluating it may fail, here or in Postgres: no row may be spared the evaluation where Postgres
   * would not spare it, and it is no filter to begin with.
   */
  readonly fallible: boolean
  /** It is fallible because Postgres may raise on it, not only because it may fail here. */
  readonly raises?: true
  /** A parameter's value takes part. */
  readonly given?: true
  /** The time of the transaction or the session's zone takes part: Postgres computes it when it runs. */
  readonly stable?: true
  /** A constant of an integer type: its value. */
  readonly whole?: bigint
  /** The text of an untyped literal (null: NULL), or of a numeric literal. */
  readonly literal?: string | null
  /** An untyped parameter, 1-based; its type is what it first meets. */
  readonly parameter?: number
  readonly groupKey?: GroupKey
  /** It is `count(DISTINCT …)` of this column or expression, an integer, and nothing else. */
  readonly distinctOf?: string
  /** An interval that is a constant: its parts. */
  readonly span?: Interval
  /** An interval between two instants: its microseconds as DuckDB text. */
  readonly elapsed?: string
  /** A constant interval times a number: of days, or months, or of time alone. */
  readonly spread?: 'days' | 'time'
  /** A numeric held in 18 digits: its number of units of 10^-scale, as DuckDB text of a BIGINT. */
  readonly units?: string
  /** A numeric quotient of whole units by a constant, before it is rounded to digits. */
  readonly ratio?: Ratio
  /** numeric only: the form to compare and calculate with. */
  readonly decimal?: Decimal
  /** numeric only: DuckDB text giving exactly what Postgres prints. */
  readonly printed?: string
  /** numeric only: how many digits after the point are printed, where that differs by row. */
  readonly shown?: string
}

export type Facts = Pick<
  Expr,
  | 'constant'
  | 'aggregate'
  | 'bytewise'
  | 'fallible'
  | 'raises'
  | 'given'
  | 'stable'
  | 'foldsUnicode'
>

/** What an expression inherits from its parts. Source: parse_collate.c, a column's collation wins. */
export function factsOf(parts: readonly Expr[]): Facts {
  return {
    constant: parts.every((part) => part.constant),
    aggregate: parts.some((part) => part.aggregate),
    bytewise: parts.some((part) => part.bytewise),
    fallible: parts.some((part) => part.fallible),
    ...(parts.some((part) => part.raises) && { raises: true }),
    ...(parts.some((part) => part.given) && { given: true }),
    ...(parts.some((part) => part.stable) && { stable: true }),
    ...(parts.some((part) => part.foldsUnicode) && { foldsUnicode: true })
  }
}

/** Those that are the same for every type. */
const passedOn = ({ constant, aggregate, fallible, raises, given, stable }: Facts) => ({
  constant,
  aggregate,
  fallible,
  ...(raises && { raises }),
  ...(given && { given }),
  ...(stable && { stable })
})

export const CONSTANT: Facts = {
  constant: true,
  aggregate: false,
  bytewise: false,
  fallible: false
}

/** The same in other words. */
export const reworded = (expr: Expr, say: (sql: string) => string): Expr => ({
  ...expr,
  sql: say(expr.sql),
  ...(expr.elapsed !== undefined && { elapsed: say(expr.elapsed) }),
  ...(expr.units !== undefined && { units: say(expr.units) }),
  ...(expr.ratio && { ratio: { ...expr.ratio, units: say(expr.ratio.units) } }),
  ...(expr.decimal && { decimal: { ...expr.decimal, sql: say(expr.decimal.sql) } }),
  ...(expr.printed !== undefined && { printed: say(expr.printed) }),
  ...(expr.shown !== undefined && { shown: say(expr.shown) })
})

/** The same, marked as one on which Postgres may raise. */
export const fallible = (expr: Expr): Expr => ({ ...expr, fallible: true, raises: true })

/** The same, marked as one that may fail here, on which Postgres raises no more than on its parts. */
export const unproven = (expr: Expr): Expr => ({ ...expr, fallible: true })

/** The same, as Postgres does not compute it before it runs. */
export const stable = (expr: Expr): Expr => ({ ...expr, stable: true })

/** A moment: of one that is written, or is now, Postgres raises on none within the common era's reach. */
export const fallibleMoment = (expr: Expr): Expr =>
  expr.constant && !expr.given ? unproven(expr) : fallible(expr)

/** The DuckDB type that carries a scalar type other than numeric; relays when there is none. */
export function formOf(oid: number): string {
  const form = storeType({ oid, typmod: -1 })
  return form ?? relay(`type ${oid} is not known`)
}

/** An expression of a type other than numeric. */
export function typed(sql: string, oid: number, facts: Facts): Expr {
  return {
    sql,
    type: { oid, typmod: -1 },
    form: formOf(oid),
    ...passedOn(facts),
    bytewise: facts.bytewise && isText(oid),
    ...(facts.foldsUnicode && isText(oid) && { foldsUnicode: true }),
    column: false
  }
}

export const boolean = (sql: string, parts: readonly Expr[]): Expr =>
  typed(sql, OID.bool, factsOf(parts))

/**
 * How many digits after the point a numeric shows: as many as its DECIMAL has (true), so many as
 * DuckDB text of an INTEGER tells, or nobody knows (false).
 */
export type Digits = boolean | string

/** A numeric held as DECIMAL. */
export function decimalExpr(decimal: Decimal, digits: Digits, facts: Facts): Expr {
  const { sql, precision, scale } = decimal
  if (precision > 38) relay('a number has more than 38 digits')
  const text = `CAST(${sql} AS VARCHAR)`
  return {
    ...passedOn(facts),
    bytewise: false,
    sql,
    type: { oid: OID.numeric, typmod: -1 },
    form: `DECIMAL(${precision},${scale})`,
    column: false,
    decimal,
    ...(digits === false ? {} : { printed: digits === true ? text : cut(text, scale, digits) }),
    ...(typeof digits === 'string' && scale > 0 ? { shown: digits } : {})
  }
}

/** Without the zeros beyond the digits shown, and without the point where there are none. */
function cut(text: string, scale: number, shown: string): string {
  if (scale === 0) return text
  const surplus = `CASE WHEN ${shown} = 0 THEN ${scale + 1} ELSE ${scale} - ${shown} END`
  return `left(${text}, length(${text}) - ${surplus})`
}

/** A numeric held as its text, with a DECIMAL to compare by when there is one. */
export function printedNumeric(text: string, decimal: Decimal | undefined, facts: Facts): Expr {
  return {
    ...passedOn(facts),
    bytewise: false,
    sql: text,
    type: { oid: OID.numeric, typmod: -1 },
    form: 'VARCHAR',
    column: false,
    printed: text,
    ...(decimal ? { decimal } : {})
  }
}

/** A column of a relation. */
export function columnExpr(sql: string, type: ColumnType): Expr {
  const form = storeType(type)
  if (form === undefined) relay(`a column has type ${type.oid}, which is not known`)
  const facts = { ...CONSTANT, constant: false, bytewise: isText(type.oid) }
  const bare = { ...facts, sql, type, form, column: true }
  if (type.oid !== OID.numeric) return bare
  const size = form === 'VARCHAR' ? undefined : numericTypmod(type.typmod)
  if (!size) return { ...bare, printed: sql }
  return { ...bare, decimal: { sql, ...size }, printed: `CAST(${sql} AS VARCHAR)` }
}

/** Every value has as many digits after the point as the DECIMAL, so that a result of it can be printed. */
export const keepsScale = (expr: Expr): boolean => digitsOf(expr) === true

export function digitsOf(expr: Expr): Digits {
  if (expr.type.oid !== OID.numeric) return true
  if (expr.printed === undefined || !expr.decimal) return false
  if (expr.shown !== undefined) return expr.shown
  if (expr.form !== 'VARCHAR') return true
  return once(expr.printed, (v) => `greatest(0, length(${v}) - strpos(${v} || '.', '.'))`)
}

/** `use` of something that is long to write, and is written once. */
export const once = (sql: string, use: (v: string) => string): string =>
  `list_transform([${sql}], lambda v: ${use('v')})[1]`

/** As DuckDB text, also where all values show the same number; undefined: nobody knows. */
export function shownDigits(expr: Expr, scale: number): string | undefined {
  const digits = digitsOf(expr)
  if (digits === false) return undefined
  return digits === true ? String(scale) : digits
}

export const isText = (oid: number): boolean =>
  oid === OID.text || oid === OID.varchar || oid === OID.bpchar

/**
 * Fails the local execution (so the statement is relayed) on the rows where `condition` holds: they
 * are those on which Postgres raises, or on which the two are not proven equal.
 */
export const guard = (condition: string, sql: string, reason: string): string =>
  `CASE WHEN ${condition} THEN error('${reason}') ELSE ${sql} END`

/**
 * An integer that the optimizer cannot see through: it rewrites `x + 1 > 5`, `x::int4 < 5` and
 * sum(x + 1) so that an overflow, on which Postgres raises, goes unnoticed.
 */
export const opaque = (sql: string, oid: number): string => `(${sql} | CAST(0 AS ${formOf(oid)}))`

/** A text as a DuckDB literal; backslashes mean themselves there. */
export const quote = (text: string): string => `'${text.replaceAll("'", "''")}'`
