// GRANT and REVOKE … ON SOURCE, RisingWave's: Postgres's own with TABLE in the place of SOURCE.

import type { QualifiedName, TokenCursor } from './cursor.ts'

export interface GrantSource {
  readonly kind: 'grantSource'
  readonly tag: 'GRANT' | 'REVOKE'
  readonly names: readonly QualifiedName[]
  /** Postgres's statement; each character stands where it stood. */
  readonly sql: string
}

const SOURCE = 'SOURCE'
const TABLE = 'TABLE '

/** Undefined where nothing is granted on a source: `ON source TO` means a table of that name. */
export function readGrantSource(cursor: TokenCursor): GrantSource | undefined {
  const tag = cursor.isNext('grant') ? 'GRANT' : 'REVOKE'
  while (!cursor.isAtEnd && !cursor.isNext('on', 'source')) cursor.next()
  if (!cursor.accept('on') || isTable(cursor)) return undefined
  const { index } = cursor
  cursor.expect('source')
  const names = [cursor.qualifiedName()]
  while (cursor.acceptSymbol(',')) names.push(cursor.qualifiedName())
  const { text } = cursor
  const sql = text.slice(0, index) + TABLE + text.slice(index + SOURCE.length)
  return { kind: 'grantSource', tag, names, sql }
}

const isTable = (cursor: TokenCursor): boolean =>
  ['to', 'from'].includes(cursor.peek(1)?.word ?? '') || /^[.,]?$/.test(cursor.peek(1)?.text ?? '')
