// EXPLAIN of a statement that may be answered here. Read only where its answer has one form, the text
// that every client expects; all else about it is Postgres's. Pure.

import type { TokenCursor } from './cursor.ts'

export interface Explain {
  readonly kind: 'explain'
  /** Run it, too. */
  readonly isAnalyze: boolean
  /** The SQL that is run here is shown beside its plan. */
  readonly isVerbose: boolean
  /** The statement that is explained. */
  readonly query: string
  /** Characters of the text before it. */
  readonly shift: number
}

/** Options that change nothing of an answer of ours. */
const DETAILS = ['costs', 'settings', 'buffers', 'summary', 'memory']
const BEGINNINGS = ['select', 'with', 'values', 'table']

type Options = Map<string, boolean>

/** Behind EXPLAIN; undefined where Postgres shall say what it makes of it. */
export function readExplain(cursor: TokenCursor): Explain | undefined {
  const options = cursor.isSymbol('(') ? listed(cursor) : bare(cursor)
  if (!options) return undefined
  const isQuery = cursor.isSymbol('(') || BEGINNINGS.some((word) => cursor.isNext(word))
  if (!isQuery || hasParameters(cursor)) return undefined
  return {
    kind: 'explain',
    isAnalyze: options.get('analyze') ?? false,
    isVerbose: options.get('verbose') ?? false,
    query: cursor.text.slice(cursor.index, cursor.textEnd),
    shift: cursor.position - 1
  }
}

/** They have values only behind a Bind. */
function hasParameters(cursor: TokenCursor): boolean {
  let ahead = 0
  while (cursor.peek(ahead) && cursor.peek(ahead)?.kind !== 'parameter') ahead++
  return cursor.peek(ahead) !== undefined
}

/** EXPLAIN ANALYZE VERBOSE, in this order. */
function bare(cursor: TokenCursor): Options {
  const words = ['analyze', 'verbose'].filter((word) => accepts(cursor, word))
  return new Map(words.map((word) => [word, true]))
}

const accepts = (cursor: TokenCursor, word: string): boolean =>
  cursor.accept(word) || (word === 'analyze' && cursor.accept('analyse'))

/** EXPLAIN (ANALYZE, COSTS off); an opening bracket may also begin the query itself. */
function listed(cursor: TokenCursor): Options | undefined {
  const options: Options = new Map()
  if (isQueryInBrackets(cursor)) return options
  cursor.expectSymbol('(')
  do {
    const name = cursor.peek()?.word
    if (name === undefined) return undefined
    cursor.next()
    if (name === 'format') {
      if (!cursor.accept('text')) return undefined
    } else if (name === 'analyze' || name === 'verbose' || DETAILS.includes(name)) {
      options.set(name, switched(cursor))
    } else return undefined
  } while (cursor.acceptSymbol(','))
  return cursor.acceptSymbol(')') ? options : undefined
}

function isQueryInBrackets(cursor: TokenCursor): boolean {
  let ahead = 0
  while (cursor.isSymbol('(', ahead)) ahead++
  return BEGINNINGS.includes(cursor.peek(ahead)?.word ?? '')
}

/** What is neither stays in front of the comma, and is Postgres's to judge. */
function switched(cursor: TokenCursor): boolean {
  if (cursor.accept('off') || cursor.accept('false')) return false
  if (!cursor.accept('on')) cursor.accept('true')
  return true
}
