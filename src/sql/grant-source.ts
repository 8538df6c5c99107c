// GRANT and REVOKE … ON SOURCE, RisingWave's: Postgres's own with TABLE in the place of SOURCE.

import type { QualifiedName, TokenCursor } from './cursor.ts'

export interface GrantSource {
  readonly kind: 'grantSource'
  readonly tag: 'GRANT' | 'REVOKE'
  readonly names: readonly QualifiedName[]
  /** Postgres's statement; each character stands where it stood. */
  readonly sql: string
  /** ON ALL SOURCES IN SCHEMA, in the place of names. */
  readonly all?: AllSources
}

export interface AllSources {
  readonly schemas: readonly { readonly name: string; readonly position: number }[]
  /** Of the text, around what is granted on. */
  readonly before: string
  readonly after: string
}

const SOURCE = 'SOURCE'
const TABLE = 'TABLE '

/** Undefined where nothing is granted on a source: `ON source TO` means a table of that name. */
export function readGrantSource(cursor: TokenCursor): GrantSource | undefined {
  const tag = cursor.isNext('grant') ? 'GRANT' : 'REVOKE'
  while (!cursor.isAtEnd && !isOnSource(cursor)) cursor.next()
  if (!cursor.accept('on') || isTable(cursor)) return undefined
  const { index, text } = cursor
  if (cursor.accept('all')) return readAll(cursor, tag, index)
  cursor.expect('source')
  const names = [cursor.qualifiedName()]
  while (cursor.acceptSymbol(',')) names.push(cursor.qualifiedName())
  const sql = text.slice(0, index) + TABLE + text.slice(index + SOURCE.length)
  return { kind: 'grantSource', tag, names, sql }
}

const isOnSource = (cursor: TokenCursor): boolean =>
  cursor.isNext('on', 'source') || cursor.isNext('on', 'all', 'sources')

/** What is behind ALL: SOURCES IN SCHEMA a, b. */
function readAll(cursor: TokenCursor, tag: GrantSource['tag'], index: number): GrantSource {
  cursor.expect('sources')
  cursor.expect('in')
  cursor.expect('schema')
  const schemas = [schemaName(cursor)]
  while (cursor.acceptSymbol(',')) schemas.push(schemaName(cursor))
  const { text, index: end } = cursor
  const all = { schemas, before: text.slice(0, index), after: text.slice(end) }
  return { kind: 'grantSource', tag, names: [], sql: '', all }
}

function schemaName(cursor: TokenCursor): AllSources['schemas'][number] {
  const { position } = cursor
  return { name: cursor.identifier(), position }
}

const isTable = (cursor: TokenCursor): boolean =>
  ['to', 'from'].includes(cursor.peek(1)?.word ?? '') || /^[.,]?$/.test(cursor.peek(1)?.text ?? '')
