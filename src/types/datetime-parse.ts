// Reads the ISO-like spellings of dates and times that every Postgres reads alike whatever its
// DateStyle. All else ("now", "Jan 5", abbreviations of zones) is refused: its meaning hangs on
// the clock or on settings that only Postgres has.

import {
  datetimeFieldOverflow,
  invalidDatetimeFormat,
  invalidParameterValue,
  invalidTimeZoneDisplacement
} from '../errors.ts'
import type { PgError } from '../errors.ts'
import { daysFromCivil, daysInMonth, fractionMicros, MICROS_PER_SECOND } from './calendar.ts'
import { findZone } from './timezone.ts'
import type { Zone } from './timezone.ts'

export interface ParsedDatetime {
  /** Days since 1970-01-01. */
  readonly days: number
  /** Microseconds of that day; a day or a little more for 24:00:00 and second 60. */
  readonly micros: number
  /** Seconds east of Greenwich, or a named zone; undefined when the text names none. */
  readonly zone: number | Zone | undefined
}

export type DatetimeWord = 'infinity' | '-infinity' | 'epoch'

const CLOCK = String.raw`(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d+))?)?`
const DATE = String.raw`(?:(\d{3,7})-(\d{1,2})-(\d{1,2})|(\d{4})(\d\d)(\d\d))`
const ZONE = String.raw`(?:\s*(Z|[+-]\d[\d:]*)|\s+(UTC|GMT|[A-Za-z]+(?:/[A-Za-z0-9_+-]+)+))`
// Postgres's blanks are ASCII; \s knows more of them.
const ascii = (pattern: string): RegExp =>
  new RegExp(`^\\s*${pattern}\\s*$`.replaceAll('\\s', '[ \\t-\\r]'), 'i')

const DATETIME = ascii(String.raw`${DATE}(?:(?:T|\s+)${CLOCK}${ZONE}?)?(?:\s+(AD|BC))?`)
const TIME = ascii(CLOCK)
const WORD = ascii(String.raw`(-?infinity|epoch)`)
const DISPLACEMENT = /^[+-](?:(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}))?)?|(\d{1,2})(\d\d))$/

/** Hours of displacement stay below this (MAX_TZDISP_HOUR). */
const ZONE_HOURS_MAX = 15

export const badDatetime = (text: string, typeName: string): PgError =>
  invalidDatetimeFormat(`invalid input syntax for type ${typeName}: "${text}"`)

const badField = (text: string): PgError =>
  datetimeFieldOverflow(`date/time field value out of range: "${text}"`)

/** @throws PgError 22007, 22008, 22009, 22023 */
export function parseDatetime(text: string, typeName: string): ParsedDatetime | DatetimeWord {
  return parsePlain(text) ?? parseSpelled(text, typeName)
}

const ZERO = 0x30
/** Up to its seconds. */
const PLAIN_CHARS = 'YYYY-MM-DDThh:mm:ss'.length

/**
 * YYYY-MM-DDThh:mm:ss[.fraction]Z, as JSON has it: expressions would take many times as long.
 * undefined: another spelling, or no such time.
 */
function parsePlain(text: string): ParsedDatetime | undefined {
  const last = text.length - 1
  if (last < PLAIN_CHARS || text[last] !== 'Z' || !hasPlainMarks(text)) return undefined
  const year = plainDigits(text, 0, 4)
  const month = plainDigits(text, 5, 7)
  const day = plainDigits(text, 8, 10)
  const hour = plainDigits(text, 11, 13)
  const minute = plainDigits(text, 14, 16)
  const second = plainDigits(text, 17, PLAIN_CHARS)
  const part = last === PLAIN_CHARS ? 0 : plainFraction(text, last)
  // What is not a number is in no bounds.
  const isClock = hour < 24 && minute < 60 && second < 60 && part >= 0
  if (!isClock || !(year >= 1 && month >= 1 && month <= 12)) return undefined
  if (!(day >= 1 && day <= daysInMonth(year, month))) return undefined
  const micros = (hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + part
  return { days: daysFromCivil(year, month, day), micros, zone: 0 }
}

const hasPlainMarks = (text: string): boolean =>
  text[4] === '-' && text[7] === '-' && text[10] === 'T' && text[13] === ':' && text[16] === ':'

/** Microseconds of up to six digits behind a point. */
function plainFraction(text: string, end: number): number {
  const digits = end - PLAIN_CHARS - 1
  if (text[PLAIN_CHARS] !== '.' || digits < 1 || digits > 6) return NaN
  return plainDigits(text, PLAIN_CHARS + 1, end) * 10 ** (6 - digits)
}

/** NaN where there is anything but digits. */
function plainDigits(text: string, from: number, to: number): number {
  let value = 0
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - ZERO
    if (!(digit >= 0 && digit <= 9)) return NaN
    value = value * 10 + digit
  }
  return value
}

