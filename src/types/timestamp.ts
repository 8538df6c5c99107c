// timestamp and timestamptz: microseconds since 1970-01-01 here, since 2000-01-01 in binary.
// Values that Postgres or the store could not hold are refused, never clipped.
// Source: timestamp.c of Postgres.

import { datetimeFieldOverflow, invalidParameterValue } from '../errors.ts'
import { fixedWidth } from './bytes.ts'
import {
  civilFromDays,
  clockText,
  dateText,
  MICROS_PER_DAY,
  MICROS_PER_SECOND,
  SECONDS_PER_DAY,
  twoDigits
} from './calendar.ts'
import type { Codec } from './codec.ts'
import { parseDatetime } from './datetime-parse.ts'
import type { ParsedDatetime } from './datetime-parse.ts'
import { OID } from './oids.ts'
import { findZone } from './timezone.ts'
import type { Zone } from './timezone.ts'
import { TIMESTAMP_INFINITY } from './value.ts'
import type { OutputSettings } from './value.ts'

const POSTGRES_EPOCH_MICROS = 946_684_800_000_000n
/** Postgres begins on 4714-11-24 BC; the store's int64 since 1970 ends before Postgres does. */
const MICROS_MIN = -210_866_803_200_000_000n
const MICROS_END = TIMESTAMP_INFINITY

const INT8_MAX = 2n ** 63n - 1n
const INT8_MIN = -(2n ** 63n)

const PRECISION_MAX = 6
const MICROS_PER_DAY_BIG = BigInt(MICROS_PER_DAY)

/** Microseconds since 1970 as a column of this typmod holds them. @throws PgError 22008 */
export function toTimestamp(micros: bigint, typmod: number, text: string): bigint {
  const value = rounded(micros, typmod)
  if (value >= MICROS_MIN && value < MICROS_END) return value
  throw datetimeFieldOverflow(`timestamp out of range: "${text}"`)
}

/** To timestamp(p)'s digits, halves away from Postgres's own epoch (AdjustTimestampForTypmod). */
function rounded(micros: bigint, typmod: number): bigint {
  if (typmod < 0 || typmod >= PRECISION_MAX) return micros
  const unit = 10n ** BigInt(PRECISION_MAX - typmod)
  const own = micros - POSTGRES_EPOCH_MICROS
  const half = own >= 0n ? unit / 2n : -(unit / 2n)
  return ((own + half) / unit) * unit + POSTGRES_EPOCH_MICROS
}

interface Clock {
  readonly days: number
  readonly micros: number
}

/** Day and microseconds of the day; plain numbers wherever they are exact, for speed. */
function split(value: bigint): Clock {
  const small = Number(value)
  if (Number.isSafeInteger(small)) {
    const days = Math.floor(small / MICROS_PER_DAY)
    return { days, micros: small - days * MICROS_PER_DAY }
  }
  let days = value / MICROS_PER_DAY_BIG
  if (days * MICROS_PER_DAY_BIG > value) days--
  return { days: Number(days), micros: Number(value - days * MICROS_PER_DAY_BIG) }
}

/** The inverse of split; `micros` may lie outside the day. */
function join(days: number, micros: number): bigint {
  const small = days * MICROS_PER_DAY + micros
  if (Number.isSafeInteger(small)) return BigInt(small)
  return BigInt(days) * MICROS_PER_DAY_BIG + BigInt(micros)
}

function infinityText(value: bigint): string | undefined {
  if (value === TIMESTAMP_INFINITY) return 'infinity'
  return value === -TIMESTAMP_INFINITY ? '-infinity' : undefined
}

function localText(value: bigint, zone: string): string {
  const { days, micros } = split(value)
  const civil = civilFromDays(days)
  const text = `${dateText(civil)} ${clockText(micros)}${zone}`
  return civil.year > 0 ? text : `${text} BC`
}

function zoned(value: bigint, settings: OutputSettings): string {
  const offset = sessionZone(settings).offsetAt(wholeSeconds(split(value)))
  return localText(value + BigInt(offset) * 1_000_000n, offsetText(offset))
}

