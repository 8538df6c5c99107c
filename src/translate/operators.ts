// The table of operators: operator × argument types → DuckDB text. What is absent is relayed.
// An entry is here only when both sides agree for every value, or DuckDB raises where they do not:
// a guard raises by itself (→ the statement is relayed).
// Must never hold an entry that the differential test does not exercise.

import { OID } from '../types/oids.ts'
import type { Interval } from '../types/value.ts'
import { commonDecimal, decimalOf, doubleOf, widenDecimal } from './coerce.ts'
import { APPENDED, concat } from './concat.ts'
import { quotient, unscaled } from './division.ts'
import type { Expr, Ratio } from './expr.ts'
import {
  boolean,
  decimalExpr,
  factsOf,
  fallible,
  formOf,
  guard,
  type Digits,
  digitsOf,
  keepsScale,
  opaque,
  relay,
  shownDigits,
  stable,
  typed,
  unproven
} from './expr.ts'
import { EXACT, FLOATS, INTEGERS, isInteger, PLAIN, TEXTS, wider } from './families.ts'
import {
  addToInstant,
  inCommonEra,
  instantOf,
  isShort,
  spanSql,
  timeBetween,
  UTC,
  type ZoneName
} from './instants.ts'
import { wholeOf } from './literals.ts'
import { like } from './patterns.ts'
import { matches } from './regex.ts'

type Binary = (op: string, a: Expr, b: Expr, zone: ZoneName) => Expr

interface OperatorRule {
  readonly ops: readonly string[]
  readonly left: readonly number[]
  readonly right: readonly number[]
  /** The two sides must have one type, not only come from the lists. */
  readonly alike?: true
  readonly make: Binary
}

const EQUALITY = ['=', '<>', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM']
const ORDERING = ['<', '<=', '>', '>=']
const COMPARISON = [...EQUALITY, ...ORDERING]

/**
 * DuckDB 1.5's own IS DISTINCT FROM is not used: beside an OR its statistics forget the NULLs, so
 * that `i IS DISTINCT FROM 1 OR i = 7` loses rows.
 */
function test(op: string, a: string, b: string): string {
  const nulls = (is: string): string => `(${a} IS NULL) ${is} (${b} IS NULL)`
  if (op === 'IS DISTINCT FROM') return `COALESCE(${a} <> ${b}, ${nulls('<>')})`
  if (op === 'IS NOT DISTINCT FROM') return `COALESCE(${a} = ${b}, ${nulls('=')})`
  return `(${a} ${op} ${b})`
}

const compare: Binary = (op, a, b) => boolean(test(op, a.sql, b.sql), [a, b])

const compareExact: Binary = (op, a, b) => {
  const [left, right] = [decimalOf(a), decimalOf(b)]
  const common = commonDecimal([left, right])
  const sql = test(op, widenDecimal(left, common), widenDecimal(right, common))
  return common.isTight ? unproven(boolean(sql, [a, b])) : boolean(sql, [a, b])
}

const compareDouble: Binary = (op, a, b) =>
  boolean(test(op, doubleOf(a).sql, doubleOf(b).sql), [a, b])

const asTimestamp = (a: Expr): string => `CAST(${a.sql} AS TIMESTAMP)`

const compareInstant: Binary = (op, a, b) =>
  unproven(boolean(test(op, asTimestamp(a), asTimestamp(b)), [a, b]))

/** A day or a clock reading against an instant: the session's clock says which instant it is. */
const compareZoned: Binary = (op, a, b, zone) => {
  const [left, right] = [a, b].map((one) =>
    one.type.oid === OID.timestamptz ? one : instantOf(one, zone)
  )
  return unproven(boolean(test(op, left?.sql ?? '', right?.sql ?? ''), [a, b]))
}

/**
 * Months count 30 days and days 24 hours. DuckDB counts so too, but takes parts of unlike signs for
 * another span: -1 day +23:59:59 is its own, not -00:00:01. Source: timestamp.c, interval_cmp_value.
 */
const compareSpans: Binary = (op, a, b) =>
  unproven(boolean(test(op, microsOf(a.sql), microsOf(b.sql)), [a, b]))

const microsOf = (span: string): string =>
  `((CAST(year(${span}) * 12 + month(${span}) AS HUGEINT) * 30 + day(${span})) * 86400000000` +
  ` + hour(${span}) * 3600000000 + minute(${span}) * 60000000 + microsecond(${span}))`

/** Order is by bytes only where a column's COLLATE "C" reaches the comparison. */
const compareOrder: Binary = (op, a, b, zone) =>
  a.bytewise || b.bytewise
    ? compare(op, a, b, zone)
    : relay('texts are ordered without COLLATE "C"')

const COMPUTE: Readonly<Record<string, (a: bigint, b: bigint) => bigint>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b
}

