// The grammar of the statements about relations that exist: DROP, ALTER, SHOW, DESCRIBE. What is
// malformed in a form Postgres has too is left to Postgres (undefined); the rest is an error here.

import { PgError, featureNotSupported } from '../errors.ts'
import { readAlter } from './alter.ts'
import type { Alter } from './alter.ts'
import { readAlterSecret, readDropSecret } from './secrets.ts'
import type { SecretStatement } from './secrets.ts'
import { stringValue } from './tokens.ts'
import type { QualifiedName, TokenCursor } from './cursor.ts'

export interface Drop {
  readonly kind: 'drop'
  readonly relation: 'table' | 'source'
  readonly ifExists: boolean
  readonly names: readonly QualifiedName[]
  readonly behavior: 'restrict' | 'cascade'
}

export interface ShowRelations {
  readonly kind: 'showSources' | 'showTables'
  readonly schema?: string
  readonly like?: string
  readonly ilike?: string
}

export interface ShowSecrets {
  readonly kind: 'showSecrets'
  readonly schema?: string
}

export interface ShowCreate {
  readonly kind: 'showCreate'
  readonly relation: 'table' | 'source'
  readonly name: QualifiedName
}

export interface Describe {
  readonly kind: 'describe'
  readonly name: QualifiedName
}

export interface ShowSetting {
  readonly kind: 'showSetting'
  /** Folded: `jetgres.consistency`. */
  readonly name: string
}

export type Command =
  Drop | Alter | ShowRelations | ShowSecrets | ShowCreate | Describe | ShowSetting | SecretStatement

/**
 * Reads DROP, ALTER, SHOW or DESCRIBE; undefined when it is no concern of ours.
 * @throws PgError 42601, 0A000
 */
export function readCommand(cursor: TokenCursor): Command | undefined {
  if (cursor.accept('drop', 'secret')) return readDropSecret(cursor)
  if (cursor.accept('alter', 'secret')) return readAlterSecret(cursor)
  if (cursor.accept('drop')) return ofRelation(cursor, readDrop)
  if (cursor.accept('alter')) return ofRelation(cursor, readAlter)
  if (cursor.accept('describe') || cursor.accept('desc')) return readDescribe(cursor)
  return cursor.accept('show') ? readShow(cursor) : undefined
}

type RelationReader = (cursor: TokenCursor, relation: 'table' | 'source') => Command

/** Only SOURCE is unknown to Postgres; what is wrong with a TABLE it says itself. */
function ofRelation(cursor: TokenCursor, read: RelationReader): Command | undefined {
  if (cursor.accept('source')) return read(cursor, 'source')
  if (!cursor.accept('table')) return undefined
  try {
    return read(cursor, 'table')
  } catch (error) {
    if (error instanceof PgError) return undefined
    throw error
  }
}

function readDrop(cursor: TokenCursor, relation: 'table' | 'source'): Drop {
  const ifExists = cursor.accept('if', 'exists')
  const names = [cursor.qualifiedName()]
  while (cursor.acceptSymbol(',')) names.push(cursor.qualifiedName())
  const behavior = cursor.accept('cascade') ? 'cascade' : 'restrict'
  if (behavior === 'restrict') cursor.accept('restrict')
  cursor.expectEnd()
  return { kind: 'drop', relation, ifExists, names, behavior }
}

function readShow(cursor: TokenCursor): Command | undefined {
  if (cursor.accept('sources')) return readShowRelations(cursor, 'showSources')
  if (cursor.accept('tables')) return readShowRelations(cursor, 'showTables')
  if (cursor.accept('secrets')) {
    const schema = cursor.accept('from') ? cursor.identifier() : undefined
    cursor.expectEnd()
    return { kind: 'showSecrets', ...(schema === undefined ? {} : { schema }) }
  }
  if (cursor.accept('columns')) {
    cursor.expect('from')
    return readDescribe(cursor)
  }
  if (cursor.isNext('create', 'table') || cursor.isNext('create', 'source')) {
    cursor.expect('create')
    return readShowCreate(cursor)
  }
  return cursor.peek(1)?.text === '.' ? readShowSetting(cursor) : undefined
}

function readShowRelations(cursor: TokenCursor, kind: 'showSources' | 'showTables'): ShowRelations {
  const schema = cursor.accept('from') ? cursor.identifier() : undefined
  const like = cursor.accept('like') ? readPattern(cursor) : undefined
  const ilike = like === undefined && cursor.accept('ilike') ? readPattern(cursor) : undefined
  if (cursor.isNext('where')) {
    throw featureNotSupported('WHERE is not supported in SHOW', {
      position: cursor.position,
      hint: 'Use LIKE or ILIKE.'
    })
  }
  cursor.expectEnd()
  return {
    kind,
    ...(schema === undefined ? {} : { schema }),
    ...(like === undefined ? {} : { like }),
    ...(ilike === undefined ? {} : { ilike })
  }
}

function readPattern(cursor: TokenCursor): string {
  const token = cursor.peek()
  const pattern = token?.kind === 'string' ? stringValue(token.text) : undefined
  if (pattern === undefined) throw cursor.fail()
  cursor.next()
  return pattern
}

function readShowCreate(cursor: TokenCursor): ShowCreate {
  const relation = cursor.accept('table') ? 'table' : 'source'
  if (relation === 'source') cursor.expect('source')
  const name = cursor.qualifiedName()
  cursor.expectEnd()
  return { kind: 'showCreate', relation, name }
}

function readDescribe(cursor: TokenCursor): Describe {
  const name = cursor.qualifiedName()
  cursor.expectEnd()
  return { kind: 'describe', name }
}

function readShowSetting(cursor: TokenCursor): ShowSetting | undefined {
  const { schema, name, database } = cursor.qualifiedName()
  const isOurs = schema?.toLowerCase() === 'jetgres' && database === undefined && cursor.isAtEnd
  // Postgres compares the names of settings without their case.
  return isOurs ? { kind: 'showSetting', name: `jetgres.${name.toLowerCase()}` } : undefined
}
