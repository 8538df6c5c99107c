// A row's fields as a DataRow has them: length and text, under one fixed set of output settings. The
// form in which rows are kept for look-ups; owns its encoding, and must never know a session.

import { invariant } from '../errors.ts'
import { codecFor } from '../types/codec.ts'
import type { Codec } from '../types/codec.ts'
import type { ColumnType, OutputSettings, Value } from '../types/value.ts'
import { RECORD_BYTES_MAX } from './record-segments.ts'

/** What kept fields are written under; another session's are made from them. */
export const KEPT_SETTINGS: OutputSettings = {
  timeZone: 'UTC',
  dateStyle: 'ISO, MDY',
  intervalStyle: 'postgres',
  extraFloatDigits: 1,
  byteaOutput: 'hex'
}

/** Zones that print as UTC does, at any time. */
const UTC_NAMES = /^(etc\/)?(utc|uct|gmt|zulu|universal)$/i

export const printsAsUtc = (timeZone: string): boolean => UTC_NAMES.test(timeZone)

/** Encodes one row at a time into the same buffer. */
export class RowFields {
  readonly buffer = Buffer.allocUnsafeSlow(RECORD_BYTES_MAX)
  readonly #columns: readonly { readonly type: ColumnType; readonly codec: Codec }[]

  constructor(types: readonly ColumnType[]) {
    this.#columns = types.map((type) => {
      const codec = codecFor(type.oid)
      invariant(codec, `a codec for type ${type.oid}`)
      return { type, codec }
    })
  }

  /** Bytes written; -1 when the row has no room. */
  encode(columns: readonly (readonly Value[])[], row: number): number {
    let at = 0
    for (let i = 0; i < this.#columns.length; i++) {
      at = this.#writeField(at, i, columns[i]![row]!)
      if (at < 0) return -1
    }
    return at
  }

  #writeField(at: number, column: number, value: Value): number {
    const { buffer } = this
    if (at + 4 > buffer.length) return -1
    if (value === null) return buffer.writeInt32BE(-1, at)
    const { codec, type } = this.#columns[column]!
    const text = codec.toText(value, type, KEPT_SETTINGS)
    const start = at + 4
    const isSure = start + text.length * 3 <= buffer.length
    if (!isSure && start + Buffer.byteLength(text) > buffer.length) return -1
    const size = buffer.write(text, start)
    buffer.writeInt32BE(size, at)
    return start + size
  }
}
