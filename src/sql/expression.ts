// Where an expression inside a list ends. Knows brackets, CASE and the words that cannot continue
// one; whether it is an expression at all is for Postgres's grammar to say.

import type { TokenCursor } from './cursor.ts'

/** What an expression is as a range of the text. */
export interface ExpressionText {
  readonly text: string
  /** Indexes. */
  readonly start: number
  readonly end: number
}

/** Words that begin a column's next option: no expression of a DEFAULT goes on with them. */
const NEXT_OPTION: ReadonlySet<string> = new Set(
  'not null primary unique check references constraint collate generated default'.split(' ')
)

/**
 * Takes an expression up to a comma or closing bracket of the list it stands in, or up to one of
 * `stops` outside its own brackets.
 * @throws PgError 42601 when there is none
 */
export function takeExpression(
  cursor: TokenCursor,
  stops: ReadonlySet<string> = new Set()
): ExpressionText {
  const start = cursor.index
  let depth = 0
  do {
    const token = cursor.next()
    if (opens(token.text, token.word)) depth++
    else if (closes(token.text, token.word)) depth--
    if (depth < 0) throw cursor.fail()
  } while (!cursor.isAtEnd && (depth > 0 || !endsAt(cursor, stops)))
  return { text: cursor.text.slice(start, cursor.lastEnd), start, end: cursor.lastEnd }
}

/** As takeExpression, of a column's DEFAULT. @throws PgError 42601 */
export function takeDefault(cursor: TokenCursor): ExpressionText {
  if (cursor.isSymbol(',') || cursor.isSymbol(')')) throw cursor.fail()
  return takeExpression(cursor, NEXT_OPTION)
}

const opens = (text: string, word: string | undefined): boolean =>
  text === '(' || text === '[' || word === 'case'
const closes = (text: string, word: string | undefined): boolean =>
  text === ')' || text === ']' || word === 'end'

const endsAt = (cursor: TokenCursor, stops: ReadonlySet<string>): boolean =>
  cursor.isSymbol(',') || cursor.isSymbol(')') || stops.has(cursor.peek()?.word ?? '')