/** What two integers make: it may fail, unless they are constants that do not. */
function computed(op: string, a: Expr, b: Expr, expr: Expr): Expr {
  if (a.whole === undefined || b.whole === undefined) return fallible(expr)
  const isZero = b.whole === 0n && (op === '/' || op === '%')
  const whole = isZero ? undefined : COMPUTE[op]?.(a.whole, b.whole)
  return wholeOf(expr, whole) ?? fallible(expr)
}

const addIntegers: Binary = (op, a, b) => {
  const oid = wider(a.type.oid, b.type.oid)
  return computed(op, a, b, typed(opaque(`(${a.sql} ${op} ${b.sql})`, oid), oid, factsOf([a, b])))
}

const isNonZero = ({ literal }: Expr): boolean =>
  typeof literal === 'string' && Number(literal) !== 0

/** DuckDB divides by zero to NULL. Both truncate towards zero, % takes the dividend's sign. */
const divideIntegers: Binary = (op, a, b) => {
  const quotient = `(${a.sql} ${op === '/' ? '//' : '%'} ${b.sql})`
  const sql = isNonZero(b) ? quotient : guard(`${b.sql} = 0`, quotient, 'division by zero')
  const oid = wider(a.type.oid, b.type.oid)
  return computed(op, a, b, typed(`CAST(${sql} AS ${formOf(oid)})`, oid, factsOf([a, b])))
}

interface ResultSize {
  /** Digits of the wider operand. */
  readonly operands: number
  readonly precision: number
  readonly scale: number
}

/** What the digits of two operands make together. */
type Joint = (a: string, b: string) => string

function jointDigits(parts: readonly Expr[], joint: Joint): Digits {
  if (parts.every(keepsScale)) return true
  const [a, b] = parts.map((part) => shownDigits(part, decimalOf(part).scale))
  return a !== undefined && b !== undefined && joint(a, b)
}

/**
 * The DECIMAL of a sum or a product: no wider than DuckDB makes it of two of up to 18 digits, or of
 * any. A value that needs more raises.
 */
function exact(sql: string, size: ResultSize, parts: readonly Expr[], joint: Joint): Expr {
  const { precision, scale } = size
  const isNarrow = size.operands <= INT64_DIGITS && scale < INT64_DIGITS
  const most = isNarrow ? INT64_DIGITS : DECIMAL_DIGITS
  if (scale > most) relay('numbers need more than 38 digits together')
  const digits = Math.min(precision, most)
  const cast = `CAST(${sql} AS DECIMAL(${digits},${scale}))`
  const held = { sql: cast, precision: digits, scale }
  const expr = decimalExpr(held, jointDigits(parts, joint), factsOf(parts))
  return precision > most ? unproven(expr) : expr
}

const DECIMAL_DIGITS = 38
const INT64_DIGITS = 18

const addExact: Binary = (op, a, b) => {
  const [left, right] = [decimalOf(a), decimalOf(b)]
  const common = commonDecimal([left, right])
  const sql = `(${widenDecimal(left, common)} ${op} ${widenDecimal(right, common)})`
  const { precision, scale } = common
  const size = { operands: precision, precision: precision + 1, scale }
  const sum = exact(sql, size, [a, b], (x, y) => `greatest(${x}, ${y})`)
  return common.isTight ? unproven(sum) : sum
}

