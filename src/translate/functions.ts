// The table of functions: name × argument types → DuckDB text. What is absent is relayed.
// An entry is here only when both sides agree for every value, or DuckDB raises where they do not.
// Must never hold a volatile function or one whose result depends on a setting of the session.

import { OID } from '../types/oids.ts'
import { decimalOf } from './coerce.ts'
import type { Expr } from './expr.ts'
import { decimalExpr, factsOf, fallible, guard, keepsScale, quote, relay, typed } from './expr.ts'
import { EXACT, INTEGERS, TEXTS } from './families.ts'
import { outsideCommonEra } from './operators.ts'
import { foldAscii } from './patterns.ts'

type Make = (...args: readonly [Expr, ...Expr[]]) => Expr

interface FunctionRule {
  readonly name: string
  readonly takes: readonly (readonly number[])[]
  readonly make: Make
  /** Only where the session's time zone is UTC. */
  readonly utc?: true
}

const build =
  (oid: number, sql: (...args: string[]) => string): Make =>
  (...args) =>
    typed(sql(...args.map((arg) => arg.sql)), oid, factsOf(args))

const same =
  (name: string): Make =>
  (a) =>
    fallible(typed(`${name}(${a.sql})`, a.type.oid, factsOf([a])))

const length = build(OID.int4, (a) => `CAST(length(${a}) AS INTEGER)`)
const position = build(OID.int4, (a, b) => `CAST(strpos(${a}, ${b}) AS INTEGER)`)

/** A constant argument that is a whole number from `least` on: elsewhere the two sides differ. */
function wholeFrom(least: number, arg: Expr | undefined): number {
  const value = Number(arg?.literal ?? Number.NaN)
  return Number.isInteger(value) && value >= least
    ? value
    : relay('an argument is not a plain constant')
}

const substring: Make = (a, from, count) => {
  const start = wholeFrom(1, from)
  const sql =
    count === undefined
      ? `substring(${a.sql}, ${start})`
      : `substring(${a.sql}, ${start}, ${wholeFrom(0, count)})`
  return typed(sql, OID.text, factsOf([a]))
}

const left: Make = (a, count) =>
  typed(`left(${a.sql}, ${wholeFrom(0, count)})`, OID.text, factsOf([a]))

const trim =
  (name: string): Make =>
  (a) =>
    typed(`${name}(${a.sql}, ' ')`, OID.text, factsOf([a]))

const absolute: Make = (a) => {
  const { sql, precision, scale } = decimalOf(a)
  return decimalExpr({ sql: `abs(${sql})`, precision, scale }, keepsScale(a), factsOf([a]))
}

/** round(numeric, n) shows exactly n digits after the point; a half rounds away from zero. */
const roundTo: Make = (a, digits) => {
  const from = decimalOf(a)
  const scale = digits === undefined ? 0 : wholeFrom(0, digits)
  const precision = from.precision - from.scale + scale + (scale < from.scale ? 1 : 0)
  const sql = `CAST(${from.sql} AS DECIMAL(${precision},${scale}))`
  return fallible(decimalExpr({ sql, precision, scale }, true, factsOf([a])))
}

const TRUNC_UNITS = ['second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year']

/** A unit name or a field: a quoted constant that both sides read alike. */
function word(arg: Expr, known: readonly string[]): string {
  const text = arg.literal?.toLowerCase() ?? ''
  return known.includes(text) ? text : relay(`"${text}" is not known to be equal`)
}

const truncate: Make = (unit, when) => {
  if (when === undefined) return relay('date_trunc')
  const sql = `CAST(date_trunc('${word(unit, TRUNC_UNITS)}', ${when.sql}) AS TIMESTAMP)`
  const fault = outsideCommonEra(when.sql, OID.timestamp)
  return fallible(
    typed(`(${guard(fault, sql, 'date out of range')})`, OID.timestamp, factsOf([when]))
  )
}

/** date_trunc of an instant is one again; a date counts as the instant of its midnight. */
const truncateInstant: Make = (unit, when) => {
  if (when === undefined) return relay('date_trunc')
  const local = truncate(unit, localTime(when))
  return fallible(typed(`timezone('UTC', ${local.sql})`, OID.timestamptz, factsOf([when])))
}

const localTime = (when: Expr): Expr => {
  const isDate = when.type.oid === OID.date
  const sql = isDate ? `CAST(${when.sql} AS TIMESTAMP)` : `timezone('UTC', ${when.sql})`
  return typed(sql, OID.timestamp, factsOf([when]))
}

/** Fields that are whole numbers; the others have digits after the point. */
const DATE_FIELDS: Readonly<Record<string, string>> = {
  year: 'year',
  quarter: 'quarter',
  month: 'month',
  week: 'week',
  day: 'day',
  doy: 'doy',
  dow: 'dow',
  isodow: 'isodow',
  isoyear: 'isoyear'
}
const TIME_FIELDS: Readonly<Record<string, string>> = {
  ...DATE_FIELDS,
  hour: 'hour',
  minute: 'minute'
}

