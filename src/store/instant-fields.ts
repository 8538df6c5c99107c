// Vectors of days and of microseconds → fields. Owns how dates and timestamps of the years 1 to 9999
// are printed; all others go by their codec.

import type { DuckDBVector } from '@duckdb/node-api'
import { civilFromDays, dateText } from '../types/calendar.ts'
import { putPair, putSix } from '../types/digits.ts'
import { TIMESTAMP_INFINITY } from '../types/value.ts'
import { vectorValidity, vectorView } from './duck-memory.ts'
import type { Open, Render } from './field-writers.ts'

/** Microseconds between 1970 and 2000. */
const EPOCH_MICROS = 946_684_800_000_000n
const DAY_MICROS = 86_400_000_000
const SECOND_MICROS = 1_000_000
const WORD = 0x100000000

/** Days of the years 1 to 9999, which print as plain digits. */
const PLAIN_DAYS_MIN = -719_162
const PLAIN_DAYS_MAX = 2_932_896
const isPlainDay = (days: number): boolean => days >= PLAIN_DAYS_MIN && days <= PLAIN_DAYS_MAX

const DATE_BYTES = 10
/** "2000-01-01 00:00:00.000000+00" */
const STAMP_BYTES = 32
const [SPACE, COLON, POINT, ZERO] = [0x20, 0x3a, 0x2e, 0x30]

/** Prints days; neighbours often have the same one. */
class DayText {
  #day = NaN
  readonly #view = new DataView(new ArrayBuffer(DATE_BYTES))

  /** Puts its ten characters. */
  put(view: DataView, at: number, day: number): void {
    const shown = this.#view
    if (day !== this.#day) this.#show(day)
    view.setInt32(at, shown.getInt32(0))
    view.setInt32(at + 4, shown.getInt32(4))
    view.setInt16(at + 8, shown.getInt16(8))
  }

  #show(day: number): void {
    const text = dateText(civilFromDays(day))
    for (let i = 0; i < DATE_BYTES; i++) this.#view.setUint8(i, text.charCodeAt(i))
    this.#day = day
  }
}

/** `slow`: for whatever is no plain day; as the codec prints it. */
export const dates =
  (slow: Open): Open =>
  (vector, count) => {
    const days = vectorView(vector, Int32Array, count)
    const text = new DayText()
    const isNull = nulls(vector)
    const others = orElse(slow, vector, count)
    return (from, to, column) => {
      column.open(to - from, (to - from) * DATE_BYTES)
      const { starts, lengths, view } = column
      for (let row = from, at = 0; row < to; row++, at += DATE_BYTES) {
        const day = days[row] as number
        starts[row - from] = at
        lengths[row - from] = DATE_BYTES
        if (isPlainDay(day)) text.put(view, at, day)
        else if (!isNull(row)) return others(from, to, column)
      }
    }
  }

/** As dates; `zone`: what is printed behind a time in UTC. */
export const timestamps =
  (slow: Open, zone: string): Open =>
  (vector, count) => {
    const highs = vectorView(vector, Int32Array, count * 2)
    const lows = vectorView(vector, Uint32Array, count * 2)
    const text = new DayText()
    const isNull = nulls(vector)
    const others = orElse(slow, vector, count)
    return (from, to, column) => {
      column.open(to - from, (to - from) * STAMP_BYTES)
      const { starts, lengths, view } = column
      for (let row = from, at = 0; row < to; row++, at += STAMP_BYTES) {
        const micros = (highs[row * 2 + 1] as number) * WORD + (lows[row * 2] as number)
        const day = Math.floor(micros / DAY_MICROS)
        // Up to here micros is exact, too.
        if (!Number.isSafeInteger(micros) || !isPlainDay(day)) {
          if (isNull(row)) continue
          return others(from, to, column)
        }
        text.put(view, at, day)
        let end = putClock(view, at + DATE_BYTES, micros - day * DAY_MICROS)
        for (let i = 0; i < zone.length; i++) view.setUint8(end++, zone.charCodeAt(i))
        starts[row - from] = at
        lengths[row - from] = end - at
      }
    }
  }

/** Where a field is NULL its memory may hold anything. */
function nulls(vector: DuckDBVector): (row: number) => boolean {
  const validity = vectorValidity(vector)
  return (row) =>
    validity !== undefined && ((validity[row >> 3] as number) & (1 << (row & 7))) === 0
}

/** The whole block by its codec: such values are rare. */
function orElse(slow: Open, vector: DuckDBVector, count: number): Render {
  let render: Render | undefined
  return (from, to, column) => {
    render ??= slow(vector, count)
    render(from, to, column)
  }
}

/** Puts a space and the time of day; returns where it ends. */
function putClock(view: DataView, at: number, micros: number): number {
  const second = Math.floor(micros / SECOND_MICROS) | 0
  const fraction = (micros - second * SECOND_MICROS) | 0
  const minute = (second / 60) | 0
  const hour = (minute / 60) | 0
  view.setUint8(at, SPACE)
  putPair(view, at + 1, hour)
  view.setUint8(at + 3, COLON)
  putPair(view, at + 4, minute - hour * 60)
  view.setUint8(at + 6, COLON)
  putPair(view, at + 7, second - minute * 60)
  if (fraction === 0) return at + 9
  view.setUint8(at + 9, POINT)
  putSix(view, at + 10, fraction)
  let end = at + 16
  while (view.getUint8(end - 1) === ZERO) end--
  return end
}

/** In binary, from 2000 on; infinity is what it is. */
export const binaryTimestamps: Open = (vector, count) => {
  const fields = vectorView(vector, BigInt64Array, count)
  const highs = vectorView(vector, Int32Array, count * 2)
  const lows = vectorView(vector, Uint32Array, count * 2)
  return (from, to, column) => {
    const view = column.fixed(to - from, 8)
    for (let row = from, at = 0; row < to; row++, at += 8) {
      const micros = (highs[row * 2 + 1] as number) * WORD + (lows[row * 2] as number)
      if (Number.isSafeInteger(micros)) putLong(view, at, micros - Number(EPOCH_MICROS))
      else view.setBigInt64(at, sinceEpoch(fields[row] as bigint))
    }
  }
}

function putLong(view: DataView, at: number, value: number): void {
  const high = Math.floor(value / WORD)
  view.setInt32(at, high)
  view.setUint32(at + 4, value - high * WORD)
}

function sinceEpoch(micros: bigint): bigint {
  if (micros === TIMESTAMP_INFINITY) return micros
  return micros === -TIMESTAMP_INFINITY ? micros - 1n : micros - EPOCH_MICROS
}
