// COPY TO STDOUT in its text form: columns of fields → lines of CopyData (protocol, "COPY
// Operations"; documentation of COPY, "Text Format"), a column at a time. Knows field bytes only, no
// types.

import { frame } from './backend.ts'
import { addLengths, putHeads, sum } from './data-rows.ts'
import { copyField, viewOf } from './field-column.ts'
import type { FieldColumn, Target } from './field-column.ts'
import type { RowWriter } from './row-writer.ts'

const HEADER_BYTES = 5
const [COPY_DATA, BACKSLASH, TAB, NEWLINE] = [0x64, 0x5c, 0x09, 0x0a]
/** What stands for NULL: \N. */
const NULL_MARK = 0x5c4e
const NULL_BYTES = 2

/** Byte → what follows the backslash that it is written with; 0: it is written as it is. */
const ESCAPES = new Uint8Array(256)
for (const [byte, letter] of [
  ['\b', 'b'],
  ['\t', 't'],
  ['\n', 'n'],
  ['\v', 'v'],
  ['\f', 'f'],
  ['\r', 'r'],
  ['\\', '\\']
] as const) {
  ESCAPES[byte.charCodeAt(0)] = letter.charCodeAt(0)
}

export const COPY_DONE = frame('c')

/** CopyOutResponse of so many columns, all of them text. */
export function copyOutResponse(columns: number): Buffer {
  const body = Buffer.alloc(3 + 2 * columns)
  body.writeInt16BE(columns, 1)
  return frame('H', body)
}

/** Writes so many rows of these columns, one CopyData frame each; may change the columns. */
export function writeCopyLines(
  writer: RowWriter,
  columns: readonly FieldColumn[],
  count: number
): void {
  for (const column of columns) if (!column.isPlain) escapeFields(column, count)
  // Each field is followed by a tab or the newline; a row without fields is a newline.
  const places = new Int32Array(count).fill(HEADER_BYTES + Math.max(columns.length, 1))
  for (const { lengths } of columns) addLengths(places, lengths, NULL_BYTES)
  const start = writer.room(sum(places))
  const target = { bytes: writer.bytes, view: viewOf(writer.bytes) }
  putHeads(target.view, places, start, COPY_DATA, HEADER_BYTES)
  for (const column of columns) putFields(target, places, column)
  putNewlines(target.view, places, columns.length === 0 ? 0 : 1)
}

/** Puts a field and a tab where each line has got to. */
function putFields(target: Target, places: Int32Array, column: FieldColumn): void {
  const { view } = target
  const { lengths } = column
  for (let row = 0; row < places.length; row++) {
    const at = places[row] as number
    const length = lengths[row] as number
    if (length < 0) view.setUint16(at, NULL_MARK)
    else copyField(column, row, target, at)
    const end = at + (length < 0 ? NULL_BYTES : length)
    view.setUint8(end, TAB)
    places[row] = end + 1
  }
}

/** `back`: by how much, to where the last tab stands. */
function putNewlines(view: DataView, places: Int32Array, back: number): void {
  for (const at of places) view.setUint8(at - back, NEWLINE)
}

/** Most texts have nothing to escape. */
function escapeFields(column: FieldColumn, count: number): void {
  const { view, starts, lengths } = column
  let size = 0
  let found = 0
  for (let field = 0; field < count; field++) {
    const length = lengths[field] as number
    if (length <= 0) continue
    size += length
    if (mayEscape(view, starts[field] as number, length)) found += length
  }
  // At worst every byte of those fields is escaped.
  if (found > 0) putEscaped(column, count, Buffer.allocUnsafe(size + found))
}

const [BELOW_14, HIGH_BITS, LOW_BITS, BACKSLASHES] = [
  0x0e0e0e0e, 0x80808080, 0x01010101, 0x5c5c5c5c
]

/** False is sure: four bytes at a time, none of which is below 14 or a backslash. */
function mayEscape(view: DataView, start: number, length: number): boolean {
  const end = start + length
  let at = start
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(at, true)
    const marks = word ^ BACKSLASHES
    const low = (word - BELOW_14) & ~word
    if (((low | ((marks - LOW_BITS) & ~marks)) & HIGH_BITS) !== 0) return true
  }
  for (; at < end; at++) if (ESCAPES[view.getUint8(at)] !== 0) return true
  return false
}

function putEscaped(column: FieldColumn, count: number, bytes: Buffer): void {
  const { bytes: from, starts, lengths } = column
  let to = 0
  for (let field = 0; field < count; field++) {
    const start = starts[field] as number
    const length = lengths[field] as number
    starts[field] = to
    for (let at = start; at < start + length; at++) {
      const byte = from[at] as number
      const escape = ESCAPES[byte] as number
      if (escape !== 0) bytes[to++] = BACKSLASH
      bytes[to++] = escape === 0 ? byte : escape
    }
    if (length > 0) lengths[field] = to - (starts[field] as number)
  }
  column.lie(count, bytes, viewOf(bytes))
}