/** extract() gives numeric, without a fraction for these fields. */
const extract: Make = (field, when) => {
  if (when === undefined) return relay('extract')
  const fields = when.type.oid === OID.date ? DATE_FIELDS : TIME_FIELDS
  const part = `extract(${fields[word(field, Object.keys(fields))] ?? ''} FROM ${when.sql})`
  const sql = guard(outsideCommonEra(when.sql, when.type.oid), part, 'date out of range')
  const decimal = { sql: `CAST((${sql}) AS DECIMAL(5,0))`, precision: 5, scale: 0 }
  return fallible(decimalExpr(decimal, true, factsOf([when])))
}

const replace = build(OID.text, (a, b, c) => `replace(${a}, ${b}, ${c})`)
const ONE_TEXT = [TEXTS]
const TWO_TEXTS = [TEXTS, TEXTS]
const WHOLE = [OID.int4]

/** First match wins. An untyped literal is taken as text where text is listed. */
export const FUNCTIONS: readonly FunctionRule[] = [
  { name: 'length', takes: ONE_TEXT, make: length },
  { name: 'length', takes: [[OID.bpchar]], make: length },
  { name: 'char_length', takes: ONE_TEXT, make: length },
  { name: 'character_length', takes: ONE_TEXT, make: length },
  {
    name: 'octet_length',
    takes: ONE_TEXT,
    make: build(OID.int4, (a) => `CAST(strlen(${a}) AS INTEGER)`)
  },
  { name: 'lower', takes: ONE_TEXT, make: (a) => foldAscii(a, 'lower') },
  { name: 'upper', takes: ONE_TEXT, make: (a) => foldAscii(a, 'upper') },
  { name: 'strpos', takes: TWO_TEXTS, make: position },
  { name: 'position', takes: TWO_TEXTS, make: position },
  {
    name: 'starts_with',
    takes: TWO_TEXTS,
    make: build(OID.bool, (a, b) => `starts_with(${a}, ${b})`)
  },
  { name: 'substring', takes: [TEXTS, WHOLE], make: substring },
  { name: 'substring', takes: [TEXTS, WHOLE, WHOLE], make: substring },
  { name: 'substr', takes: [TEXTS, WHOLE], make: substring },
  { name: 'substr', takes: [TEXTS, WHOLE, WHOLE], make: substring },
  { name: 'left', takes: [TEXTS, WHOLE], make: left },
  { name: 'btrim', takes: ONE_TEXT, make: trim('trim') },
  { name: 'ltrim', takes: ONE_TEXT, make: trim('ltrim') },
  { name: 'rtrim', takes: ONE_TEXT, make: trim('rtrim') },
  { name: 'replace', takes: [TEXTS, TEXTS, TEXTS], make: replace },
  { name: 'abs', takes: [INTEGERS], make: same('abs') },
  { name: 'abs', takes: [[OID.float4, OID.float8]], make: same('abs') },
  { name: 'abs', takes: [[OID.numeric]], make: absolute },
  { name: 'round', takes: [[OID.numeric]], make: roundTo },
  { name: 'round', takes: [EXACT, WHOLE], make: roundTo },
  { name: 'floor', takes: [[OID.float8]], make: same('floor') },
  { name: 'ceil', takes: [[OID.float8]], make: same('ceil') },
  { name: 'ceiling', takes: [[OID.float8]], make: same('ceil') },
  { name: 'date_trunc', takes: [TEXTS, [OID.timestamp]], make: truncate },
  {
    name: 'date_trunc',
    takes: [TEXTS, [OID.timestamptz, OID.date]],
    make: truncateInstant,
    utc: true
  },
  { name: 'extract', takes: [TEXTS, [OID.date, OID.timestamp]], make: extract },
  {
    name: 'extract',
    takes: [TEXTS, [OID.timestamptz]],
    make: (field, when) => extract(field, ...(when ? [localTime(when)] : [])),
    utc: true
  }
]

/** `name(args)`, all typed; `utc`: the session's time zone is UTC. */
export function applyFunction(name: string, args: readonly Expr[], utc: boolean): Expr {
  const [first, ...rest] = args
  const rule = FUNCTIONS.find((one) => one.name === name && fits(one, args, utc))
  if (!rule || first === undefined) return relay(`function ${quote(name)} is not known to be equal`)
  return rule.make(first, ...rest)
}

const fits = (rule: FunctionRule, args: readonly Expr[], utc: boolean): boolean =>
  (utc || !rule.utc) &&
  rule.takes.length === args.length &&
  rule.takes.every((types, i) => types.includes(args[i]?.type.oid ?? 0))
