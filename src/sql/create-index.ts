// CREATE INDEX, as far as it concerns a relation: which table it is on, and whether it is UNIQUE. All
// else of it is Postgres's to read.

import { PgError } from '../errors.ts'
import type { QualifiedName, TokenCursor } from './cursor.ts'

export interface CreateIndex {
  readonly kind: 'createIndex'
  /** The table. */
  readonly name: QualifiedName
  /** 1-based character position of UNIQUE. */
  readonly uniquePosition: number | undefined
}

/** Undefined where Postgres would not read it either. The cursor stands at CREATE. */
export function readCreateIndex(cursor: TokenCursor): CreateIndex | undefined {
  cursor.expect('create')
  const { position } = cursor
  const uniquePosition = cursor.accept('unique') ? position : undefined
  try {
    cursor.expect('index')
    cursor.accept('concurrently')
    cursor.accept('if', 'not', 'exists')
    if (!cursor.isNext('on')) cursor.identifier()
    cursor.expect('on')
    cursor.accept('only')
    return { kind: 'createIndex', name: cursor.qualifiedName(), uniquePosition }
  } catch (error) {
    if (error instanceof PgError) return undefined
    throw error
  }
}
