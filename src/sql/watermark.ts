// WATERMARK FOR column AS expression [WITH TTL]: read and checked as RisingWave has it. Nothing is
// computed from it: rows that come late are rows.

import { featureNotSupported, withPosition } from '../errors.ts'
import { takeExpression } from './expression.ts'
import { parseSql } from './parser.ts'
import type { ListedColumn } from './columns.ts'
import type { TokenCursor } from './cursor.ts'
import type { ExpressionText } from './expression.ts'

export interface Watermark {
  /** As written. */
  readonly text: string
  readonly column: ListedColumn
  readonly expression: ExpressionText
  /** 1-based character position of the expression. */
  readonly position: number
}

const WITH: ReadonlySet<string> = new Set(['with'])

/**
 * Takes the item; the cursor stands at WATERMARK.
 * @throws PgError 42601, 0A000
 */
export function readWatermark(cursor: TokenCursor, relation: 'table' | 'source'): Watermark {
  const start = cursor.index
  cursor.expect('watermark', 'for')
  const column = { position: cursor.position, name: cursor.identifier() }
  cursor.expect('as')
  const { position } = cursor
  if (cursor.isSymbol(',') || cursor.isSymbol(')')) throw cursor.fail()
  const expression = takeExpression(cursor, WITH)
  checkGrammar(expression, position)
  const ttlPosition = cursor.position
  if (cursor.accept('with')) {
    cursor.expect('ttl')
    if (relation === 'source') {
      throw featureNotSupported('WITH TTL is not supported in a source', {
        position: ttlPosition,
        hint: 'Leave out WITH TTL, or use CREATE TABLE.'
      })
    }
  }
  return { text: cursor.text.slice(start, cursor.lastEnd), column, expression, position }
}

function checkGrammar({ text }: ExpressionText, position: number): void {
  const before = 'SELECT ('
  try {
    parseSql(`${before}${text})`)
  } catch (error) {
    throw withPosition(error, (at) => at - before.length - 1 + position)
  }
}

export const watermarkNotice = ({ column }: Watermark): string =>
  `the watermark on column "${column.name}" has no effect: rows that come late are kept`
