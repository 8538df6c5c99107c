// DuckDB vectors → fields of DataRows, without a JavaScript value between them where that is possible:
// the hot path of every scan. Owns which pairs of vector and Postgres type have such a way; what has
// none goes by its canonical values and the type's codec.

import { DuckDBTypeId } from '@duckdb/node-api'
import type { DuckDBVector } from '@duckdb/node-api'
import { invariant } from '../errors.ts'
import { civilFromDays, clockText, dateText } from '../types/calendar.ts'
import { codecFor } from '../types/codec.ts'
import { float8Text } from '../types/float-text.ts'
import { OID } from '../types/oids.ts'
import type { ColumnType, OutputSettings } from '../types/value.ts'
import type { RowWriter } from '../wire/row-writer.ts'
import { vectorValidity, vectorView } from './duck-memory.ts'
import { vectorReader } from './duck-read.ts'
import { textPlaces } from './duck-text.ts'
import { KEPT_SETTINGS, printsAsUtc } from './row-fields.ts'

/** A result column as the client wants it. */
export interface OutputColumn {
  readonly type: ColumnType
  readonly isBinary: boolean
}

/** Writes a row's field. */
export type WriteField = (writer: RowWriter, row: number) => void

/** Opens the first `count` fields of a vector; what it gives is good as long as the vector. */
type Open = (vector: DuckDBVector, count: number) => WriteField

/** Microseconds between 1970 and 2000. */
const EPOCH_MICROS = 946_684_800_000_000n
const DAY_MICROS = 86_400_000_000
const WORD = 0x100000000
const TRUE = 't'
const FALSE = 'f'

/** How to write a column of these vectors; `typeId`: the vectors' own type. */
export function fieldWriter(
  typeId: DuckDBTypeId,
  column: OutputColumn,
  settings: OutputSettings
): Open {
  const { type, isBinary } = column
  const direct = (isBinary ? BINARY : TEXT)[type.oid]
  if (direct?.of === typeId && (direct.when?.(settings) ?? true)) return notNull(direct.open)
  return byValues(column, settings)
}

function notNull(open: Open): Open {
  return (vector, count) => {
    const write = open(vector, count)
    const validity = vectorValidity(vector)
    if (!validity) return write
    return (writer, row) => {
      if (((validity[row >> 3] as number) & (1 << (row & 7))) === 0) writer.writeNull()
      else write(writer, row)
    }
  }
}

function byValues({ type, isBinary }: OutputColumn, settings: OutputSettings): Open {
  const codec = codecFor(type.oid)
  invariant(codec, `a codec for type ${type.oid}`)
  return (vector, count) => {
    const values = vectorReader(vector.type)(vector, count)
    return (writer, row) => {
      const value = values[row]!
      if (value === null) writer.writeNull()
      else if (isBinary) writer.writeBytes(codec.toBinary(value, type))
      else writer.writeText(codec.toText(value, type, settings))
    }
  }
}

interface Direct {
  /** The vectors it reads. */
  readonly of: DuckDBTypeId
  readonly open: Open
  /** Under which settings. */
  readonly when?: (settings: OutputSettings) => boolean
}

type View = new (
  buffer: ArrayBuffer,
  byteOffset: number,
  length: number
) => { readonly [i: number]: number }

const numbers =
  (view: View, write: (writer: RowWriter, value: number) => void): Open =>
  (vector, count) => {
    const fields = vectorView(vector, view, count)
    return (writer, row) => write(writer, fields[row] as number)
  }

const decimal = (writer: RowWriter, value: number): void => writer.writeDecimal(value)

/** Each field as its upper (signed) and lower (unsigned) word. */
const longs =
  (write: (writer: RowWriter, high: number, low: number) => void): Open =>
  (vector, count) => {
    const highs = vectorView(vector, Int32Array, count * 2)
    const lows = vectorView(vector, Uint32Array, count * 2)
    return (writer, row) => write(writer, highs[row * 2 + 1] as number, lows[row * 2] as number)
  }

const int8Text = longs((writer, high, low) => {
  const value = high * WORD + low
  if (Number.isSafeInteger(value)) writer.writeDecimal(value)
  else writer.writeAscii(String((BigInt(high) << 32n) + BigInt(low)))
})

