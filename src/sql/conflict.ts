// The clauses that say what becomes of a delivery whose key has a row: APPEND ONLY, ON CONFLICT and
// WITH VERSION COLUMN, in RisingWave's order.

import {
  duplicateColumn,
  featureNotSupported,
  invalidTableDefinition,
  undefinedColumn
} from '../errors.ts'
import type { PgError } from '../errors.ts'
import type { ListedColumn } from './columns.ts'
import type { TokenCursor } from './cursor.ts'

export interface ConflictClauses {
  /**
   * replace: the newest delivery is the row. keepFirst: the oldest stays. merge: of each column the
   * newest value that isn't NULL.
   */
  readonly onConflict: 'replace' | 'keepFirst' | 'merge'
  /** A delivery whose values there are lower than the row's does not replace it. */
  readonly versions: readonly ListedColumn[]
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
  const replaces = action === 'replace' || action === 'merge'
  if (appendOnly && hasKey && replaces) throw appendOnlyReplaces(position)
  const versions = cursor.isNext('with', 'version') ? readVersions(cursor) : []
  const onConflict = action ?? (appendOnly ? 'keepFirst' : 'replace')
  const [version] = versions
  if (version && onConflict !== 'replace') throw versionWithout(onConflict, version.position)
  const notices = isGiven && !hasKey ? ['ON CONFLICT has no effect without a primary key'] : []
  return { onConflict, versions, notices }
}

/** OVERWRITE and IGNORE are RisingWave's words of 1.9 and 2.0. */
function readAction(cursor: TokenCursor): ConflictClauses['onConflict'] {
  if (cursor.accept('overwrite')) return 'replace'
  if (cursor.accept('ignore')) return 'keepFirst'
  cursor.expect('do')
  if (cursor.accept('nothing')) return 'keepFirst'
  cursor.expect('update')
  if (cursor.accept('full')) return 'replace'
  if (!cursor.accept('if')) throw cursor.fail('Expected FULL or IF NOT NULL.')
  cursor.expect('not', 'null')
  return 'merge'
}

function readVersions(cursor: TokenCursor): ListedColumn[] {
  cursor.expect('with', 'version', 'column')
  cursor.expectSymbol('(')
  const versions: ListedColumn[] = []
  do {
    const { position } = cursor
    const name = cursor.identifier()
    if (versions.some((other) => other.name === name)) {
      throw duplicateColumn(`column "${name}" specified more than once`, { position })
    }
    versions.push({ name, position })
  } while (cursor.acceptSymbol(','))
  cursor.expectSymbol(')')
  return versions
}

/** RisingWave's words. */
const appendOnlyReplaces = (position: number): PgError =>
  invalidTableDefinition(
    'When PRIMARY KEY constraint applied to an APPEND ONLY table, ON CONFLICT behavior must be ' +
      'DO NOTHING.',
    { position }
  )

const versionWithout = (
  onConflict: Exclude<ConflictClauses['onConflict'], 'replace'>,
  position: number
): PgError =>
  invalidTableDefinition('WITH VERSION COLUMN needs ON CONFLICT DO UPDATE FULL', {
    position,
    hint:
      onConflict === 'merge'
        ? 'A row that several deliveries make up has no single version.'
        : 'A row that no delivery replaces has no versions.'
  })

/**
 * Whether the clauses fit the relation's columns.
 * @throws PgError 42703, 42P16, 0A000
 */
export function checkConflict(
  { onConflict, versions }: ConflictClauses,
  names: ReadonlySet<string>,
  hasKey: boolean,
  format: 'plain' | 'upsert',
  listPosition: number
): void {
  const [first] = versions
  if (format === 'upsert' && (onConflict !== 'replace' || first)) {
    throw featureNotSupported('FORMAT UPSERT always replaces the row of a key', {
      position: first?.position ?? listPosition,
      hint: 'Leave out APPEND ONLY, ON CONFLICT and WITH VERSION COLUMN.'
    })
  }
  for (const { name, position } of versions) {
    if (names.has(name)) continue
    throw undefinedColumn(`column "${name}" named in version column does not exist`, { position })
  }
  if (!first || hasKey) return
  throw invalidTableDefinition('WITH VERSION COLUMN needs a primary key', {
    position: first.position
  })
}
