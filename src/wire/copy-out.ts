// COPY TO STDOUT in its text form: rows that were written as DataRow frames become lines of CopyData
// (protocol, "COPY Operations"; documentation of COPY, "Text Format"). Knows field bytes only, no
// types.

import { frame } from './backend.ts'

const [HEADER_BYTES, ROW_HEADER_BYTES] = [5, 7]
const [COPY_DATA, BACKSLASH, TAB, NEWLINE, CAPITAL_N] = [0x64, 0x5c, 0x09, 0x0a, 0x4e]

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

/** One CopyData frame for each of whole DataRow frames. */
export function copyLines(rows: Buffer): Buffer {
  // At worst every byte is escaped, and a row without fields is a newline.
  const lines = Buffer.allocUnsafe(rows.length * 2)
  let to = 0
  for (let at = 0; at < rows.length; at += 1 + rows.readInt32BE(at + 1)) {
    const start = to
    to = putLine(rows, at, lines, to + HEADER_BYTES)
    lines[start] = COPY_DATA
    lines.writeInt32BE(to - start - 1, start + 1)
  }
  return lines.subarray(0, to)
}

/** Returns where the next byte goes. */
function putLine(rows: Buffer, row: number, lines: Buffer, start: number): number {
  const fields = rows.readInt16BE(row + HEADER_BYTES)
  let at = row + ROW_HEADER_BYTES
  let to = start
  for (let field = 0; field < fields; field++) {
    if (field > 0) lines[to++] = TAB
    const size = rows.readInt32BE(at)
    at += 4
    if (size < 0) {
      lines[to++] = BACKSLASH
      lines[to++] = CAPITAL_N
    }
    for (const end = at + Math.max(size, 0); at < end; at++) {
      const byte = rows[at]!
      const escape = ESCAPES[byte]!
      if (escape !== 0) lines[to++] = BACKSLASH
      lines[to++] = escape === 0 ? byte : escape
    }
  }
  lines[to] = NEWLINE
  return to + 1
}