const wholeSeconds = ({ days, micros }: Clock): number =>
  days * SECONDS_PER_DAY + Math.floor(micros / MICROS_PER_SECOND)

/** "+05:30", "-00:01:15", "+00" (EncodeTimezone). */
function offsetText(offset: number): string {
  const size = Math.abs(offset)
  const seconds = size % 60
  const minutes = Math.floor(size / 60) % 60
  let text = (offset < 0 ? '-' : '+') + twoDigits(Math.floor(size / 3600))
  if (minutes !== 0 || seconds !== 0) text += `:${twoDigits(minutes)}`
  if (seconds !== 0) text += `:${twoDigits(seconds)}`
  return text
}

function sessionZone(settings: OutputSettings): Zone {
  const zone = findZone(settings.timeZone)
  if (zone) return zone
  throw invalidParameterValue(`time zone "${settings.timeZone}" is not known here`)
}

function fromParsed(parsed: ParsedDatetime, session: () => Zone): bigint {
  const local = join(parsed.days, parsed.micros)
  if (parsed.zone === 0) return local
  if (typeof parsed.zone === 'number') return local - BigInt(parsed.zone) * 1_000_000n
  const zone = parsed.zone ?? session()
  const offset = zone.offsetOfLocal(wholeSeconds(split(local)))
  return local - BigInt(offset) * 1_000_000n
}

const WORDS = { epoch: 0n, infinity: TIMESTAMP_INFINITY, '-infinity': -TIMESTAMP_INFINITY } as const

/** Wall clock of the text; a zone in it is read and ignored, as Postgres does. */
export function parseTimestamp(text: string, typmod: number): bigint {
  const parsed = parseDatetime(text, 'timestamp')
  if (typeof parsed === 'string') return WORDS[parsed]
  return toTimestamp(join(parsed.days, parsed.micros), typmod, text)
}

/** An instant; `session` gives the zone of a text that names none, or throws. */
export function parseTimestamptz(text: string, typmod: number, session: () => Zone): bigint {
  const parsed = parseDatetime(text, 'timestamp with time zone')
  if (typeof parsed === 'string') return WORDS[parsed]
  return toTimestamp(fromParsed(parsed, session), typmod, text)
}

function toBinary(value: bigint): Uint8Array {
  const bytes = Buffer.allocUnsafe(8)
  if (value === TIMESTAMP_INFINITY) bytes.writeBigInt64BE(INT8_MAX)
  else if (value === -TIMESTAMP_INFINITY) bytes.writeBigInt64BE(INT8_MIN)
  else bytes.writeBigInt64BE(value - POSTGRES_EPOCH_MICROS)
  return bytes
}

function fromBinary(bytes: Uint8Array, typmod: number): bigint {
  const value = fixedWidth(bytes, 8).getBigInt64(0)
  if (value === INT8_MAX) return TIMESTAMP_INFINITY
  if (value === INT8_MIN) return -TIMESTAMP_INFINITY
  return toTimestamp(value + POSTGRES_EPOCH_MICROS, typmod, String(value))
}

export const timestamp: Codec = {
  oid: OID.timestamp,
  typlen: 8,
  toText: (value) => infinityText(value as bigint) ?? localText(value as bigint, ''),
  toBinary: (value) => toBinary(value as bigint),
  fromText: (text, type) => parseTimestamp(text, type.typmod),
  fromBinary: (bytes, type) => fromBinary(bytes, type.typmod)
}

export const timestamptz: Codec = {
  oid: OID.timestamptz,
  typlen: 8,
  toText: (value, _type, settings) =>
    infinityText(value as bigint) ?? zoned(value as bigint, settings),
  toBinary: (value) => toBinary(value as bigint),
  fromText: (text, type, settings) =>
    parseTimestamptz(text, type.typmod, () => sessionZone(settings)),
  fromBinary: (bytes, type) => fromBinary(bytes, type.typmod)
}
