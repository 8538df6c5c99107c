// Quoted literals whose type is known: only forms that Postgres can read in one way, whatever the
// session's settings, are accepted; any other text is a reason to relay.
// Must never guess: a literal that Postgres might refuse is not accepted either.

import { parseInterval } from '../types/interval-parse.ts'
import { OID } from '../types/oids.ts'
import type { ColumnType, Interval } from '../types/value.ts'
import type { Expr } from './expr.ts'
import { CONSTANT, decimalExpr, formOf, quote, relay, typed } from './expr.ts'
import { spanSql } from './instants.ts'

const INTEGER_RANGE: Readonly<Record<number, readonly [bigint, bigint]>> = {
  [OID.int2]: [-32768n, 32767n],
  [OID.int4]: [-2147483648n, 2147483647n],
  [OID.int8]: [-9223372036854775808n, 9223372036854775807n]
}

const DATE = /^(\d{4})-(\d\d)-(\d\d)$/
const TIME = /^([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d{1,6})?)?$/
const OFFSET = /(Z|[+-](?:0\d|1[0-4])(?::?[0-5]\d)?)$/
const TIME_WITH_OFFSET = new RegExp(`(:[0-5]\\d(?:[.]\\d+)?)${OFFSET.source}`)
const DECIMAL = /^-?(?=\.?\d)(\d*)(?:\.(\d*))?$/
const FLOAT = /^-?\d+(\.\d+)?([eE][+-]?\d{1,3})?$/
const UUID = /^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/
const BYTEA = /^\\x((?:[0-9a-fA-F]{2})*)$/

/** A literal of any supported type; relays on a text that is not in a plain form. */
export function literal(text: string, type: ColumnType): Expr {
  if (type.oid === OID.numeric) return numericLiteral(text)
  if (type.oid === OID.interval) return intervalLiteral(text)
  const sql = LITERALS[type.oid]?.(text, type.oid)
  if (sql === undefined) return relay(`the literal ${quote(text)} is not in a plain form`)
  const expr = typed(sql, type.oid, CONSTANT)
  return INTEGER_RANGE[type.oid] ? { ...expr, whole: BigInt(text) } : expr
}

export const nullOf = (oid: number): Expr =>
  oid === OID.numeric
    ? decimalExpr({ sql: 'CAST(NULL AS DECIMAL(1,0))', precision: 1, scale: 0 }, true, CONSTANT)
    : typed(`CAST(NULL AS ${formOf(oid)})`, oid, CONSTANT)

/** A numeric constant: as many digits as it is written with. */
export function numericLiteral(text: string): Expr {
  const match = DECIMAL.exec(text)
  if (!match) return relay(`the number ${quote(text)} is not in a plain form`)
  const whole = (match[1] || '0').replace(/^0+(?=\d)/, '')
  const scale = match[2]?.length ?? 0
  const precision = whole.length + scale
  if (precision > 38) relay('a number has more than 38 digits')
  const plain = `${text.startsWith('-') ? '-' : ''}${whole}${scale > 0 ? `.${match[2]}` : ''}`
  const sql = `CAST(${quote(plain)} AS DECIMAL(${precision},${scale}))`
  return { ...decimalExpr({ sql, precision, scale }, true, CONSTANT), literal: plain }
}

/** The bare integer of a statement: int4, int8 or numeric by its size, as Postgres reads it. */
export function integerLiteral(value: bigint): Expr {
  const oid = value === BigInt.asIntN(32, value) ? OID.int4 : OID.int8
  if (value !== BigInt.asIntN(64, value)) return numericLiteral(String(value))
  return { ...typed(castInteger(value, oid), oid, CONSTANT), literal: String(value), whole: value }
}

/** The integer expression as the constant that it is, where its type has it. */
export function wholeOf(expr: Expr, value: bigint | undefined): Expr | undefined {
  const [low, high] = INTEGER_RANGE[expr.type.oid] ?? [1n, 0n]
  return value !== undefined && value >= low && value <= high
    ? { ...expr, whole: value }
    : undefined
}

const castInteger = (value: bigint, oid: number): string => `CAST(${value} AS ${formOf(oid)})`

type Read = (text: string, oid: number) => string | undefined

function readInteger(text: string, oid: number): string | undefined {
  if (!/^-?(0|[1-9]\d{0,18})$/.test(text)) return undefined
  const value = BigInt(text)
  const [low, high] = INTEGER_RANGE[oid] ?? [1n, 0n]
  return value >= low && value <= high ? castInteger(value, oid) : undefined
}

function readFloat(text: string, oid: number): string | undefined {
  const special = { NaN: 'nan', Infinity: 'inf', '-Infinity': '-inf' }[text]
  if (special !== undefined) return cast(special, oid)
  if (!FLOAT.test(text) || text.length > 40) return undefined
  const value = oid === OID.float4 ? Math.fround(Number(text)) : Number(text)
  const isZero = /^-?[0.]*([eE].*)?$/.test(text)
  if (!Number.isFinite(value) || (value === 0) !== isZero) return undefined
  return cast(text, oid)
}

