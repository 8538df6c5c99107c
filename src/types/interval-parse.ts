// Reads intervals: "1 year 2 mons -3 days 04:05:06.7", "@ 1 hour ago" and ISO 8601's "P1Y2M3DT4H".
// Rarer spellings (SQL's "1-2", bare fields after others) are refused; Postgres reads them itself.
// Fractions fall through to smaller units as in DecodeInterval (datetime.c).

import { intervalFieldOverflow, invalidDatetimeFormat } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { fractionMicros, roundHalfEven } from './calendar.ts'
import type { Interval } from './value.ts'

interface Unit {
  readonly part: 'months' | 'days' | 'micros'
  /** How many of that part one unit is. */
  readonly scale: number
}

const months = (scale: number): Unit => ({ part: 'months', scale })
const days = (scale: number): Unit => ({ part: 'days', scale })
const micros = (scale: number): Unit => ({ part: 'micros', scale })

const MICROSECOND = micros(1)
const MILLISECOND = micros(1_000)
const SECOND = micros(1_000_000)
const MINUTE = micros(60_000_000)
const HOUR = micros(3_600_000_000)

/** What seconds with a fraction, and what a clock reading, leave no room for beside them. */
const SECOND_UNITS: readonly Unit[] = [SECOND, MILLISECOND, MICROSECOND]
const CLOCK_UNITS: readonly Unit[] = [...SECOND_UNITS, MINUTE, HOUR]

const NAMES: readonly (readonly [names: string, unit: Unit])[] = [
  ['microsecond microseconds microsecon us usec usecs useconds usecond', MICROSECOND],
  ['millisecond milliseconds millisecon ms msec msecs mseconds', MILLISECOND],
  ['second seconds s sec secs', SECOND],
  ['minute minutes m min mins', MINUTE],
  ['hour hours h hr hrs', HOUR],
  ['day days d', days(1)],
  ['week weeks w', days(7)],
  ['month months mon mons', months(1)],
  ['year years y yr yrs', months(12)],
  ['decade decades dec decs', months(120)],
  ['century centuries c cent', months(1_200)],
  ['millennium millennia mil mils', months(12_000)]
]

const UNITS: ReadonlyMap<string, Unit> = new Map(
  NAMES.flatMap(([names, unit]) => names.split(' ').map((name): [string, Unit] => [name, unit]))
)

const ISO_DATE: Readonly<Record<string, Unit>> = {
  Y: months(12),
  M: months(1),
  W: days(7),
  D: days(1)
}
const ISO_TIME: Readonly<Record<string, Unit>> = {
  H: HOUR,
  M: MINUTE,
  S: SECOND
}

const DAYS_PER_MONTH = 30
const MICROS_PER_DAY = 86_400_000_000

const CLOCK = String.raw`([+-]?)(\d+):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?`
const COUNT = String.raw`([+-]?)(\d*)(?:\.(\d+))?[ \t-\r]*([a-z]*)`
const FIELD = new RegExp(String.raw`[ \t-\r]*(?:${CLOCK}|${COUNT})(?=[ \t-\r]|$)`, 'iy')
const ISO = /^P(?=.)((?:-?\d+(?:\.\d+)?[YMWD])*)(?:T((?:-?\d+(?:\.\d+)?[HMS])+))?$/
const ISO_FIELD = /(-?)(\d+)(\.\d+)?([A-Z])/g

const bad = (text: string): PgError =>
  invalidDatetimeFormat(`invalid input syntax for type interval: "${text}"`)

const overflow = (text: string): PgError =>
  intervalFieldOverflow(`interval field value out of range: "${text}"`)

class Sum {
  months = 0
  days = 0
  micros = 0n

  /** `rest` is what lies beyond the whole units, with the sign. */
  add(sign: number, whole: string, rest: number, unit: Unit): void {
    const count = sign * Number(whole || 0)
    if (unit.part !== 'micros') this[unit.part] += count * unit.scale
    else this.micros += BigInt(sign) * BigInt(whole || 0) * BigInt(unit.scale)
    if (rest !== 0) this.#addFraction(rest, unit)
  }

