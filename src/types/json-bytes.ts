// Walks JSON in UTF-8 bytes, as json-scan.ts walks its text: several times as fast, and without a text
// for what nobody wants. Says where values end or that something is wrong, never what: whoever needs
// to know asks json-scan.ts. Does not check that the bytes are UTF-8.

import { limits } from '../limits.ts'
import { CHAR } from './json-scan.ts'

/** Instead of an end: no JSON begins here, or it is nested too deeply. */
export const NO_JSON = -1

const SPACE = 0x20
const DELETE = 0x7f
const LETTER_E = 0x65
/** What may follow a backslash, but for `u` and its digits. */
const ESCAPED = new Set(Buffer.from('"\\/bfnrt'))

/** The first place at or after `at` that is not white space. */
export function blanksEnd(bytes: Uint8Array, at: number): number {
  let code = bytes[at]
  while (code === SPACE || code === 0x0a || code === 0x0d || code === 0x09) code = bytes[++at]
  return at
}

/** The first place at or after `at` that is no plain part of a string: not ASCII, an escape, the end. */
export function plainEnd(bytes: Uint8Array, at: number): number {
  let code = bytes[at] as number
  while (code >= SPACE && code <= DELETE && code !== CHAR.quote && code !== CHAR.backslash) {
    code = bytes[++at] as number
  }
  return at
}

/** From anywhere within a string to past its closing quote. */
export function stringEnd(bytes: Uint8Array, at: number): number {
  for (;;) {
    const code = bytes[at] as number
    if (code === CHAR.quote) return at + 1
    if (code === CHAR.backslash) at = escapeEnd(bytes, at)
    else at = code >= SPACE ? at + 1 : NO_JSON
    if (at === NO_JSON) return NO_JSON
  }
}

function escapeEnd(bytes: Uint8Array, at: number): number {
  const code = bytes[at + 1] as number
  if (ESCAPED.has(code)) return at + 2
  if (code !== 0x75) return NO_JSON
  for (let i = at + 2; i < at + 6; i++) if (!isHex(bytes[i] as number)) return NO_JSON
  return at + 6
}

const isDigit = (code: number): boolean => code >= CHAR.zero && code <= CHAR.nine

const isHex = (code: number): boolean =>
  isDigit(code) || ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x66)

/** From a digit or minus to past the number. */
export function numberEnd(bytes: Uint8Array, at: number): number {
  let i = bytes[at] === CHAR.minus ? at + 1 : at
  const first = bytes[i] as number
  if (!isDigit(first)) return NO_JSON
  i = first === CHAR.zero ? i + 1 : digitsEnd(bytes, i)
  if (bytes[i] === CHAR.dot) {
    const end = digitsEnd(bytes, i + 1)
    if (end === i + 1) return NO_JSON
    i = end
  }
  return ((bytes[i] as number) | 0x20) === LETTER_E ? exponentEnd(bytes, i) : i
}

function exponentEnd(bytes: Uint8Array, at: number): number {
  const sign = bytes[at + 1]
  const from = sign === 0x2b || sign === CHAR.minus ? at + 2 : at + 1
  const end = digitsEnd(bytes, from)
  return end === from ? NO_JSON : end
}

function digitsEnd(bytes: Uint8Array, at: number): number {
  while (isDigit(bytes[at] as number)) at++
  return at
}

const TRUE = Buffer.from('true')
const FALSE = Buffer.from('false')
const NULL = Buffer.from('null')

function wordEnd(bytes: Uint8Array, at: number, word: Uint8Array): number {
  for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return NO_JSON
  return at + word.length
}

/** From a value's first byte to past its last, or NO_JSON. */
export function valueEnd(bytes: Uint8Array, at: number, depth: number): number {
  switch (bytes[at]) {
    case CHAR.quote:
      return stringEnd(bytes, plainEnd(bytes, at + 1))
    case CHAR.openBrace:
      return objectEnd(bytes, at, depth)
    case CHAR.openBracket:
      return arrayEnd(bytes, at, depth)
    case CHAR.t:
      return wordEnd(bytes, at, TRUE)
    case CHAR.f:
      return wordEnd(bytes, at, FALSE)
    case CHAR.n:
      return wordEnd(bytes, at, NULL)
    default:
      return numberEnd(bytes, at)
  }
}

function objectEnd(bytes: Uint8Array, at: number, depth: number): number {
  if (depth >= limits.jsonDepthMax) return NO_JSON
  let i = blanksEnd(bytes, at + 1)
  if (bytes[i] === CHAR.closeBrace) return i + 1
  for (;;) {
    if (bytes[i] !== CHAR.quote) return NO_JSON
    const nameEnd = stringEnd(bytes, plainEnd(bytes, i + 1))
    if (nameEnd === NO_JSON) return NO_JSON
    const start = valueStart(bytes, nameEnd)
    const end = start === NO_JSON ? NO_JSON : valueEnd(bytes, start, depth + 1)
    if (end === NO_JSON) return NO_JSON
    i = blanksEnd(bytes, end)
    if (bytes[i] === CHAR.closeBrace) return i + 1
    if (bytes[i] !== CHAR.comma) return NO_JSON
    i = blanksEnd(bytes, i + 1)
  }
}

/** From past a member's name to its value. */
export function valueStart(bytes: Uint8Array, nameEnd: number): number {
  const colon = blanksEnd(bytes, nameEnd)
  return bytes[colon] === CHAR.colon ? blanksEnd(bytes, colon + 1) : NO_JSON
}

function arrayEnd(bytes: Uint8Array, at: number, depth: number): number {
  if (depth >= limits.jsonDepthMax) return NO_JSON
  let i = blanksEnd(bytes, at + 1)
  if (bytes[i] === CHAR.closeBracket) return i + 1
  for (;;) {
    const end = valueEnd(bytes, i, depth + 1)
    if (end === NO_JSON) return NO_JSON
    i = blanksEnd(bytes, end)
    if (bytes[i] === CHAR.closeBracket) return i + 1
    if (bytes[i] !== CHAR.comma) return NO_JSON
    i = blanksEnd(bytes, i + 1)
  }
}
