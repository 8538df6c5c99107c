// The clauses that say what becomes of a delivery whose key has a row: APPEND ONLY, ON CONFLICT and
// WITH VERSION COLUMN, in RisingWave's order.

import { featureNotSupported, invalidTableDefinition, undefinedColumn } from '../errors.ts'
import type { PgError } from '../errors.ts'
import type { ListedColumn } from './columns.ts'
import type { TokenCursor } from './cursor.ts'

export interface ConflictClauses {
  /** replace: the newest delivery is the row. keepFirst: the oldest stays. */
  readonly onConflict: 'replace' | 'keepFirst'
  /** A delivery whose value there is lower than the row's does not replace it. */
  readonly version: ListedColumn | undefined
  readonly notices: readonly string[]
}

/**
 * Takes the clauses, if any. `hasKey`: the list of columns has a primary key.
 * @throws PgError 42601, 0A000, 42P16
 */
export function readConflict(cursor: TokenCursor, hasKey: boolean): ConflictClauses {
  const appendOnly = cursor.accept('append', 'only')
  const { position } = cursor
  const isGiven = cursor.accept('on', 'conflict')
  const action = isGiven ? readAction(cursor) : undefined
  if (appendOnly && hasKey && action === 'replace') throw appendOnlyReplaces(position)
  const version = cursor.isNext('with', 'version') ? readVersion(cursor) : undefined
  const keepsFirst = action === 'keepFirst' || (action === undefined && appendOnly)
  if (version && keepsFirst) throw versionWithFirst(version.position)
  const notices =
    isGiven && !hasKey ? ['ON CONFLICT has no effect without a primary key'] : []
  return { onConflict: keepsFirst ? 'keepFirst' : 'replace', version, notices }
}

/** OVERWRITE and IGNORE are RisingWave's words of 1.9 and 2.0. */
function readAction(cursor: TokenCursor): ConflictClauses['onConflict'] {
  if (cursor.accept('overwrite')) return 'replace'
  if (cursor.accept('ignore')) return 'keepFirst'
  cursor.expect('do')
  if (cursor.accept('nothing')) return 'keepFirst'
  const { position } = cursor
  cursor.expect('update')
  if (cursor.accept('full')) return 'replace'
  if (!cursor.isNext('if', 'not', 'null')) throw cursor.fail('Expected FULL.')
  throw featureNotSupported('ON CONFLICT DO UPDATE IF NOT NULL is not supported', {
    position,
    hint: 'Write DO UPDATE FULL: a delivery replaces the row of its key as a whole.'
  })
}

function readVersion(cursor: TokenCursor): ListedColumn {
  cursor.expect('with', 'version', 'column')
  cursor.expectSymbol('(')
  const { position } = cursor
  const name = cursor.identifier()
  if (cursor.isSymbol(',')) {
    throw featureNotSupported('several version columns are not supported', {
      position: cursor.position,
      hint: 'Give one column that tells which delivery is the newer one.'
    })
  }
  cursor.expectSymbol(')')
  return { name, position }
}

/** RisingWave's words. */
const appendOnlyReplaces = (position: number): PgError =>
  invalidTableDefinition(
    'When PRIMARY KEY constraint applied to an APPEND ONLY table, ON CONFLICT behavior must be ' +
      'DO NOTHING.',
    { position }
  )

const versionWithFirst = (position: number): PgError =>
  invalidTableDefinition('WITH VERSION COLUMN needs ON CONFLICT DO UPDATE FULL', {
    position,
    hint: 'A row that no delivery replaces has no versions.'
  })

/**
 * Whether the clauses fit the relation's columns.
 * @throws PgError 42703, 42P16, 0A000
 */
export function checkConflict(
  { onConflict, version }: ConflictClauses,
  names: ReadonlySet<string>,
  hasKey: boolean,
  format: 'plain' | 'upsert',
  listPosition: number
): void {
  if (format === 'upsert' && (onConflict === 'keepFirst' || version)) {
    throw featureNotSupported('FORMAT UPSERT always replaces the row of a key', {
      position: version?.position ?? listPosition,
      hint: 'Leave out APPEND ONLY, ON CONFLICT DO NOTHING and WITH VERSION COLUMN.'
    })
  }
  if (!version) return
  const { name, position } = version
  if (!names.has(name)) {
    throw undefinedColumn(`column "${name}" named in version column does not exist`, { position })
  }
  if (!hasKey) {
    throw invalidTableDefinition('WITH VERSION COLUMN needs a primary key', { position })
  }
}
