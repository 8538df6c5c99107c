// Which columns a relation has: those listed, those its payload's schema brings, those included.
// Brings the clauses of the statement together by RisingWave's rules; reads no token.

import {
  PgError,
  featureNotSupported,
  invalidTableDefinition,
  syntaxError,
  undefinedColumn
} from '../errors.ts'
import { addIncluded, checkDistinct } from './include.ts'
import { checkConflict } from './conflict.ts'
import { checkKey } from './columns.ts'
import { parseSql } from './parser.ts'
import type { PayloadColumn, StatedEncoding } from '../types/connector.ts'
import type { ColumnList, ListedColumn } from './columns.ts'
import type { ConflictClauses } from './conflict.ts'
import type { IncludeClause } from './include.ts'
import type { SchemaPositions } from './encoding.ts'
import type { TwinText } from './twin.ts'

export interface ColumnFacts {
  readonly columns: readonly ListedColumn[]
  readonly key: readonly string[]
  readonly twinSql: string
  readonly twinPosition: (position: number) => number
  readonly notices: readonly string[]
}

/** What is to be done with a payload's schema once it is fetched. */
export interface SchemaClause {
  readonly positions: SchemaPositions
  /**
   * The relation's columns when its payload's schema offers these.
   * @throws PgError 42703, 42701, 42601 with the position of what does not fit
   */
  readonly complete: (offered: readonly PayloadColumn[]) => ColumnFacts
}

export interface Clauses {
  readonly relation: 'table' | 'source'
  readonly list: ColumnList
  readonly conflict: ConflictClauses
  readonly twin: TwinText
  readonly includes: readonly IncludeClause[]
  readonly encoding: StatedEncoding
  readonly schemaPositions: SchemaPositions | undefined
  /** Where a list of columns stands or would have to, 1-based. */
  readonly listPosition: number
}

export type SettledColumns = ColumnFacts & {
  readonly encoding: StatedEncoding
  readonly schema?: SchemaClause
}

/** @throws PgError 0A000, 42601, 42701, 42703, 42P16 */
export function settleColumns(clauses: Clauses): SettledColumns {
  const { list, includes, twin, schemaPositions: positions } = clauses
  checkList(clauses)
  const included = addIncluded(includes, clauses.encoding.encode, twin)
  const isUpsert = clauses.encoding.format === 'upsert'
  const key = isUpsert ? upsertKey(clauses) : list.key
  // The key that a source's list has is not in its twin: only of FORMAT UPSERT is it one.
  const isAdded = key !== list.key || (isUpsert && clauses.relation === 'source')
  if (isAdded) addKey(key, twin)
  twin.close()
  const columns = [...list.columns, ...includes].map(({ name, position }) => ({ name, position }))
  checkDistinct(columns)
  checkTwin(twin)
  const encoding = included.length === 0 ? clauses.encoding : { ...clauses.encoding, included }
  const facts = { ...factsOf(key, twin, columns), encoding }
  if (positions) {
    const settle = (offered: readonly PayloadColumn[]): ColumnFacts =>
      complete(clauses, key, offered)
    return { ...facts, schema: { positions, complete: settle } }
  }
  checkNamed(clauses, key, namesOf(columns))
  return facts
}

/** Every name that another clause uses is one of a column. */
function checkNamed(
  { conflict, encoding, list, listPosition }: Clauses,
  key: readonly ListedColumn[],
  names: ReadonlySet<string>
): void {
  checkKey(key, names)
  checkWatermark(list, names)
  checkConflict(conflict, names, key.length > 0, encoding.format, listPosition)
}

function checkWatermark({ watermark }: ColumnList, names: ReadonlySet<string>): void {
  if (!watermark || names.has(watermark.column.name)) return
  const { name, position } = watermark.column
  throw undefinedColumn(`column "${name}" named in watermark does not exist`, { position })
}

/** What a delivery has that has no payload. */
const WITHOUT_PAYLOAD: readonly string[] = ['key', 'subject', 'header', 'partition']

/** The key given, or the delivery's own; a delivery without a payload must have all of it. */
function upsertKey({ list, includes, listPosition }: Clauses): readonly ListedColumn[] {
  const own = includes.find(({ field }) => field === 'key')
  const key = list.key.length === 0 && own ? [own] : list.key
  const other = key.find(
    ({ name }) => !includes.some((i) => i.name === name && WITHOUT_PAYLOAD.includes(i.field))
  )
  if (key.length > 0 && !other) return key
  throw invalidTableDefinition('FORMAT UPSERT requires a primary key of included columns', {
    position: other?.position ?? listPosition,
    detail: 'A delivery without a payload deletes the row of its key, which only NATS can tell.',
    hint: 'Write INCLUDE key AS id (or subject, or a header), and PRIMARY KEY (id).'
  })
}