  /** Years round to months; months and weeks give whole days and a rest in microseconds. */
  #addFraction(rest: number, { part, scale }: Unit): void {
    if (part === 'micros') this.#addMicros(rest * scale)
    else if (part === 'months' && scale > 1) this.months += roundHalfEven(rest * scale)
    else if (part === 'days' && scale === 1) this.#addMicros(rest * MICROS_PER_DAY)
    else this.#addDays(rest * (part === 'months' ? DAYS_PER_MONTH : scale))
  }

  #addDays(rest: number): void {
    const whole = Math.trunc(rest)
    this.days += whole
    this.#addMicros((rest - whole) * MICROS_PER_DAY)
  }

  #addMicros(rest: number): void {
    const whole = Math.trunc(rest)
    const left = rest - whole
    this.micros += BigInt(whole + (left > 0.5 ? 1 : left < -0.5 ? -1 : 0))
  }

  result(negated: boolean, text: string): Interval {
    const sign = negated ? -1 : 1
    const value = {
      months: this.months * sign + 0,
      days: this.days * sign + 0,
      micros: this.micros * BigInt(sign)
    }
    const fits = (whole: number): boolean => whole === (whole | 0)
    if (!fits(value.months) || !fits(value.days)) throw overflow(text)
    if (BigInt.asIntN(64, value.micros) !== value.micros) throw overflow(text)
    return value
  }
}

/** @throws PgError 22007, 22015 */
export function parseInterval(text: string): Interval {
  const iso = ISO.exec(text)
  return iso ? parseIso(iso[1] ?? '', iso[2] ?? '', text) : parseVerbose(text)
}

function parseIso(date: string, clock: string, text: string): Interval {
  if (date === '' && clock === '') throw bad(text)
  const sum = new Sum()
  addIso(sum, date, ISO_DATE)
  addIso(sum, clock, ISO_TIME)
  return sum.result(false, text)
}

function addIso(sum: Sum, fields: string, units: Readonly<Record<string, Unit>>): void {
  for (const [, sign, whole = '', fraction, letter = ''] of fields.matchAll(ISO_FIELD)) {
    const unit = units[letter]
    // Taken from the whole number in binary, as Postgres does: -1.2 leaves -0.19999999999999996.
    const value = Number(`${sign}${whole}${fraction ?? ''}`)
    if (unit) sum.add(sign === '-' ? -1 : 1, whole, value - Math.trunc(value), unit)
  }
}

function parseVerbose(text: string): Interval {
  const ago = /[ \t-\r]ago[ \t-\r]*$/i.exec(text)
  const body = (ago ? text.slice(0, ago.index) : text).replace(/^[ \t-\r]*@/, '')
  const end = body.replace(/[ \t-\r]+$/, '').length
  const sum = new Sum()
  const seen = new Set<Unit>()
  FIELD.lastIndex = 0
  for (let at = 0; at < end; at = FIELD.lastIndex) {
    FIELD.lastIndex = at
    const field = FIELD.exec(body)
    const units = field ? addField(sum, field, at === 0 && field[0].length >= end, text) : []
    // Postgres refuses a unit given twice.
    if (units.length === 0 || units.some((unit) => seen.has(unit))) throw bad(text)
    for (const unit of units) seen.add(unit)
  }
  if (seen.size === 0) throw bad(text)
  return sum.result(ago !== null, text)
}

/** Adds a field and says which units it has used up; none when it is not a field. */
function addField(sum: Sum, field: RegExpExecArray, alone: boolean, text: string): readonly Unit[] {
  if (field[2] !== undefined) {
    addClock(sum, field, text)
    return CLOCK_UNITS
  }
  const [, , , , , , sign, whole = '', fraction, word = ''] = field
  const unit = UNITS.get(word.toLowerCase() || (alone ? 's' : ''))
  // Postgres reads ".5 days" one way alone and another after a clock.
  if (!unit || whole === '') return []
  const factor = sign === '-' ? -1 : 1
  sum.add(factor, whole, factor * Number(`0.${fraction ?? 0}`), unit)
  return unit === SECOND && fraction !== undefined ? SECOND_UNITS : [unit]
}

function addClock(sum: Sum, field: RegExpExecArray, text: string): void {
  const [, sign, hour = '', minute = '', second = '0', fraction] = field
  if (Number(minute) > 59 || Number(second) > 60) throw overflow(text)
  const part = fraction === undefined ? 0 : fractionMicros(fraction)
  const seconds = BigInt(hour) * 3600n + BigInt(minute) * 60n + BigInt(second)
  const size = seconds * 1_000_000n + BigInt(part)
  sum.micros += sign === '-' ? -size : size
}
