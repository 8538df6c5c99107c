// Cuts a text into its statements where Postgres's own grammar would. Pure.

import { tryScanTokens } from './parser.ts'
import type { Token } from './tokens.ts'

/** One statement; `text` is `whole.slice(start, end)`: comments kept, semicolon and blanks not. */
export interface Statement {
  readonly text: string
  readonly start: number
  readonly end: number
}

/**
 * The statements of `text`, empty ones left out; undefined when the lexer rejects it, it is too
 * long, or its brackets don't match: such a text is relayed whole and Postgres says what is wrong.
 */
export function splitStatements(text: string): Statement[] | undefined {
  if (isPlainlyOne(text)) return [trimmed(text, 0, endOfPlain(text))]
  const tokens = tryScanTokens(text)
  if (!tokens) return undefined
  const statements: Statement[] = []
  const nesting = new Nesting()
  let from = 0
  let isEmpty = true
  for (const token of tokens) {
    if (token.text === ';' && nesting.isOutside) {
      if (!isEmpty) statements.push(trimmed(text, from, token.start))
      from = token.end
      isEmpty = true
      nesting.restart()
    } else {
      nesting.see(token)
      isEmpty = false
    }
  }
  if (!nesting.isOutside) return undefined
  if (!isEmpty) statements.push(trimmed(text, from, text.length))
  return statements
}

/** Longer texts are left to the scanner: the pattern below keeps a place to return to a unit. */
const PLAIN_CHARS_MAX = 10_000

/** Most texts: one statement, no semicolon but at its end, nothing that could hide another. */
const isPlainlyOne = (text: string): boolean =>
  text.length <= PLAIN_CHARS_MAX &&
  /^\s*(?:[^\s;'"$\-/]|-(?!-))(?:[^;'"$\-/\\]|-(?!-)|\/(?!\*)|'[^';\\]*')*;?\s*$/.test(text)

function endOfPlain(text: string): number {
  const semicolon = text.indexOf(';')
  return semicolon === -1 ? text.length : semicolon
}

function trimmed(text: string, from: number, to: number): Statement {
  let start = from
  let end = to
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return { text: text.slice(start, end), start, end }
}

const isBlank = (unit: number): boolean => unit === 32 || (unit >= 9 && unit <= 13)

/**
 * Where a semicolon doesn't end the statement: in brackets (CREATE RULE … DO (a; b)) and in
 * BEGIN ATOMIC … END of a CREATE FUNCTION or PROCEDURE, in which CASE has an END too.
 */
class Nesting {
  /** Open brackets; below zero when they don't match. */
  #brackets = 0
  /** Open BEGIN ATOMIC and CASE. */
  #blocks = 0
  /** The statement's first words, enough to recognise CREATE OR REPLACE FUNCTION. */
  #head: string[] = []
  #previous: string | undefined

  get isOutside(): boolean {
    return this.#brackets === 0 && this.#blocks === 0
  }

  restart(): void {
    this.#head = []
    this.#previous = undefined
  }

  see(token: Token): void {
    if (token.text === '(' || token.text === '[') this.#brackets++
    else if (token.text === ')' || token.text === ']') this.#brackets--
    if (this.#head.length < 4) this.#head.push(token.word ?? '')
    if (token.word !== undefined) this.#seeWord(token.word)
    this.#previous = token.word
  }

  #seeWord(word: string): void {
    if (this.#blocks > 0 && word === 'case') this.#blocks++
    else if (this.#blocks > 0 && word === 'end') this.#blocks--
    else if (word === 'atomic' && this.#previous === 'begin' && this.#isRoutine()) this.#blocks++
  }

  #isRoutine(): boolean {
    const [first, ...rest] = this.#head
    return first === 'create' && /^(or replace )?(function|procedure)/.test(rest.join(' '))
  }
}
