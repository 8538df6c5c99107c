// Tells statements apart that differ in their constants only, as a client without parameters sends
// them. A scan without a parser: what it isn't sure of has no pattern. Pure.

import type { Constant } from './lookup-terms.ts'

/** A constant in a text, and where (in UTF-16 units) its digits or opening quote stand. */
export interface Literal extends Constant {
  readonly at: number
}

/** Which of a text's literals, and whether a sign stands before it. */
export interface LiteralRef {
  readonly index: number
  readonly isNegative: boolean
}

export interface Pattern {
  /** The text with a mark for each constant. */
  readonly text: string
  readonly literals: readonly Literal[]
}

const PATTERN_CHARS_MAX = 2_000
const LITERALS_MAX = 64
/** Fewer digits than these make an int8 whatever they are. */
const DIGITS_MAX = 18
const [QUOTE, DOUBLE_QUOTE, MINUS, SLASH, STAR, DOT, DOLLAR, BACKSLASH] = [
  39, 34, 45, 47, 42, 46, 36, 92
]

const isDigit = (unit: number): boolean => unit >= 48 && unit <= 57
/** Of identifiers, and of what makes numbers other than plain integers. */
const isWord = (unit: number): boolean =>
  (unit >= 97 && unit <= 122) ||
  (unit >= 65 && unit <= 90) ||
  isDigit(unit) ||
  unit === 95 ||
  unit === DOT ||
  unit > 127

/** Undefined for a text with anything but words, plain constants and operators in it. */
export function patternOf(text: string): Pattern | undefined {
  if (text.length > PATTERN_CHARS_MAX) return undefined
  const literals: Literal[] = []
  let pattern = ''
  let from = 0
  for (let at = 0; at < text.length;) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE || isDigit(unit)) {
      const end = unit === QUOTE ? textEnd(text, at) : numberEnd(text, at)
      if (end < 0 || literals.length === LITERALS_MAX) return undefined
      literals.push(literalOf(text, at, end))
      pattern += `${text.slice(from, at)}${unit === QUOTE ? '\u0002' : '\u0001'}`
      at = from = end
    } else if (isWord(unit)) {
      at = wordEnd(text, at)
      // E'…', U&'…' and the like.
      if (text.charCodeAt(at) === QUOTE) return undefined
    } else if (unit === DOUBLE_QUOTE) {
      at = nameEnd(text, at)
      if (at < 0) return undefined
    } else if (isUnsure(unit, text.charCodeAt(at + 1))) return undefined
    else at++
  }
  return { text: pattern + text.slice(from), literals }
}

/** Comments, dollar quotes, parameters, escapes, and what a pattern is marked with. */
function isUnsure(unit: number, next: number): boolean {
  if (unit === DOLLAR || unit === BACKSLASH || unit < 9) return true
  if (unit === 38) return next === QUOTE || next === DOUBLE_QUOTE
  return (unit === MINUS && next === MINUS) || (unit === SLASH && next === STAR)
}

function wordEnd(text: string, from: number): number {
  let at = from + 1
  while (isWord(text.charCodeAt(at)) || text.charCodeAt(at) === DOLLAR) at++
  return at
}

/** Behind a quoted name, in which two quotes are one; -1 when there is no end, or a mark within. */
function nameEnd(text: string, from: number): number {
  for (let at = from + 1; ; at++) {
    const unit = text.charCodeAt(at)
    if (at === text.length || unit < 9) return -1
    if (unit !== DOUBLE_QUOTE) continue
    if (text.charCodeAt(at + 1) !== DOUBLE_QUOTE) return at + 1
    at++
  }
}

/** Behind the number; -1 when it is anything but a plain integer of moderate size. */
function numberEnd(text: string, from: number): number {
  let at = from + 1
  while (isDigit(text.charCodeAt(at))) at++
  return at - from > DIGITS_MAX || isWord(text.charCodeAt(at)) ? -1 : at
}

/** Behind the closing quote; -1 when there is none, or escapes make it something to be sure of. */
function textEnd(text: string, from: number): number {
  for (let at = from + 1; ; at++) {
    at = text.indexOf("'", at)
    if (at < 0) return -1
    if (text.charCodeAt(at + 1) !== QUOTE) return text.slice(from, at).includes('\\') ? -1 : at + 1
    at++
  }
}

function literalOf(text: string, at: number, end: number): Literal {
  if (text.charCodeAt(at) !== QUOTE) return { isText: false, text: text.slice(at, end), at }
  return { isText: true, text: text.slice(at + 1, end - 1).replaceAll("''", "'"), at }
}
