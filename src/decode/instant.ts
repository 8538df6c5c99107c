// Dates and times from JSON: strings as Postgres reads ISO forms, integers by RisingWave's units.
// A timestamptz string must carry its offset (unless the mode says UTC): no session decides it.

import { invalidDatetimeFormat } from '../errors.ts'
import type { TimestamptzHandling } from '../types/connector.ts'
import { checkDate, date } from '../types/date.ts'
import { OID } from '../types/oids.ts'
import { time, toTime } from '../types/time.ts'
import { parseTimestamp, parseTimestamptz, toTimestamp } from '../types/timestamp.ts'
import { findZone } from '../types/timezone.ts'
import type { Zone } from '../types/timezone.ts'
import type { ColumnType, OutputSettings, Value } from '../types/value.ts'
import type { Kind } from './field.ts'

/** Enough digits for every unit; longer ones are out of range in all of them. */
const WHOLE = /^-?\d{1,20}$/

const UNUSED: OutputSettings = {
  timeZone: 'UTC',
  dateStyle: 'ISO, MDY',
  intervalStyle: 'postgres',
  extraFloatDigits: 1,
  byteaOutput: 'hex'
}

const DATE_TYPE: ColumnType = { oid: OID.date, typmod: -1 }

/** An ISO string, or days since 1970-01-01. */
export function dateOf(kind: Kind, text: string): Value | undefined {
  if (kind === 'string') return date.fromText(text, DATE_TYPE, UNUSED)
  return kind === 'number' && WHOLE.test(text) ? checkDate(Number(text) + 0, text) : undefined
}

type Coerce = (kind: Kind, text: string) => Value | undefined

/** A string, or microseconds since midnight. */
export function timeOf(type: ColumnType): Coerce {
  return (kind, text) => {
    if (kind === 'string') return time.fromText(text, type, UNUSED)
    return kind === 'number' && WHOLE.test(text) ? toTime(Number(text), type.typmod) : undefined
  }
}

/**
 * A wall clock or an integer of guessed unit. RisingWave refuses a trailing Z; here it is read as
 * the wall clock in UTC, which the text shows.
 */
export function timestampOf(type: ColumnType): Coerce {
  return (kind, text) => {
    if (kind === 'string') return parseTimestamp(text, type.typmod)
    return integerInstant(kind, text, type, guessedMicros)
  }
}

export function timestamptzOf(type: ColumnType, handling: TimestamptzHandling): Coerce {
  const ofNumber = NUMBER_UNIT[handling]
  const zone = handling === 'utc_without_suffix' ? utc : offsetRequired
  return (kind, text) => {
    if (kind === 'string') return parseTimestamptz(text, type.typmod, zone)
    return ofNumber ? integerInstant(kind, text, type, ofNumber) : undefined
  }
}

function integerInstant(
  kind: Kind,
  text: string,
  type: ColumnType,
  toMicros: (value: bigint) => bigint
): bigint | undefined {
  if (kind !== 'number' || !WHOLE.test(text)) return undefined
  return toTimestamp(toMicros(BigInt(text)), type.typmod, text)
}

/** Both utc_* modes take strings only. */
const NUMBER_UNIT: Readonly<Record<TimestamptzHandling, ((value: bigint) => bigint) | undefined>> =
  {
    micro: (value) => value,
    milli: (value) => value * 1_000n,
    guess_number_unit: guessedMicros,
    utc_string: undefined,
    utc_without_suffix: undefined
  }

/** Seconds, milliseconds, microseconds or nanoseconds, by size (RisingWave's cast/mod.rs). */
function guessedMicros(value: bigint): bigint {
  const size = value < 0n ? -value : value
  if (size < 100_000_000_000n) return value * 1_000_000n
  if (size < 100_000_000_000_000n) return value * 1_000n
  if (size < 100_000_000_000_000_000n) return value
  // Towards the past, so that an instant never moves into the next microsecond.
  return value >= 0n ? value / 1_000n : -((-value + 999n) / 1_000n)
}

function utc(): Zone {
  const zone = findZone('UTC')
  if (zone) return zone
  throw invalidDatetimeFormat('time zone "UTC" is not known here')
}

function offsetRequired(): Zone {
  throw invalidDatetimeFormat('a timestamp with time zone must carry its offset from UTC')
}
