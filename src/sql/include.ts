// The grammar of INCLUDE: what of a delivery, beside its payload, becomes a column. RisingWave's
// four, and beyond them header, timestamp, sequence and key. Knows no delivery.

import { duplicateColumn, featureNotSupported, invalidParameterValue } from '../errors.ts'
import { stringValue } from './tokens.ts'
import type { Encoding, IncludedColumn, IncludedField } from '../types/connector.ts'
import type { PgError } from '../errors.ts'
import type { ListedColumn } from './columns.ts'
import type { TokenCursor } from './cursor.ts'
import type { TwinText } from './twin.ts'

/** Each with its column's type as the twin has it. */
const FIELD_TYPE: Readonly<Record<IncludedField, string>> = {
  partition: 'varchar',
  offset: 'varchar',
  payload: 'jsonb',
  subject: 'varchar',
  header: 'jsonb',
  timestamp: 'timestamptz',
  sequence: 'bigint',
  key: 'varchar'
}
const IDENTIFIER_BYTES_MAX = 63
const HEADER_TYPES = ['varchar', 'bytea'] as const

export interface IncludeClause extends ListedColumn {
  readonly field: IncludedField
  readonly header?: string
  /** Of the column, as the twin has it. */
  readonly type: string
  /** Where the clause's field stands, 1-based, and its index. */
  readonly fieldPosition: number
  readonly index: number
}

/**
 * Takes the INCLUDE clauses, if any. RisingWave adds the columns in reverse order of writing, and
 * tolerates commas between the clauses.
 * @throws PgError 42601, 0A000
 */
export function readIncludes(cursor: TokenCursor): IncludeClause[] {
  const clauses: IncludeClause[] = []
  while (cursor.accept('include')) {
    clauses.unshift(readInclude(cursor))
    if (cursor.isSymbol(',') && cursor.peek(1)?.word === 'include') cursor.acceptSymbol(',')
  }
  return clauses
}

function readInclude(cursor: TokenCursor): IncludeClause {
  const { index, position: fieldPosition } = cursor
  const field = readField(cursor)
  const header = readHeader(cursor, field)
  const hasAlias = cursor.accept('as')
  const position = hasAlias ? cursor.position : fieldPosition
  const name = hasAlias ? cursor.identifier() : defaultName(field, header)
  // Postgres would cut it, and the column not be found again by its name.
  if (Buffer.byteLength(name) > IDENTIFIER_BYTES_MAX) {
    throw invalidParameterValue(`column name "${name}" is too long`, {
      position,
      hint: `Name the column: INCLUDE ${field} '…' AS ….`
    })
  }
  const type = header === undefined ? FIELD_TYPE[field] : (header.type ?? 'varchar')
  const named = header === undefined ? {} : { header: header.name }
  return { name, position, field, ...named, type, fieldPosition, index }
}

function readField(cursor: TokenCursor): IncludedField {
  const { position } = cursor
  const name = cursor.label()
  if (Object.hasOwn(FIELD_TYPE, name)) return name as IncludedField
  const accepted = Object.keys(FIELD_TYPE).join(', ')
  throw featureNotSupported(
    `additional column type ${name} is not supported for connector nats, ` +
      `acceptable column types: {${accepted}}`,
    { position }
  )
}

interface Header {
  readonly name: string
  readonly type?: (typeof HEADER_TYPES)[number]
}

function readHeader(cursor: TokenCursor, field: IncludedField): Header | undefined {
  const token = cursor.peek()
  if (token?.kind !== 'string') return undefined
  if (field !== 'header') {
    throw featureNotSupported(`INCLUDE ${field} takes no name of a header`, {
      position: cursor.position,
      hint: "Write INCLUDE header '…'."
    })
  }
  const name = stringValue(token.text)
  if (name === undefined || name === '') throw cursor.fail('Expected the name of a header.')
  cursor.next()
  const type = HEADER_TYPES.find((word) => cursor.accept(word))
  return type === undefined ? { name } : { name, type }
}

/** As RisingWave names them. */
const defaultName = (field: IncludedField, header: Header | undefined): string =>
  ['_rw_nats', field, header?.name, header?.type].filter((part) => part !== undefined).join('_')

/**
 * Writes the columns into the twin's list and answers what they hold.
 * @throws PgError 42701, and 0A000 for a payload that isn't JSON
 */
export function addIncluded(
  clauses: readonly IncludeClause[],
  encode: Encoding['encode'],
  twin: TwinText
): IncludedColumn[] {
  for (const clause of clauses) {
    if (clause.field === 'payload' && encode !== 'json') throw payloadOfOther(encode, clause)
    twin.separate(clause.index)
    twin.insert(`"${clause.name.replaceAll('"', '""')}" ${twinType(clause.type)}`, clause.index)
  }
  return clauses.map(({ name, field, header }) => ({
    column: name,
    field,
    ...(header === undefined ? {} : { header })
  }))
}

const twinType = (type: string): string => (type === 'varchar' ? 'varchar COLLATE "C"' : type)

/** RisingWave's words. */
const payloadOfOther = (encode: string, { fieldPosition }: IncludeClause): PgError =>
  featureNotSupported(
    'INCLUDE payload is only allowed when using ENCODE JSON, ' +
      `but got ENCODE ${encode.toUpperCase()}`,
    { position: fieldPosition }
  )

/** @throws PgError 42701 where a column has a name that another one has */
export function checkDistinct(columns: readonly ListedColumn[]): void {
  const seen = new Set<string>()
  for (const { name, position } of columns) {
    if (seen.has(name)) {
      throw duplicateColumn(`column "${name}" specified more than once`, { position })
    }
    seen.add(name)
  }
}