function readBoolean(text: string): string | undefined {
  return { t: 'TRUE', true: 'TRUE', f: 'FALSE', false: 'FALSE' }[text]
}

/** Whether a YYYY-MM-DD text is a day of the calendar. */
function isDay(text: string): boolean {
  const match = DATE.exec(text)
  if (!match || match[1] === '0000') return false
  const [year, month, day] = [Number(match[1]), Number(match[2]), Number(match[3])]
  const date = new Date(Date.UTC(2000, 0, 1))
  date.setUTCFullYear(year, month - 1, day)
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day
}

const isInfinity = (text: string): boolean => text === 'infinity' || text === '-infinity'

/** Of a moment its day counts. */
function readDate(text: string, oid: number): string | undefined {
  if (isInfinity(text) || isDay(text)) return cast(text, oid)
  return readReading(text, OID.timestamp) && cast(text.slice(0, 'YYYY-MM-DD'.length), oid)
}

function readTimestamp(text: string, oid: number): string | undefined {
  if (isInfinity(text) || isDay(text)) return cast(text, oid)
  const [day = '', time = ''] = text.split(/[ T]/)
  if (text.length !== day.length + time.length + 1) return undefined
  return isDay(day) && TIME.test(time) ? cast(`${day} ${withSeconds(time)}`, oid) : undefined
}

/** A clock's reading has no offset: one in the text counts for nothing. Source: timestamp_in. */
const readReading: Read = (text, oid) => readTimestamp(text.replace(TIME_WITH_OFFSET, '$1'), oid)

/** DuckDB wants seconds before an offset. */
const withSeconds = (time: string): string => (time.length === 5 ? `${time}:00` : time)

function readTimestamptz(text: string, oid: number): string | undefined {
  if (isInfinity(text)) return cast(text, oid)
  const offset = OFFSET.exec(text)?.[0]
  if (offset === undefined) return undefined
  const local = text.slice(0, -offset.length)
  if (!/[ T]/.test(local) || readTimestamp(local, OID.timestamp) === undefined) return undefined
  const [, sign = '+', hours = '00', minutes = '00'] =
    /^([+-])(\d\d):?(\d\d)?$/.exec(offset === 'Z' ? '+00' : offset) ?? []
  const [day = '', time = ''] = local.split(/[ T]/)
  return cast(`${day} ${withSeconds(time)}${sign}${hours}:${minutes}`, oid)
}

const cast = (text: string, oid: number): string => `CAST(${quote(text)} AS ${formOf(oid)})`

const pattern =
  (form: RegExp): Read =>
  (text, oid) =>
    form.test(text) ? cast(text, oid) : undefined

/** A sign may count for one part or for all, by a setting: only one part may have one. */
const ONE_SIGNED = /^-\d{1,6} [a-z]+$/

/** The interval that a text is; relays where it is not in a plain form. */
function intervalLiteral(text: string): Expr {
  const isPlain = !text.includes('-') || ONE_SIGNED.test(text)
  const span = isPlain ? parsedInterval(text) : undefined
  if (!span) return relay(`the literal ${quote(text)} is not in a plain form`)
  return { ...typed(spanSql(span), OID.interval, CONSTANT), span }
}

function parsedInterval(text: string): Interval | undefined {
  try {
    return parseInterval(text)
  } catch {
    return undefined
  }
}

const LITERALS: Readonly<Record<number, Read>> = {
  [OID.bool]: readBoolean,
  [OID.int2]: readInteger,
  [OID.int4]: readInteger,
  [OID.int8]: readInteger,
  [OID.float4]: readFloat,
  [OID.float8]: readFloat,
  [OID.text]: quote,
  [OID.varchar]: quote,
  [OID.bpchar]: (text) => quote(text.replace(/ +$/, '')),
  [OID.date]: readDate,
  [OID.time]: pattern(TIME),
  [OID.timestamp]: readReading,
  [OID.timestamptz]: readTimestamptz,
  [OID.uuid]: pattern(UUID),
  [OID.bytea]: (text) => {
    const hex = BYTEA.exec(text)?.[1]
    return hex === undefined ? undefined : `from_hex('${hex}')`
  }
}

/**
 * The elements of an array literal of the simple kind: `{a,b,NULL}`, quoted or not, one dimension.
 * Undefined for any other form. Source: arrayfuncs.c, array_in.
 */
export function arrayElements(text: string): readonly (string | null)[] | undefined {
  if (text === '{}') return []
  if (!text.startsWith('{') || !text.endsWith('}')) return undefined
  const item = /"((?:[^"\\]|\\.)*)"|([^\s"\\{},](?:[^"\\{},]*[^\s"\\{},])?)/sy
  const items: (string | null)[] = []
  for (let at = 1; ; at = item.lastIndex + 1) {
    item.lastIndex = at
    const match = item.exec(text)
    if (!match) return undefined
    const bare = match[2]
    if (bare === undefined) items.push((match[1] ?? '').replace(/\\(.)/gs, '$1'))
    else items.push(bare.toLowerCase() === 'null' ? null : bare)
    const next = text[item.lastIndex]
    if (next === '}') return item.lastIndex === text.length - 1 ? items : undefined
    if (next !== ',') return undefined
  }
}
