// Canonical values → DataRow frames in each column's format. The hot path of a local answer; knows
// types and bytes, no store and no socket.

import { codecFor } from '../types/codec.ts'
import type { OutputSettings, Value } from '../types/value.ts'
import { invariant } from '../errors.ts'
import type { Field } from '../wire/backend.ts'
import { formatAt } from '../wire/frontend.ts'
import type { RowWriter } from '../wire/row-writer.ts'

/** Writes one field of a row. */
export type WriteField = (writer: RowWriter, value: Value) => void

/** One writer a column, chosen once a portal. */
export function columnWriters(
  fields: readonly Field[],
  formats: readonly number[],
  settings: OutputSettings
): WriteField[] {
  return fields.map((field, i) => {
    const codec = codecFor(field.typeOid)
    invariant(codec, `a codec for type ${field.typeOid}`)
    const type = { oid: field.typeOid, typmod: field.typmod }
    return formatAt(formats, i) === 1
      ? (writer, value) =>
          value === null ? writer.writeNull() : writer.writeBytes(codec.toBinary(value, type))
      : (writer, value) =>
          value === null
            ? writer.writeNull()
            : writer.writeText(codec.toText(value, type, settings))
  })
}

/** Rows `from` (inclusive) to `to` (exclusive) of a chunk's columns. */
export function encodeRows(
  writer: RowWriter,
  columns: readonly (readonly Value[])[],
  writers: readonly WriteField[],
  from: number,
  to: number
): void {
  for (let row = from; row < to; row++) {
    writer.startRow(writers.length)
    for (let i = 0; i < writers.length; i++) writers[i]!(writer, columns[i]![row]!)
    writer.endRow()
  }
}
