// What all scans over the back channel share: the request, the settings of postgres_fdw's
// connections, the relation as the live child names it. Pure.

import type { Relation } from '../catalog/relation.ts'
import { featureNotSupported } from '../errors.ts'
import type { Node } from '../sql/ast.ts'
import type { Parameter } from '../store/duck-types.ts'
import type { TranslateScope } from '../translate/translate.ts'
import { codecFor } from '../types/codec.ts'
import type { OutputSettings, RelationSchema } from '../types/value.ts'
import { childName, SCHEMA } from '../upstream/bridge.ts'
import type { RowWriter } from '../wire/row-writer.ts'

/** postgres_fdw sets these on its connections and reads text accordingly (connection.c). */
export const REMOTE_SETTINGS: OutputSettings = {
  timeZone: 'GMT',
  dateStyle: 'ISO, MDY',
  intervalStyle: 'postgres',
  extraFloatDigits: 3,
  byteaOutput: 'hex'
}

export interface ScanRequest {
  /** The live child's name, or a status table's; both in jetgres_live. */
  readonly table: string
  readonly text: string
  /** The body of a SelectStmt. */
  readonly select: Node
  /** Type OIDs of $1 …, from the casts that postgres_fdw writes around them. */
  readonly parameterTypes: readonly number[]
  /** As text. */
  readonly parameters: readonly (string | null)[]
}

export interface Scan {
  /** Names of the result columns; nobody reads them, libpq wants their number. */
  readonly columns: readonly string[]
  /** Writes up to `count` rows; returns how many, 0 at the end. */
  fetch(writer: RowWriter, count: number): Promise<number>
  rewind(): Promise<void>
  close(): Promise<void>
}

/** The relation as the live child names it: columns c<attnum> (bridge.ts). */
const childSchema = (schema: RelationSchema): RelationSchema => ({
  ...schema,
  columns: schema.columns.map((column) => ({ ...column, name: `c${column.attnum}` }))
})

export function childScope(request: ScanRequest, relation: Relation): TranslateScope {
  const schema = childSchema(relation.comparable)
  const name = childName(relation.id)
  return {
    relation: (qualifier, table) => (qualifier === SCHEMA && table === name ? schema : undefined),
    described: undefined,
    timeZone: REMOTE_SETTINGS.timeZone,
    parameters: request.parameterTypes
  }
}

/** A translation's own parameters, from the request's texts. @throws PgError */
export function parametersOf(
  request: ScanRequest,
  translated: { readonly parameters: readonly number[]; readonly parameterTypes: readonly number[] }
): Parameter[] {
  return translated.parameters.map((number, i) => {
    const type = { oid: translated.parameterTypes[i]!, typmod: -1 }
    const text = request.parameters[number - 1] ?? null
    const codec = codecFor(type.oid)
    if (!codec) throw featureNotSupported(`the back channel has no parameters of type ${type.oid}`)
    return { value: text === null ? null : codec.fromText(text, type, REMOTE_SETTINGS), type }
  })
}
