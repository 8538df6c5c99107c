// The grammar of ALTER TABLE and ALTER SOURCE: RisingWave's own actions, and Postgres's with the
// types of added columns as the twin has them.

import { PgError, syntaxError } from '../errors.ts'
import { readColumnType } from './column-type.ts'
import type { QualifiedName, TokenCursor } from './cursor.ts'
import { readOptionList } from './option-list.ts'
import type { GivenOption } from './option-list.ts'
import { ALTER_ACTIONS, refused } from './refusals.ts'
import { TwinText } from './twin.ts'

export interface Alter {
  readonly kind: 'alter'
  readonly relation: 'table' | 'source'
  readonly ifExists: boolean
  readonly only: boolean
  readonly name: QualifiedName
  readonly action: AlterAction
  /** 1-based character position of the action. */
  readonly position: number
}

export type AlterAction =
  | PostgresAction
  /** Deliveries a second; 0: none; undefined: as many as there are. */
  | { readonly kind: 'rateLimit'; readonly limit: number | undefined }
  | { readonly kind: 'connectorWith'; readonly options: readonly GivenOption[] }
  | { readonly kind: 'dropConnector' }
  | { readonly kind: 'refreshSchema' }
  | { readonly kind: 'replayDropped' }

/** Everything behind the name, to be run on the twin. */
export interface PostgresAction {
  readonly kind: 'postgres'
  readonly rest: string
  /** 1-based character position in `rest` → in the user's statement. */
  readonly restPosition: (position: number) => number
  /** What is wrong with it where the table is a relation. */
  readonly fault?: PgError
}

/** Takes what follows ALTER TABLE or ALTER SOURCE. @throws PgError 42601, 0A000 */
export function readAlter(cursor: TokenCursor, relation: 'table' | 'source'): Alter {
  const ifExists = cursor.accept('if', 'exists')
  const only = cursor.accept('only')
  const isBracketed = only && cursor.acceptSymbol('(')
  const name = cursor.qualifiedName()
  if (isBracketed) cursor.expectSymbol(')')
  if (!only) cursor.acceptSymbol('*')
  if (cursor.isAtEnd) throw cursor.fail()
  const { position } = cursor
  const action = readAction(cursor)
  if (relation === 'source' && action.kind === 'postgres' && action.fault) throw action.fault
  return { kind: 'alter', relation, ifExists, only, name, action, position }
}

function readAction(cursor: TokenCursor): AlterAction {
  if (cursor.accept('set', 'source_rate_limit')) return readRateLimit(cursor)
  if (cursor.isNext('drop', 'connector') && cursor.peek(2) === undefined) {
    return { kind: 'dropConnector' }
  }
  if (cursor.isNext('refresh', 'schema') && cursor.peek(2) === undefined) {
    return { kind: 'refreshSchema' }
  }
  if (cursor.isNext('replay', 'dropped') && cursor.peek(2) === undefined) {
    return { kind: 'replayDropped' }
  }
  if (cursor.accept('connector', 'with')) {
    const options = readOptionList(cursor)
    cursor.expectEnd()
    return { kind: 'connectorWith', options }
  }
  return readPostgres(cursor)
}

function readRateLimit(cursor: TokenCursor): AlterAction {
  if (!cursor.acceptSymbol('=')) cursor.expect('to')
  const { position } = cursor
  if (cursor.accept('default')) {
    cursor.expectEnd()
    return { kind: 'rateLimit', limit: undefined }
  }
  const token = cursor.peek()
  const limit = token?.kind === 'number' ? Number(token.text) : Number.NaN
  if (!Number.isSafeInteger(limit)) {
    throw syntaxError('SOURCE_RATE_LIMIT must be a whole number or DEFAULT', {
      position,
      hint: 'It is in deliveries a second; 0 stops reading.'
    })
  }
  cursor.next()
  cursor.expectEnd()
  return { kind: 'rateLimit', limit }
}

/** A fault is kept: an ordinary table's is Postgres's to tell. */
function readPostgres(cursor: TokenCursor): PostgresAction {
  const { index } = cursor
  const twin = new TwinText(cursor.text)
  let fault: PgError | undefined
  try {
    const refusal = refused(cursor, ALTER_ACTIONS)
    if (refusal) throw refusal
    do {
      if (cursor.lastEnd > index) twin.insert(', ', cursor.index)
      readCommand(cursor, twin)
    } while (cursor.acceptSymbol(','))
    cursor.expectEnd()
  } catch (error) {
    if (!(error instanceof PgError)) throw error
    fault = error
  }
  const rest = fault ? cursor.text.slice(index, cursor.textEnd) : twin.sql
  const restPosition = (position: number): number => twin.sourcePosition(position)
  return { kind: 'postgres', rest, restPosition, ...(fault ? { fault } : {}) }
}

const NO_COLUMN = /^(?:constraint|primary|unique|check|foreign|exclude)$/

function readCommand(cursor: TokenCursor, twin: TwinText): void {
  const start = cursor.index
  const addsColumn = cursor.isNext('add') && !NO_COLUMN.test(cursor.peek(1)?.word ?? '')
  if (!addsColumn) {
    skipCommand(cursor)
    return twin.copy(start, cursor.lastEnd)
  }
  cursor.expect('add')
  cursor.accept('column')
  cursor.accept('if', 'not', 'exists')
  cursor.identifier()
  twin.copy(start, cursor.lastEnd)
  twin.insert(' ', cursor.index)
  const typeIndex = cursor.index
  const { isText } = readColumnType(cursor, twin)
  const rest = cursor.index
  const isCollated = skipCommand(cursor)
  if (isText && !isCollated) twin.insert(' COLLATE "C"', typeIndex)
  if (cursor.lastEnd <= rest) return
  twin.insert(' ', rest)
  twin.copy(rest, cursor.lastEnd)
}

/** Up to the next comma outside brackets; answers whether COLLATE is among it. */
function skipCommand(cursor: TokenCursor): boolean {
  let isCollated = false
  for (let depth = 0; !cursor.isAtEnd && (depth > 0 || !cursor.isSymbol(','));) {
    const { text, word } = cursor.next()
    if (text === '(' || text === '[') depth++
    else if (text === ')' || text === ']') depth--
    isCollated ||= word === 'collate'
  }
  return isCollated
}