const multiplyExact: Binary = (_op, a, b) => {
  const [left, right] = [decimalOf(a), decimalOf(b)]
  const size = {
    operands: Math.max(left.precision, right.precision),
    precision: left.precision + right.precision,
    scale: left.scale + right.scale
  }
  return exact(`(${left.sql} * ${right.sql})`, size, [a, b], (x, y) => `(${x} + ${y})`)
}

/** A quotient shows at least as many digits as its operands. */
function leastDigits(digits: readonly (string | undefined)[]): string {
  if (digits.some((one) => one === undefined)) return relay('the scale of a numeric is not known')
  return `greatest(${digits.join(', ')})`
}

/** Epoch seconds by a whole number of seconds: the start of a bucket of time, before its floor. */
function ratioOf(a: Expr, b: Expr): Ratio | undefined {
  const { scale } = decimalOf(a)
  const by = /^[1-9]\d{0,5}$/.exec(b.literal ?? '')?.[0]
  if (a.units === undefined || by === undefined || scale !== 6) return undefined
  return { units: a.units, by: BigInt(by) * 1_000_000n }
}

const divideExact: Binary = (_op, a, b) => {
  const [dividend, divisor] = [decimalOf(a), decimalOf(b)]
  const digits = [shownDigits(a, dividend.scale), shownDigits(b, divisor.scale)]
  const checked = `(${guard(`${divisor.sql} = 0`, divisor.sql, 'division by zero')})`
  const facts = factsOf([a, b])
  const [over, under] = [unscaled(dividend), unscaled({ ...divisor, sql: checked })]
  const value = quotient(over, under, facts, leastDigits(digits))
  const result = isNonZero(b) ? value : fallible(value)
  const ratio = ratioOf(a, b)
  return ratio ? { ...result, ratio } : result
}

/** Postgres raises on overflow, underflow and division by zero where DuckDB goes on. */
const FLOAT_FAULT: Readonly<Record<string, (r: string, a: string, b: string) => string>> = {
  '+': (r) => `isinf(${r})`,
  '-': (r) => `isinf(${r})`,
  '*': (r, a, b) => `isinf(${r}) OR (${r} = 0 AND ${a} <> 0 AND ${b} <> 0)`,
  '/': (r, a, b) => `${b} = 0 OR isinf(${r}) OR (${r} = 0 AND ${a} <> 0)`
}

const floats =
  (oid: number): Binary =>
  (op, a, b) => {
    const [left, right] = oid === OID.float8 ? [doubleOf(a), doubleOf(b)] : [a, b]
    const result = `(${left.sql} ${op} ${right.sql})`
    const fault =
      FLOAT_FAULT[op]?.(result, left.sql, right.sql) ?? relay(`operator ${op} on floats`)
    return fallible(typed(`(${guard(fault, result, 'float out of range')})`, oid, factsOf([a, b])))
  }

const NO_SPAN: Interval = { months: 0, days: 0, micros: 0n }

const addDays: Binary = (op, a, b) => {
  const [date, days] = a.type.oid === OID.date ? [a, b] : [b, a]
  const sql = `(${date.sql} ${op} CAST(${days.sql} AS INTEGER))`
  const sum = inCommonEra(sql, OID.date, [a, b])
  const isNear = days.whole !== undefined && isShort({ ...NO_SPAN, days: Number(days.whole) })
  return isNear ? sum : fallible(sum)
}

const subtractDates: Binary = (_op, a, b) => {
  const fault = `isinf(${a.sql}) OR isinf(${b.sql})`
  const days = `CAST((${a.sql} - ${b.sql}) AS INTEGER)`
  return fallible(typed(`(${guard(fault, days, 'date out of range')})`, OID.int4, factsOf([a, b])))
}

const byInterval = (a: Expr, b: Expr): { when: Expr; span: Expr } =>
  a.type.oid === OID.interval ? { when: b, span: a } : { when: a, span: b }

/** Months, then days, then the time: in that order on both sides. */
const addInterval: Binary = (op, a, b) => {
  const { when, span } = byInterval(a, b)
  if (!span.span && !span.elapsed && !span.spread) relay('an interval that is not a constant')
  const sql = `(CAST(${when.sql} AS TIMESTAMP) ${op} ${span.sql})`
  const sum = inCommonEra(sql, OID.timestamp, [a, b])
  return !span.span || isShort(span.span) ? sum : fallible(sum)
}