const int8Binary = longs((writer, high, low) => writer.writeInt64(high, low))

const text: Open = (vector, count) => {
  const { buffers, starts, lengths, own } = textPlaces(vector, count)
  if (buffers.length === 0) {
    return (writer, row) => writer.writeSlice(own, starts[row] as number, lengths[row] as number)
  }
  return (writer, row) => {
    writer.writeSlice(buffers[row] ?? own, starts[row] as number, lengths[row] as number)
  }
}

const float8Binary: Open = (vector, count) => {
  const words = vectorView(vector, Uint32Array, count * 2)
  return (writer, row) => writer.writeInt64(words[row * 2 + 1] as number, words[row * 2] as number)
}

const float4Binary: Open = (vector, count) => {
  const words = vectorView(vector, Uint32Array, count)
  return (writer, row) => writer.writeInt32(words[row] as number)
}

/**
 * A decimal of few digits that reads back as the number is its shortest one: no other of at most 15
 * digits is as near. Amounts and coordinates are such numbers, and quick to print.
 */
function writeFloat8(writer: RowWriter, value: number): void {
  const scaled = Math.round(value * PARTS)
  if (scaled / PARTS !== value || scaled === 0 || Math.abs(scaled) > SCALED_MAX) {
    return writer.writeAscii(float8Text(value))
  }
  const size = Math.abs(scaled)
  const whole = Math.floor(size / PARTS)
  let part = size - whole * PARTS
  let digits = part === 0 ? 0 : PART_DIGITS
  for (; digits > 0 && part % 10 === 0; digits--) part /= 10
  writer.writeFixed(value < 0, whole, part, digits)
}

const PARTS = 10_000
const PART_DIGITS = 4
/** Fourteen digits, and far from where Postgres begins to print exponents. */
const SCALED_MAX = 99_999_999_999_999

/** Neighbours often have the same day. */
const dayText = (): ((days: number) => string) => {
  let last = NaN
  let shown = ''
  return (days) => {
    if (days === last) return shown
    const civil = civilFromDays(days)
    last = days
    return (shown = dateText(civil))
  }
}

/** Days of the years 1 to 9999, which print as plain digits: others go by their codec. */
const PLAIN_DAYS_MIN = -719_162
const PLAIN_DAYS_MAX = 2_932_896
const isPlainDay = (days: number): boolean => days >= PLAIN_DAYS_MIN && days <= PLAIN_DAYS_MAX

const dates = (oid: number): Open => {
  const slow = byValues({ type: { oid, typmod: -1 }, isBinary: false }, KEPT_SETTINGS)
  return (vector, count) => {
    const days = vectorView(vector, Int32Array, count)
    const shown = dayText()
    let others: WriteField | undefined
    return (writer, row) => {
      const day = days[row] as number
      if (isPlainDay(day)) return writer.writeAscii(shown(day))
      others ??= slow(vector, count)
      others(writer, row)
    }
  }
}

const SECOND_MICROS = 1_000_000
const [CLOCK_AT, ZERO] = [11, 48]

/** Puts a second of the day where "00:00:00" stands behind a date. */
function putClock(stamp: Buffer, second: number): void {
  const parts = [(second / 3600) | 0, ((second / 60) | 0) % 60, second % 60]
  for (let i = 0, at = CLOCK_AT; i < 3; i++, at += 3) {
    const part = parts[i] as number
    stamp[at] = ZERO + ((part / 10) | 0)
    stamp[at + 1] = ZERO + (part % 10)
  }
}