function parseSpelled(text: string, typeName: string): ParsedDatetime | DatetimeWord {
  const found = DATETIME.exec(text)
  if (!found) return parseWord(text, typeName)
  const [, y1, m1, d1, y2, m2, d2, hour, minute, second, fraction, offset, zoneName, era] = found
  const days = parseDays(y1 ?? y2 ?? '', m1 ?? m2 ?? '', d1 ?? d2 ?? '', era, text)
  if (hour === undefined || minute === undefined) return { days, micros: 0, zone: undefined }
  const micros = clockMicros(hour, minute, second, fraction, text)
  return { days, micros, zone: parseZone(offset, zoneName, text, typeName) }
}

function parseWord(text: string, typeName: string): DatetimeWord {
  const word = WORD.exec(text)?.[1]?.toLowerCase()
  if (word === 'infinity') return 'infinity'
  if (word === '-infinity' || word === 'epoch') return word
  throw badDatetime(text, typeName)
}

function parseDays(y: string, m: string, d: string, era: string | undefined, text: string): number {
  const month = Number(m)
  const day = Number(d)
  // There is no year zero in either era.
  if (Number(y) === 0) throw badField(text)
  const year = era?.toUpperCase() === 'BC' ? 1 - Number(y) : Number(y)
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) throw badField(text)
  return daysFromCivil(year, month, day)
}

function clockMicros(
  h: string,
  m: string,
  s: string | undefined,
  fraction: string | undefined,
  text: string
): number {
  const hour = Number(h)
  const minute = Number(m)
  const second = Number(s ?? 0)
  if (hour > 24 || minute > 59 || second > 60) throw badField(text)
  const part = fraction === undefined ? 0 : fractionMicros(fraction)
  if (hour === 24 && minute + second + part > 0) throw badField(text)
  return (hour * 3600 + minute * 60 + second) * MICROS_PER_SECOND + part
}

function parseZone(
  offset: string | undefined,
  name: string | undefined,
  text: string,
  typeName: string
): number | Zone | undefined {
  if (offset !== undefined) return parseOffset(offset, text, typeName)
  if (name === undefined) return undefined
  const zone = findZone(name)
  if (zone) return zone
  throw invalidParameterValue(`time zone "${name.toLowerCase()}" not recognized`)
}

function parseOffset(offset: string, text: string, typeName: string): number {
  if (offset === 'Z' || offset === 'z') return 0
  const found = DISPLACEMENT.exec(offset)
  if (!found) throw badDatetime(text, typeName)
  const [, h1, m1, s1, h2, m2] = found
  const hours = Number(h1 ?? h2)
  const minutes = Number(m1 ?? m2 ?? 0)
  const seconds = Number(s1 ?? 0)
  if (hours > ZONE_HOURS_MAX || minutes > 59 || seconds > 59) {
    throw invalidTimeZoneDisplacement(`time zone displacement out of range: "${text}"`)
  }
  const size = hours * 3600 + minutes * 60 + seconds
  return offset.startsWith('-') ? -size : size
}

/** Microseconds since midnight of "hh:mm[:ss[.ffffff]]". @throws PgError 22007, 22008 */
export function parseClock(text: string): number {
  const found = TIME.exec(text)
  if (!found) throw badDatetime(text, 'time')
  const [, hour = '', minute = '', second, fraction] = found
  return clockMicros(hour, minute, second, fraction, text)
}