const addToInstantOf: Binary = (op, a, b, zone) => {
  const { when, span } = byInterval(a, b)
  if (span.span) return addToInstant(op, when, span.span, zone)
  if (span.spread === 'time')
    return stable(inCommonEra(`(${when.sql} ${op} ${span.sql})`, OID.timestamptz, [a, b]))
  // Whole days and hours are alike where every day has 24 of them.
  if (zone !== UTC || !(span.elapsed ?? span.spread)) relay('an interval that is not a constant')
  const sql = `timezone('UTC', timezone('UTC', ${when.sql}) ${op} ${span.sql})`
  return stable(inCommonEra(sql, OID.timestamptz, [a, b]))
}

/** n times an interval that is a constant. Postgres multiplies by a double: exact below 2^53. */
const multiplySpan: Binary = (_op, a, b) => {
  const [times, { span }] = a.type.oid === OID.interval ? [b, a] : [a, b]
  if (!span) return relay('an interval that is not a constant')
  const isTime = span.months === 0 && span.days === 0
  const isWhole = times.type.oid !== OID.numeric || (isTime && decimalOf(times).scale === 0)
  if (!isWhole) return relay('a part of an interval')
  const count = `CAST(${times.decimal?.sql ?? times.sql} AS BIGINT)`
  const most = span.micros === 0n ? DOUBLE_EXACT : DOUBLE_EXACT / abs(span.micros)
  const sql = guard(
    `abs(${count}) > ${most}`,
    `${spanSql(span)} * ${count}`,
    'interval out of range'
  )
  const expr = typed(`(${sql})`, OID.interval, factsOf([a, b]))
  const product = times.whole !== undefined && spanTimes(span, times.whole)
  const isNear = product !== false && isShort(product)
  return { ...(isNear ? unproven(expr) : fallible(expr)), spread: isTime ? 'time' : 'days' }
}

const spanTimes = ({ months, days, micros }: Interval, times: bigint): Interval => ({
  months: months * Number(times),
  days: days * Number(times),
  micros: micros * times
})

const DOUBLE_EXACT = 9_007_199_254_740_991n
const abs = (value: bigint): bigint => (value < 0n ? -value : value)

const subtractInstants: Binary = (_op, a, b) => timeBetween(a, b)

const WITHOUT_ZONE = [OID.date, OID.timestamp]
const SMALL = [OID.int2, OID.int4]
const FACTORS = [...SMALL, OID.numeric]
const NUMBERS = [...EXACT, ...FLOATS]
const ARITHMETIC = ['+', '-', '*', '/']

