// What the codecs share of bytes and blanks: UTF-8 both ways, fixed widths, Postgres's isspace.
// Must never know a type.

import { characterNotInRepertoire, invalidBinaryRepresentation } from '../errors.ts'
import type { PgError } from '../errors.ts'

// ignoreBOM keeps a leading U+FEFF, as Postgres does.
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function encodeUtf8(text: string): Uint8Array {
  return Buffer.from(text, 'utf8')
}

/** @throws PgError 22021 for what Postgres could not store as text: broken UTF-8 or a NUL */
export function decodeUtf8(bytes: Uint8Array): string {
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch (cause) {
    throw characterNotInRepertoire('invalid byte sequence for encoding "UTF8"', { cause })
  }
  return checkText(text)
}

/** @throws PgError 22021 when the text has a NUL or half a surrogate pair */
export function checkText(text: string): string {
  if (text.includes('\0')) {
    throw characterNotInRepertoire('invalid byte sequence for encoding "UTF8": 0x00')
  }
  if (/\p{Surrogate}/u.test(text)) {
    throw characterNotInRepertoire('invalid byte sequence for encoding "UTF8"')
  }
  return text
}

export const badBinary = (cause?: unknown): PgError =>
  invalidBinaryRepresentation('incorrect binary data format', { cause })

/** A view of a field that must be exactly `length` bytes. @throws PgError 22P03 */
export function fixedWidth(bytes: Uint8Array, length: number): DataView {
  if (bytes.length !== length) throw badBinary()
  return viewOf(bytes)
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** Without the blanks that C's isspace knows, which are fewer than JavaScript's. */
export function trimBlanks(text: string): string {
  return text.replace(/^[ \t-\r]+|[ \t-\r]+$/g, '')
}
