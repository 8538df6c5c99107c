// One-dimensional arrays of any scalar codec, lower bound 1. Other shapes can't be held: reading
// one is refused, and the caller leaves it to Postgres. Source: array_out, array_in, array_send of
// arrayfuncs.c.

import { featureNotSupported, invalidTextRepresentation } from '../errors.ts'
import { badBinary, viewOf } from './bytes.ts'
import type { Codec } from './codec.ts'
import type { ColumnType, OutputSettings, Value } from './value.ts'

const NEEDS_QUOTES = /^$|^null$|["\\{}, \t-\r]/i
const HEADER_BYTES = 20

function quoted(text: string): string {
  return NEEDS_QUOTES.test(text) ? `"${text.replace(/["\\]/g, '\\$&')}"` : text
}

/** Element texts of "{a,NULL,\"b c\"}"; null for NULL. */
function split(text: string): (string | null)[] {
  const nested = () => featureNotSupported('nested arrays are not supported here')
  const malformed = () => invalidTextRepresentation(`malformed array literal: "${text}"`)
  const trimmed = text.replace(/^[ \t-\r]+|[ \t-\r]+$/g, '')
  if (trimmed.startsWith('[')) throw featureNotSupported('array bounds are not supported here')
  if (!trimmed.startsWith('{') || !trimmed.endsWith('}') || trimmed.length < 2) throw malformed()
  if (/^\{[ \t-\r]*\}$/.test(trimmed)) return []
  const elements: (string | null)[] = []
  const element = /[ \t-\r]*(?:"((?:[^"\\]|\\[^])*)"|((?:[^"\\{},]|\\[^])+))[ \t-\r]*([,}])/y
  element.lastIndex = 1
  for (;;) {
    const found = element.exec(trimmed)
    if (!found) {
      throw trimmed.includes('{', 1) ? nested() : malformed()
    }
    if (found[1] === undefined && /^[ \t-\r]*$/.test(found[2] ?? '')) throw malformed()
    elements.push(elementText(found[1], found[2] ?? ''))
    if (found[3] === '}') break
  }
  if (element.lastIndex !== trimmed.length) throw malformed()
  return elements
}

function elementText(inQuotes: string | undefined, bare: string): string | null {
  if (inQuotes !== undefined) return inQuotes.replace(/\\([^])/g, '$1')
  // Trailing blanks don't count, unless one was escaped.
  const text = bare.replace(/((?:^|[^\\])(?:\\[^])*)[ \t-\r]+$/, '$1')
  return /^null$/i.test(text) ? null : text.replace(/\\([^])/g, '$1')
}

function encode(items: readonly Value[], element: Codec, type: ColumnType): Uint8Array {
  const parts = items.map((item) => (item === null ? null : element.toBinary(item, type)))
  const dimensions = items.length === 0 ? 0 : 1
  const header = Buffer.alloc(dimensions === 0 ? 12 : HEADER_BYTES)
  header.writeInt32BE(dimensions, 0)
  header.writeInt32BE(parts.includes(null) ? 1 : 0, 4)
  header.writeUInt32BE(element.oid, 8)
  if (dimensions === 0) return header
  header.writeInt32BE(items.length, 12)
  header.writeInt32BE(1, 16)
  return Buffer.concat([header, ...parts.flatMap(lengthPrefixed)])
}

function lengthPrefixed(part: Uint8Array | null): Uint8Array[] {
  const length = Buffer.allocUnsafe(4)
  length.writeInt32BE(part === null ? -1 : part.length)
  return part === null ? [length] : [length, part]
}

function decode(bytes: Uint8Array, element: Codec, type: ColumnType): Value[] {
  if (bytes.length < 12) throw badBinary()
  const view = viewOf(bytes)
  if (view.getUint32(8) !== element.oid) throw badBinary()
  if (view.getInt32(0) === 0) return []
  if (view.getInt32(0) !== 1 || bytes.length < HEADER_BYTES || view.getInt32(16) !== 1) {
    throw featureNotSupported('only one-dimensional arrays are supported here')
  }
  const items: Value[] = []
  let at = HEADER_BYTES
  for (let left = view.getInt32(12); left > 0; left--) {
    if (at + 4 > bytes.length) throw badBinary()
    const length = view.getInt32(at)
    at += 4
    if (length < -1 || at + Math.max(0, length) > bytes.length) throw badBinary()
    items.push(length === -1 ? null : element.fromBinary(bytes.subarray(at, at + length), type))
    at += Math.max(0, length)
  }
  if (at !== bytes.length) throw badBinary()
  return items
}

/** The codec of arrays of `element`; the array's typmod is its elements'. */
export function arrayCodec(arrayOid: number, element: Codec): Codec {
  const elementType = (type: ColumnType): ColumnType => ({ oid: element.oid, typmod: type.typmod })
  return {
    oid: arrayOid,
    typlen: -1,
    toText(value, type, settings: OutputSettings) {
      const own = elementType(type)
      const texts = (value as readonly Value[]).map((item) =>
        item === null ? 'NULL' : quoted(element.toText(item, own, settings))
      )
      return `{${texts.join(',')}}`
    },
    toBinary: (value, type) => encode(value as readonly Value[], element, elementType(type)),
    fromText(text, type, settings) {
      const own = elementType(type)
      return split(text).map((item) =>
        item === null ? null : element.fromText(item, own, settings)
      )
    },
    fromBinary: (bytes, type) => decode(bytes, element, elementType(type))
  }
}