/** First match wins. */
export const OPERATORS: readonly OperatorRule[] = [
  { ops: COMPARISON, left: INTEGERS, right: INTEGERS, make: compare },
  { ops: COMPARISON, left: EXACT, right: EXACT, make: compareExact },
  { ops: COMPARISON, left: FLOATS, right: FLOATS, alike: true, make: compare },
  { ops: COMPARISON, left: FLOATS, right: NUMBERS, make: compareDouble },
  { ops: COMPARISON, left: NUMBERS, right: FLOATS, make: compareDouble },
  { ops: COMPARISON, left: PLAIN, right: PLAIN, alike: true, make: compare },
  { ops: COMPARISON, left: WITHOUT_ZONE, right: WITHOUT_ZONE, make: compareInstant },
  { ops: COMPARISON, left: WITHOUT_ZONE, right: [OID.timestamptz], make: compareZoned },
  { ops: COMPARISON, left: [OID.timestamptz], right: WITHOUT_ZONE, make: compareZoned },
  { ops: EQUALITY, left: TEXTS, right: TEXTS, make: compare },
  { ops: ORDERING, left: TEXTS, right: TEXTS, make: compareOrder },
  // char(n) is kept without its trailing blanks, which its comparisons ignore.
  { ops: EQUALITY, left: [OID.bpchar], right: [OID.bpchar], make: compare },
  { ops: ORDERING, left: [OID.bpchar], right: [OID.bpchar], make: compareOrder },
  { ops: EQUALITY, left: [OID.bpchar], right: [OID.text], make: compare },
  { ops: EQUALITY, left: [OID.text], right: [OID.bpchar], make: compare },
  { ops: ['~~', '!~~', '~~*', '!~~*'], left: TEXTS, right: TEXTS, make: like },
  { ops: ['~', '!~', '~*', '!~*'], left: TEXTS, right: TEXTS, make: matches },
  { ops: ['||'], left: TEXTS, right: [...TEXTS, ...APPENDED], make: concat },
  { ops: ['||'], left: APPENDED, right: TEXTS, make: concat },
  { ops: ['+', '-', '*'], left: INTEGERS, right: INTEGERS, make: addIntegers },
  { ops: ['/', '%'], left: INTEGERS, right: INTEGERS, make: divideIntegers },
  { ops: ['+', '-'], left: EXACT, right: EXACT, make: addExact },
  { ops: ['*'], left: EXACT, right: EXACT, make: multiplyExact },
  { ops: ['/'], left: EXACT, right: EXACT, make: divideExact },
  { ops: ARITHMETIC, left: [OID.float4], right: [OID.float4], make: floats(OID.float4) },
  { ops: ARITHMETIC, left: FLOATS, right: NUMBERS, make: floats(OID.float8) },
  { ops: ARITHMETIC, left: NUMBERS, right: FLOATS, make: floats(OID.float8) },
  { ops: ['+', '-'], left: [OID.date], right: SMALL, make: addDays },
  { ops: ['+'], left: SMALL, right: [OID.date], make: addDays },
  { ops: ['-'], left: [OID.date], right: [OID.date], make: subtractDates },
  { ops: ['+', '-'], left: WITHOUT_ZONE, right: [OID.interval], make: addInterval },
  { ops: ['+'], left: [OID.interval], right: WITHOUT_ZONE, make: addInterval },
  { ops: ['+', '-'], left: [OID.timestamptz], right: [OID.interval], make: addToInstantOf },
  { ops: ['+'], left: [OID.interval], right: [OID.timestamptz], make: addToInstantOf },
  { ops: ['-'], left: WITHOUT_ZONE, right: WITHOUT_ZONE, make: subtractInstants },
  { ops: ['-'], left: [OID.timestamptz], right: [OID.timestamptz], make: subtractInstants },
  { ops: ['*'], left: FACTORS, right: [OID.interval], make: multiplySpan },
  { ops: ['*'], left: [OID.interval], right: FACTORS, make: multiplySpan },
  { ops: COMPARISON, left: [OID.interval], right: [OID.interval], make: compareSpans }
]

const isFor = (rule: OperatorRule, op: string, a: number, b: number): boolean =>
  rule.ops.includes(op) &&
  rule.left.includes(a) &&
  rule.right.includes(b) &&
  (!rule.alike || a === b)

/** `a op b`, both typed. */
export function applyOperator(op: string, a: Expr, b: Expr, zone: ZoneName): Expr {
  const rule = OPERATORS.find((one) => isFor(one, op, a.type.oid, b.type.oid))
  if (!rule) return relay(`operator ${op} on these types is not known to be equal`)
  return rule.make(op, a, b, zone)
}

/** `-a`. The smallest integer fails on both sides. */
export function negate(a: Expr): Expr {
  if (a.type.oid === OID.numeric) {
    const { sql, precision, scale } = decimalOf(a)
    return decimalExpr({ sql: `(- ${sql})`, precision, scale }, digitsOf(a), factsOf([a]))
  }
  if (a.span) return negatedSpan(a.span, a)
  if (!isInteger(a.type.oid) && !FLOATS.includes(a.type.oid)) return relay('unary minus')
  const expr = typed(`(- ${a.sql})`, a.type.oid, factsOf([a]))
  if (!isInteger(a.type.oid)) return unproven(expr)
  return (a.whole !== undefined && wholeOf(expr, -a.whole)) || fallible(expr)
}

const negatedSpan = ({ months, days, micros }: Interval, a: Expr): Expr => {
  const span = { months: -months, days: -days, micros: -micros }
  return { ...typed(spanSql(span), OID.interval, factsOf([a])), span }
}
