// CREATE TABLE and CREATE SOURCE with a connector: the statement's outline, its clauses in their
// order. Makes the twin's statement on the way and has Postgres's grammar check it.

import { syntaxError } from '../errors.ts'
import { BEFORE_RELATION, CLAUSES, refused } from './refusals.ts'
import { TwinText } from './twin.ts'
import { readColumnList } from './columns.ts'
import { readConflict } from './conflict.ts'
import { readConnector } from './with-options.ts'
import { readEncoding } from './encoding.ts'
import { readIncludes } from './include.ts'
import { readOptionList } from './option-list.ts'
import { settleColumns } from './relation-columns.ts'
import { watermarkNotice } from './watermark.ts'
import type { NatsConnector, StatedEncoding } from '../types/connector.ts'
import type { PgError } from '../errors.ts'
import type { ColumnList, ListedColumn } from './columns.ts'
import type { ConflictClauses } from './conflict.ts'
import type { QualifiedName, TokenCursor } from './cursor.ts'
import type { SchemaPositions } from './encoding.ts'
import type { GivenOption } from './option-list.ts'
import type { IncludeClause } from './include.ts'
import type { SchemaClause } from './relation-columns.ts'
import type { Watermark } from './watermark.ts'

export interface CreateRelation {
  readonly kind: 'createRelation'
  readonly relation: 'table' | 'source'
  readonly ifNotExists: boolean
  /** A relation of that name goes first, in the same transaction. */
  readonly orReplace: boolean
  readonly name: QualifiedName
  /** Listed and included ones. */
  readonly columns: readonly ListedColumn[]
  /** Key columns in key order. A source's key is not checked and not in the twin. */
  readonly key: readonly string[]
  /** What becomes of a delivery whose key has a row. */
  readonly onConflict: ConflictClauses['onConflict']
  /** Only a delivery whose values there are not lower, compared in turn, replaces the row. */
  readonly versions: readonly ListedColumn[]
  readonly watermark?: Watermark
  /** The twin's CREATE TABLE. */
  readonly twinSql: string
  /** 1-based character position in twinSql → in the user's statement. */
  readonly twinPosition: (position: number) => number
  /** Undefined while options are secrets, whose values are not known here: see readConnector. */
  readonly connector: NatsConnector | undefined
  /** Where WITH stands, 1-based. */
  readonly withPosition: number
  readonly encoding: StatedEncoding
  /** Of an encoding whose payloads have a schema: what is still to be done with it. */
  readonly schema?: SchemaClause
  /** WITH as given, secrets in clear; see describeOptions. */
  readonly options: readonly GivenOption[]
  /** The clauses between the columns and WITH, and those behind it, as written. */
  readonly before: string
  readonly after: string
  readonly notices: readonly string[]
}

/**
 * Reads the statement if it is one of ours: any CREATE SOURCE, a CREATE TABLE whose WITH names a
 * connector. Undefined otherwise. The cursor stands at CREATE.
 * @throws PgError when it is ours and wrong, with the position of the token at fault
 */
export function readCreateRelation(cursor: TokenCursor): CreateRelation | undefined {
  const relation = relationKind(cursor)
  if (!relation || (relation === 'table' && !namesConnector(cursor))) return undefined
  cursor.expect('create')
  const orReplace = cursor.accept('or', 'replace')
  const refusal = refused(cursor, BEFORE_RELATION)
  if (refusal) throw refusal
  cursor.expect(relation)
  // As Postgres's grammar has it: nobody can mean both.
  const ifNotExists = !orReplace && cursor.accept('if', 'not', 'exists')
  const name = cursor.qualifiedName()
  const twin = new TwinText(cursor.text)
  twin.insert(`CREATE TABLE ${ifNotExists ? 'IF NOT EXISTS ' : ''}`, 0)
  const nameIndex = cursor.lastEnd - name.text.length
  twin.copy(nameIndex, cursor.lastEnd)
  twin.insert(' ', cursor.index)
  const { position } = cursor
  const list = readColumns(cursor, twin, relation)
  const clauses = readClauses(cursor, relation, list)
  const columns = settleColumns({ ...clauses, relation, list, twin, listPosition: position })
  const { connector, options, before, after, conflict } = clauses
  return {
    kind: 'createRelation',
    relation,
    ifNotExists,
    orReplace,
    name,
    ...columns,
    onConflict: conflict.onConflict,
    versions: conflict.versions,
    ...(list.watermark ? { watermark: list.watermark } : {}),
    connector,
    withPosition: clauses.withPosition,
    options,
    before,
    after,
    notices: [...clauses.notices, ...noticesOf(list), ...columns.notices]
  }
}

