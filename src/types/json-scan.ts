// Walks JSON text without building values: where things begin and end, not what they mean.
// Every character is checked against RFC 8259, so whoever skips a value has also validated it.
// Nesting is bounded; must never recurse deeper than limits.jsonDepthMax.

import { limits } from '../limits.ts'

/** Text that is not JSON, or nested too deeply. Callers turn it into their own kind of error. */
export class JsonSyntaxError extends Error {
  readonly tooDeep: boolean

  constructor(message: string, tooDeep = false) {
    super(message)
    this.name = 'JsonSyntaxError'
    this.tooDeep = tooDeep
  }
}

export const CHAR = {
  quote: 0x22,
  comma: 0x2c,
  minus: 0x2d,
  dot: 0x2e,
  zero: 0x30,
  nine: 0x39,
  colon: 0x3a,
  openBracket: 0x5b,
  backslash: 0x5c,
  closeBracket: 0x5d,
  f: 0x66,
  n: 0x6e,
  t: 0x74,
  openBrace: 0x7b,
  closeBrace: 0x7d
} as const

const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y
const NUMBER_REST = /(?:\.\d+)?(?:[eE][+-]?\d+)?/y

export function syntaxErrorAt(text: string, at: number): JsonSyntaxError {
  const what = at < text.length ? `unexpected character at offset ${at}` : 'unexpected end'
  return new JsonSyntaxError(`invalid JSON: ${what}`)
}

/** The first offset at or after `at` that is not white space. */
export function skipBlanks(text: string, at: number): number {
  for (;;) {
    const code = text.charCodeAt(at)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at
    at++
  }
}

/** From an opening quote to past the closing one. */
export function skipString(text: string, at: number): number {
  for (let i = at + 1; ;) {
    const code = text.charCodeAt(i)
    if (code === CHAR.quote) return i + 1
    if (code === CHAR.backslash) {
      ESCAPE.lastIndex = i
      if (!ESCAPE.test(text)) throw syntaxErrorAt(text, i)
      i = ESCAPE.lastIndex
    } else if (code >= 0x20) i++
    // A control character, or NaN at the end of the text.
    else throw syntaxErrorAt(text, i)
  }
}

/** From a digit or minus to past the number. */
export function skipNumber(text: string, at: number): number {
  let i = text.charCodeAt(at) === CHAR.minus ? at + 1 : at
  const first = text.charCodeAt(i)
  if (!(first >= CHAR.zero && first <= CHAR.nine)) throw syntaxErrorAt(text, i)
  i++
  let code = text.charCodeAt(i)
  if (first !== CHAR.zero) {
    while (code >= CHAR.zero && code <= CHAR.nine) code = text.charCodeAt(++i)
  }
  if (code !== CHAR.dot && (code | 0x20) !== 0x65) return i
  NUMBER_REST.lastIndex = i
  NUMBER_REST.test(text)
  if (NUMBER_REST.lastIndex === i) throw syntaxErrorAt(text, i)
  return NUMBER_REST.lastIndex
}

export function skipWord(text: string, at: number, word: string): number {
  if (!text.startsWith(word, at)) throw syntaxErrorAt(text, at)
  return at + word.length
}

/** From a value's first character to past its last. @throws JsonSyntaxError */
export function skipValue(text: string, at: number, depth = 0): number {
  switch (text.charCodeAt(at)) {
    case CHAR.quote:
      return skipString(text, at)
    case CHAR.openBrace:
      return walkObject(text, at, depth, skipMember)
    case CHAR.openBracket:
      return walkArray(text, at, depth, skipValue)
    case CHAR.t:
      return skipWord(text, at, 'true')
    case CHAR.f:
      return skipWord(text, at, 'false')
    case CHAR.n:
      return skipWord(text, at, 'null')
    default:
      return skipNumber(text, at)
  }
}

const skipMember = (
  text: string,
  _keyStart: number,
  _keyEnd: number,
  at: number,
  depth: number
): number => skipValue(text, at, depth)

/**
 * Calls `onMember` for each member of the object at `at`: the key with its quotes is
 * text.slice(keyStart, keyEnd), its value begins at `valueAt`; it returns where the value ends.
 */
export function walkObject(
  text: string,
  at: number,
  depth: number,
  onMember: (
    text: string,
    keyStart: number,
    keyEnd: number,
    valueAt: number,
    depth: number
  ) => number
): number {
  checkDepth(depth)
  let i = skipBlanks(text, at + 1)
  if (text.charCodeAt(i) === CHAR.closeBrace) return i + 1
  for (;;) {
    if (text.charCodeAt(i) !== CHAR.quote) throw syntaxErrorAt(text, i)
    const keyEnd = skipString(text, i)
    const colon = skipBlanks(text, keyEnd)
    if (text.charCodeAt(colon) !== CHAR.colon) throw syntaxErrorAt(text, colon)
    const end = onMember(text, i, keyEnd, skipBlanks(text, colon + 1), depth + 1)
    i = skipBlanks(text, end)
    const code = text.charCodeAt(i)
    if (code === CHAR.closeBrace) return i + 1
    if (code !== CHAR.comma) throw syntaxErrorAt(text, i)
    i = skipBlanks(text, i + 1)
  }
}

/** Calls `onElement` at each element of the array at `at`; it returns where the element ends. */
export function walkArray(
  text: string,
  at: number,
  depth: number,
  onElement: (text: string, at: number, depth: number) => number
): number {
  checkDepth(depth)
  let i = skipBlanks(text, at + 1)
  if (text.charCodeAt(i) === CHAR.closeBracket) return i + 1
  for (;;) {
    i = skipBlanks(text, onElement(text, i, depth + 1))
    const code = text.charCodeAt(i)
    if (code === CHAR.closeBracket) return i + 1
    if (code !== CHAR.comma) throw syntaxErrorAt(text, i)
    i = skipBlanks(text, i + 1)
  }
}

function checkDepth(depth: number): void {
  if (depth < limits.jsonDepthMax) return
  throw new JsonSyntaxError(`JSON is nested more than ${limits.jsonDepthMax} deep`, true)
}