function addKey(key: readonly ListedColumn[], twin: TwinText): void {
  const names = key.map(({ name }) => `"${name.replaceAll('"', '""')}"`).join(', ')
  twin.insert(`, PRIMARY KEY (${names})`, 0)
}

const namesOf = (columns: readonly { readonly name: string }[]): ReadonlySet<string> =>
  new Set(columns.map(({ name }) => name))

const factsOf = (
  key: readonly ListedColumn[],
  twin: TwinText,
  columns: readonly ListedColumn[]
): ColumnFacts => ({
  columns,
  key: key.map(({ name }) => name),
  twinSql: twin.sql,
  twinPosition: (position) => twin.sourcePosition(position),
  notices: []
})

/** RisingWave's rules of what may be listed. */
function checkList(clauses: Clauses): void {
  const { list, includes, encoding, listPosition } = clauses
  if (clauses.schemaPositions) return checkBesideSchema(list)
  if (list.wildcard !== undefined) {
    throw featureNotSupported(
      'Wildcard in user-defined schema is only allowed when there exists columns from external ' +
        'schema',
      { position: list.wildcard, hint: 'List the columns.' }
    )
  }
  if (encoding.encode === 'bytes') checkBytes(list, listPosition)
  if (encoding.encode === 'text') checkText(list, listPosition)
  if (list.columns.length + includes.length > 0) return
  throw syntaxError('schema definition is required', {
    position: listPosition,
    hint: "List the columns behind the relation's name: (id varchar PRIMARY KEY, …)."
  })
}

function checkBesideSchema({ wildcard, columns }: ColumnList): void {
  const [first] = columns
  if (wildcard === undefined || !first) return
  throw featureNotSupported('Only generated columns are allowed beside the wildcard *', {
    position: first.position,
    hint: 'List all columns that you want, or none.'
  })
}

function checkBytes({ columns }: ColumnList, listPosition: number): void {
  const [only, second] = columns
  if (only?.typeName === 'bytea' && !second) return
  throw invalidTableDefinition('ENCODE BYTES only accepts one BYTEA type column', {
    position: (only?.typeName === 'bytea' ? second : only)?.position ?? listPosition,
    hint: 'INCLUDE adds columns for what comes with the payload.'
  })
}

function checkText({ columns }: ColumnList, listPosition: number): void {
  const [only, second] = columns
  if (only && !second) return
  throw invalidTableDefinition('ENCODE TEXT only accepts one column', {
    position: second?.position ?? listPosition,
    hint: 'INCLUDE adds columns for what comes with the payload.'
  })
}

function complete(
  clauses: Clauses,
  key: readonly ListedColumn[],
  offered: readonly PayloadColumn[]
): ColumnFacts {
  const { list, includes, twin } = clauses
  const columns = [...list.columns, ...includes].map(({ name, position }) => ({ name, position }))
  if (list.columns.length > 0) {
    checkOffered(list.columns, namesOf(offered))
    checkNamed(clauses, key, namesOf(columns))
    return factsOf(key, twin, columns)
  }
  const { listPosition: position } = clauses
  checkDistinct([...offered.map(({ name }) => ({ name, position })), ...includes])
  checkNamed(clauses, key, namesOf([...offered, ...columns]))
  const whole = twin.withColumns(offered.map(definition))
  checkTwin(whole)
  return { ...factsOf(key, whole, columns), notices: noticesOf(list) }
}

/** RisingWave's words. */
function checkOffered(columns: readonly ListedColumn[], offered: ReadonlySet<string>): void {
  const other = columns.find(({ name }) => !offered.has(name))
  if (!other) return
  throw undefinedColumn(`Column "${other.name}" is defined in SQL but not found in the source`, {
    position: other.position,
    hint: `The schema offers ${[...offered].join(', ')}.`
  })
}

const definition = ({ name, type }: PayloadColumn): string => {
  const collation = type.startsWith('varchar') ? ' COLLATE "C"' : ''
  return `"${name.replaceAll('"', '""')}" ${type}${collation}`
}

/** RisingWave's words, where a list without columns might have meant none. */
const noticesOf = ({ wildcard, isGiven }: ColumnList): string[] =>
  wildcard !== undefined || !isGiven
    ? []
    : [
        'Neither wildcard ("*") nor regular (non-generated) columns appear in the user-defined ' +
          'schema from SQL. For backward compatibility, all columns from the source will be ' +
          'included at the beginning.'
      ]

/** Finds what only Postgres's own grammar knows to be wrong, before anything is made. */
function checkTwin(twin: TwinText): void {
  try {
    parseSql(twin.sql)
  } catch (error) {
    if (!(error instanceof PgError) || error.position === undefined) throw error
    const position = twin.sourcePosition(error.position)
    throw syntaxError(error.message, { position, hint: error.hint, cause: error })
  }
}
