// A place in a statement's tokens and the moves a recursive-descent parser makes from it.
// Owns the wording and the position of syntax errors; knows no statement.

import { syntaxError } from '../errors.ts'
import { characterPosition, identifierName } from './tokens.ts'
import type { PgError } from '../errors.ts'
import type { Token } from './tokens.ts'

/** A relation's name as it was written. */
export interface QualifiedName {
  readonly database?: string
  readonly schema?: string
  readonly name: string
  /** As the user wrote it: what to_regclass and a twin's statement take. */
  readonly text: string
  /** 1-based, in characters of the statement. */
  readonly position: number
}

export class TokenCursor {
  readonly text: string
  readonly #tokens: readonly Token[]
  #at = 0

  constructor(text: string, tokens: readonly Token[]) {
    this.text = text
    this.#tokens = tokens
  }

  /** The next token, or the one `ahead` of it; undefined past the end. */
  peek(ahead = 0): Token | undefined {
    return this.#tokens[this.#at + ahead]
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#tokens.length
  }

  /** Index into the text of the next token's start. */
  get index(): number {
    return this.peek()?.start ?? this.text.length
  }

  /** Index into the text behind the token taken last. */
  get lastEnd(): number {
    return this.#tokens[this.#at - 1]?.end ?? 0
  }

  /** Index into the text behind the last token of all. */
  get textEnd(): number {
    return this.#tokens.at(-1)?.end ?? 0
  }

  /** 1-based character position of the next token. */
  get position(): number {
    return this.positionOf(this.index)
  }

  positionOf(index: number): number {
    return characterPosition(this.text, index)
  }

  next(): Token {
    const token = this.peek()
    if (!token) throw this.fail()
    this.#at++
    return token
  }

  /** Whether the words come next, in this order. */
  isNext(...words: readonly string[]): boolean {
    return words.every((word, i) => this.peek(i)?.word === word)
  }

  /** Takes the words when they come next. */
  accept(...words: readonly string[]): boolean {
    if (!this.isNext(...words)) return false
    this.#at += words.length
    return true
  }

  expect(...words: readonly string[]): void {
    for (const word of words) if (!this.accept(word)) throw this.fail()
  }

  isSymbol(symbol: string, ahead = 0): boolean {
    const token = this.peek(ahead)
    return token?.kind === 'symbol' && token.text === symbol
  }

  acceptSymbol(symbol: string): boolean {
    if (!this.isSymbol(symbol)) return false
    this.#at++
    return true
  }

  expectSymbol(symbol: string): void {
    if (!this.acceptSymbol(symbol)) throw this.fail()
  }

  expectEnd(): void {
    if (!this.isAtEnd) throw this.fail()
  }

  /** The syntax error, in Postgres's words, that the next token is. */
  fail(hint?: string): PgError {
    const token = this.peek()
    const place = token ? `or near "${token.text}"` : 'end of input'
    return syntaxError(`syntax error at ${place}`, { position: this.position, hint })
  }

  /** A name where Postgres's grammar has ColId. */
  identifier(): string {
    const token = this.peek()
    if (!token || !isColumnIdentifier(token)) throw this.fail()
    return this.#nameOf(token)
  }

  /** A name where any keyword will do (ColLabel): behind a dot. */
  label(): string {
    const token = this.peek()
    if (!token || (token.kind !== 'identifier' && token.kind !== 'keyword')) throw this.fail()
    return this.#nameOf(token)
  }

  qualifiedName(): QualifiedName {
    const { index, position } = this
    const parts = [this.identifier()]
    while (this.acceptSymbol('.')) parts.push(this.label())
    const text = this.text.slice(index, this.lastEnd)
    if (parts.length > 3) {
      throw syntaxError(`improper qualified name (too many dotted names): ${parts.join('.')}`, {
        position
      })
    }
    const [name, schema, database] = parts.reverse()
    return {
      ...(database === undefined ? {} : { database }),
      ...(schema === undefined ? {} : { schema }),
      name: name!,
      text,
      position
    }
  }

  #nameOf(token: Token): string {
    const name = identifierName(token)
    if (name === undefined || name === '' || this.peek(1)?.word === 'uescape') {
      throw syntaxError(`identifier ${token.text} is not supported`, { position: this.position })
    }
    this.#at++
    return name
  }
}

const isColumnIdentifier = (token: Token): boolean =>
  token.kind === 'identifier' ||
  (token.kind === 'keyword' && (token.keyword === 'unreserved' || token.keyword === 'columnName'))
