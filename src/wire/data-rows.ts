// Columns of fields → DataRow frames, a column at a time: the hot path of every scan. Knows bytes
// only, no types.

import { copyField, viewOf } from './field-column.ts'
import type { FieldColumn, Target } from './field-column.ts'
import type { RowWriter } from './row-writer.ts'

const DATA_ROW = 0x44
/** Of a DataRow: type, length, number of fields. */
export const DATA_ROW_HEADER_BYTES = 7
/** That number alone, and the length of each field. */
const [WIDTH_BYTES, LENGTH_BYTES] = [2, 4]

/** Writes so many rows of these columns. */
export function writeDataRows(
  writer: RowWriter,
  columns: readonly FieldColumn[],
  count: number
): void {
  const places = new Int32Array(count).fill(DATA_ROW_HEADER_BYTES + LENGTH_BYTES * columns.length)
  for (const { lengths } of columns) addLengths(places, lengths, 0)
  const start = writer.room(sum(places))
  const target = { bytes: writer.bytes, view: viewOf(writer.bytes) }
  putHeads(target.view, places, start, DATA_ROW, DATA_ROW_HEADER_BYTES)
  for (const at of places) target.view.setInt16(at - WIDTH_BYTES, columns.length)
  for (const column of columns) putFields(target, places, column)
}

/** Adds to each row's size that of its field; `ofNull`: what stands for NULL. */
export function addLengths(sizes: Int32Array, lengths: Int32Array, ofNull: number): void {
  for (let row = 0; row < sizes.length; row++) {
    const length = lengths[row] as number
    sizes[row] = (sizes[row] as number) + (length < 0 ? ofNull : length)
  }
}

export function sum(sizes: Int32Array): number {
  let total = 0
  for (const size of sizes) total += size
  return total
}

/**
 * Puts a frame's type and length for each row, one frame behind the other from `start` on; `places` goes
 * from the frames' sizes to where they go on, behind `headerBytes`.
 */
export function putHeads(
  view: DataView,
  places: Int32Array,
  start: number,
  type: number,
  headerBytes: number
): void {
  let at = start
  for (let row = 0; row < places.length; row++) {
    const size = places[row] as number
    view.setUint8(at, type)
    view.setInt32(at + 1, size - 1)
    places[row] = at + headerBytes
    at += size
  }
}

/** Puts a field where each row has got to. */
function putFields(target: Target, places: Int32Array, column: FieldColumn): void {
  const { view } = target
  const { lengths } = column
  for (let row = 0; row < places.length; row++) {
    const at = (places[row] as number) + LENGTH_BYTES
    const length = lengths[row] as number
    view.setInt32(at - LENGTH_BYTES, length)
    if (length > 0) copyField(column, row, target, at)
    places[row] = length > 0 ? at + length : at
  }
}