/** `zone`: what is printed behind a time in UTC. */
const timestamps = (oid: number, zone: string): Open => {
  const slow = byValues({ type: { oid, typmod: -1 }, isBinary: false }, KEPT_SETTINGS)
  return (vector, count) => {
    const highs = vectorView(vector, Int32Array, count * 2)
    const lows = vectorView(vector, Uint32Array, count * 2)
    const shown = dayText()
    const stamp = Buffer.from(`2000-01-01 00:00:00${zone}`)
    let stampDay = NaN
    let others: WriteField | undefined
    return (writer, row) => {
      const micros = (highs[row * 2 + 1] as number) * WORD + (lows[row * 2] as number)
      const day = Math.floor(micros / DAY_MICROS)
      // Up to here micros is exact, too.
      if (Number.isSafeInteger(micros) && isPlainDay(day)) {
        const ofDay = micros - day * DAY_MICROS
        if (micros % SECOND_MICROS !== 0) {
          return writer.writeAscii(`${shown(day)} ${clockText(ofDay)}${zone}`)
        }
        putClock(stamp, ofDay / SECOND_MICROS)
        if (day !== stampDay) stamp.write(shown((stampDay = day)), 'latin1')
        return writer.writeSlice(stamp, 0, stamp.length)
      }
      others ??= slow(vector, count)
      others(writer, row)
    }
  }
}

/** In binary, from 2000 on; infinity is what it is. */
const timestampBinary: Open = (vector, count) => {
  const fields = vectorView(vector, BigInt64Array, count)
  const highs = vectorView(vector, Int32Array, count * 2)
  const lows = vectorView(vector, Uint32Array, count * 2)
  return (writer, row) => {
    const micros = (highs[row * 2 + 1] as number) * WORD + (lows[row * 2] as number)
    if (Number.isSafeInteger(micros)) return writeLong(writer, micros - Number(EPOCH_MICROS))
    const value = fields[row] as bigint
    const isFinite = value !== INFINITY && value !== -INFINITY
    const shifted = isFinite ? value - EPOCH_MICROS : value < 0n ? -INFINITY - 1n : value
    writer.writeInt64(Number(shifted >> 32n), Number(shifted & 0xffffffffn))
  }
}

const INFINITY = 9223372036854775807n

function writeLong(writer: RowWriter, value: number): void {
  const high = Math.floor(value / WORD)
  writer.writeInt64(high, value - high * WORD)
}

const asText: Direct = { of: DuckDBTypeId.VARCHAR, open: text }

const TEXT: Readonly<Record<number, Direct>> = {
  [OID.bool]: {
    of: DuckDBTypeId.BOOLEAN,
    open: numbers(Uint8Array, (writer, value) => writer.writeAscii(value === 0 ? FALSE : TRUE))
  },
  [OID.int2]: { of: DuckDBTypeId.SMALLINT, open: numbers(Int16Array, decimal) },
  [OID.int4]: { of: DuckDBTypeId.INTEGER, open: numbers(Int32Array, decimal) },
  [OID.int8]: { of: DuckDBTypeId.BIGINT, open: int8Text },
  [OID.float8]: {
    of: DuckDBTypeId.DOUBLE,
    open: numbers(Float64Array, writeFloat8)
  },
  [OID.text]: asText,
  [OID.varchar]: asText,
  [OID.json]: asText,
  [OID.jsonb]: asText,
  [OID.numeric]: asText,
  [OID.date]: { of: DuckDBTypeId.DATE, open: dates(OID.date) },
  [OID.timestamp]: { of: DuckDBTypeId.TIMESTAMP, open: timestamps(OID.timestamp, '') },
  [OID.timestamptz]: {
    of: DuckDBTypeId.TIMESTAMP_TZ,
    open: timestamps(OID.timestamptz, '+00'),
    when: ({ timeZone }) => printsAsUtc(timeZone)
  }
}

const BINARY: Readonly<Record<number, Direct>> = {
  [OID.int2]: {
    of: DuckDBTypeId.SMALLINT,
    open: numbers(Int16Array, (writer, value) => writer.writeInt16(value))
  },
  [OID.int4]: {
    of: DuckDBTypeId.INTEGER,
    open: numbers(Int32Array, (writer, value) => writer.writeInt32(value))
  },
  [OID.int8]: { of: DuckDBTypeId.BIGINT, open: int8Binary },
  [OID.float4]: { of: DuckDBTypeId.FLOAT, open: float4Binary },
  [OID.float8]: { of: DuckDBTypeId.DOUBLE, open: float8Binary },
  [OID.text]: asText,
  [OID.varchar]: asText,
  [OID.json]: asText,
  [OID.timestamp]: { of: DuckDBTypeId.TIMESTAMP, open: timestampBinary },
  [OID.timestamptz]: { of: DuckDBTypeId.TIMESTAMP_TZ, open: timestampBinary }
}