function noticesOf({ watermark, withDefault, notNull }: ColumnList): string[] {
  const notices = watermark ? [watermarkNotice(watermark)] : []
  if (withDefault.length > 0) {
    const text = `the default of ${columnsNamed(withDefault)} is not used for rows from the stream`
    notices.push(`${text}: what a payload lacks is NULL`)
  }
  if (notNull.length > 0) {
    notices.push(`deliveries without a value for ${columnsNamed(notNull)} are dropped`)
  }
  return notices
}

const columnsNamed = (names: readonly string[]): string =>
  `${names.length === 1 ? 'column' : 'columns'} ${names.map((name) => `"${name}"`).join(', ')}`

function relationKind(cursor: TokenCursor): 'table' | 'source' | undefined {
  if (!cursor.isNext('create')) return undefined
  const before = new Set(['or', 'replace', ...BEFORE_RELATION.flatMap((r) => r.words)])
  let ahead = 1
  while (before.has(cursor.peek(ahead)?.word ?? '')) ahead++
  const word = cursor.peek(ahead)?.word
  return word === 'table' || word === 'source' ? word : undefined
}

/** Whether a WITH ( … ) outside all brackets has the key `connector`. */
function namesConnector(cursor: TokenCursor): boolean {
  let depth = 0
  let isWith = false
  for (let ahead = 0; cursor.peek(ahead); ahead++) {
    if (cursor.isSymbol('(', ahead)) {
      if (depth++ === 0) isWith = cursor.peek(ahead - 1)?.word === 'with'
    } else if (cursor.isSymbol(')', ahead)) depth--
    if (isWith && depth === 1 && isConnectorKey(cursor, ahead)) return true
  }
  return false
}

function isConnectorKey(cursor: TokenCursor, ahead: number): boolean {
  const key = cursor.peek(ahead)?.text.toLowerCase()
  if (key !== 'connector' && key !== '"connector"') return false
  const isFirst = cursor.isSymbol('(', ahead - 1) || cursor.isSymbol(',', ahead - 1)
  return isFirst && cursor.peek(ahead + 1)?.text.startsWith('=') === true
}

function readColumns(
  cursor: TokenCursor,
  twin: TwinText,
  relation: 'table' | 'source'
): ColumnList {
  if (cursor.isSymbol('(')) return readColumnList(cursor, twin, relation)
  twin.insert('(', cursor.index)
  twin.reserve()
  return { columns: [], key: [], isGiven: false, withDefault: [], notNull: [] }
}

/** What the clauses behind the columns say. */
interface Clauses {
  readonly conflict: ConflictClauses
  readonly includes: readonly IncludeClause[]
  readonly connector: NatsConnector | undefined
  readonly withPosition: number
  readonly encoding: StatedEncoding
  readonly schemaPositions: SchemaPositions | undefined
  readonly options: readonly GivenOption[]
  readonly before: string
  readonly after: string
  readonly notices: readonly string[]
}

const REPLACE: ConflictClauses = { onConflict: 'replace', versions: [], notices: [] }

function readClauses(cursor: TokenCursor, relation: 'table' | 'source', list: ColumnList): Clauses {
  const start = cursor.lastEnd
  const conflict = relation === 'table' ? readConflict(cursor, list.key.length > 0) : REPLACE
  throwRefused(cursor)
  const includes = readIncludes(cursor)
  throwRefused(cursor)
  const { position } = cursor
  const before = cursor.text.slice(start, cursor.lastEnd).trim()
  if (!cursor.accept('with')) throw missingWith(cursor)
  const options = readOptionList(cursor)
  const end = cursor.lastEnd
  // Secrets are looked up when the statement runs; whatever else is wrong shows now.
  const read = options.some(({ secret }) => secret) ? undefined : readConnector(options, position)
  const notices = [...conflict.notices, ...(read?.notices ?? [])]
  throwRefused(cursor)
  const { encoding, schemaPositions } = readEncoding(cursor, notices)
  throwRefused(cursor)
  cursor.expectEnd()
  if (relation === 'source' && list.key.length > 0 && encoding.format === 'plain') {
    notices.push('the primary key of a source is not checked')
  }
  const after = cursor.text.slice(end, cursor.lastEnd).trim()
  return {
    conflict,
    includes,
    connector: read?.connector,
    withPosition: position,
    encoding,
    schemaPositions,
    options,
    before,
    after,
    notices
  }
}

function throwRefused(cursor: TokenCursor): void {
  const refusal = refused(cursor, CLAUSES)
  if (refusal) throw refusal
}

/** RisingWave's words when nothing else is wrong. */
function missingWith(cursor: TokenCursor): PgError {
  const isOther = !cursor.isAtEnd && !cursor.isNext('format') && !cursor.isNext('row')
  if (isOther) return cursor.fail()
  const { position } = cursor
  return syntaxError('missing WITH clause', { position, hint: "Add WITH (connector = 'nats', …)." })
}
