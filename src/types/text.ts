// The character types: text, varchar(n), char(n), name, "char" and unknown. Lengths are counted in
// characters (code points), as Postgres counts them in UTF-8; must never cut a character in two.

import {
  characterNotInRepertoire,
  featureNotSupported,
  stringDataRightTruncation
} from '../errors.ts'
import { checkText, decodeUtf8, encodeUtf8, fixedWidth } from './bytes.ts'
import type { Codec } from './codec.ts'
import { OID } from './oids.ts'
import type { ColumnType } from './value.ts'

/** NAMEDATALEN - 1. */
const NAME_BYTES_MAX = 63

/** n of varchar(n) and char(n); undefined when there is none. The header counts for 4. */
const declaredLength = (type: ColumnType): number | undefined =>
  type.typmod < 4 ? undefined : type.typmod - 4

const codePoints = (text: string): number => {
  let count = 0
  for (const _ of text) count++
  return count
}

/** @throws PgError 22001 when more than blanks stands beyond n characters */
function limited(text: string, max: number, typeName: string): string {
  if (text.length <= max || codePoints(text) <= max) return text
  const kept = Array.from(text).slice(0, max).join('')
  if (/[^ ]/.test(text.slice(kept.length))) {
    throw stringDataRightTruncation(`value too long for type ${typeName}(${max})`)
  }
  return kept
}

/** Text that Postgres could store, as varchar(n) keeps it. @throws PgError 22001 */
export function toVarchar(text: string, type: ColumnType): string {
  const max = declaredLength(type)
  return max === undefined ? text : limited(text, max, 'character varying')
}

const withoutBlanks = (text: string): string =>
  text.endsWith(' ') ? text.replace(/ +$/, '') : text

/** The same for char(n). @throws PgError 22001 */
export function toBpchar(text: string, type: ColumnType): string {
  const max = declaredLength(type)
  return withoutBlanks(max === undefined ? text : limited(text, max, 'character'))
}

function padded(text: string, type: ColumnType): string {
  const length = declaredLength(type)
  return length === undefined ? text : text + ' '.repeat(Math.max(0, length - codePoints(text)))
}

function toName(text: string): string {
  const bytes = encodeUtf8(text)
  if (bytes.length <= NAME_BYTES_MAX) return text
  let end = NAME_BYTES_MAX
  // Step back over continuation bytes to the start of the character that does not fit.
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return decodeUtf8(bytes.subarray(0, end))
}

const plain = (oid: number, typlen: number): Codec => ({
  oid,
  typlen,
  toText: (value) => value as string,
  toBinary: (value) => encodeUtf8(value as string),
  fromText: checkText,
  fromBinary: decodeUtf8
})

export const text: Codec = plain(OID.text, -1)

export const unknown: Codec = plain(OID.unknown, -2)

export const varchar: Codec = {
  ...plain(OID.varchar, -1),
  fromText: (input, type) => toVarchar(checkText(input), type),
  fromBinary: (bytes, type) => toVarchar(decodeUtf8(bytes), type)
}

export const bpchar: Codec = {
  oid: OID.bpchar,
  typlen: -1,
  toText: (value, type) => padded(value as string, type),
  toBinary: (value, type) => encodeUtf8(padded(value as string, type)),
  fromText: (input, type) => toBpchar(checkText(input), type),
  fromBinary: (bytes, type) => toBpchar(decodeUtf8(bytes), type)
}

export const name: Codec = {
  ...plain(OID.name, 64),
  fromText: (input) => toName(checkText(input)),
  fromBinary: (bytes) => toName(decodeUtf8(bytes))
}

/** "char": one byte; beyond ASCII its spelling differs between Postgres versions, so not here. */
export const singleChar: Codec = {
  oid: OID.char,
  typlen: 1,
  toText: (value) => value as string,
  toBinary: (value) => Uint8Array.of((value as string).charCodeAt(0) || 0),
  fromText(input) {
    const first = checkText(input).slice(0, 1)
    if (first > '\x7f' || /^\\[0-7]{3}$/.test(input)) {
      throw featureNotSupported('"char" values beyond ASCII are not supported')
    }
    return first
  },
  fromBinary(bytes) {
    const byte = fixedWidth(bytes, 1).getUint8(0)
    if (byte > 0x7f) throw characterNotInRepertoire('"char" values beyond ASCII are not supported')
    return byte === 0 ? '' : String.fromCharCode(byte)
  }
}
