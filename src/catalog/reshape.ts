// A relation's definition when the columns of its twin are no longer what they were. Pure: the store
// and ingestion follow what comes out of it.

import type { Encoding } from '../types/connector.ts'
import { storeType } from '../types/store-type.ts'
import type { Column, RelationSchema } from '../types/value.ts'
import type { Definition } from './definition.ts'

/**
 * The definition with these columns of the twin, or undefined when nothing has changed. Columns that
 * rows are known by stay whatever becomes of the twin; a column keeps the type it was made with.
 * @param isSettled false: columns that the twin lacks stay too, its transaction may roll back
 */
export function reshaped(
  definition: Definition,
  twin: readonly Column[],
  isSettled: boolean
): Definition | undefined {
  const { schema } = definition
  const byNumber = new Map(schema.columns.map((column) => [column.attnum, column]))
  const now = twin
    .filter(({ type }) => storeType(type) !== undefined)
    .map((column) => followed(byNumber.get(column.attnum), column))
  const there = new Set(now.map(({ attnum }) => attnum))
  const needed = new Set([...schema.key, ...versionsOf(schema)])
  const kept = schema.columns.filter(
    ({ attnum }) => !there.has(attnum) && (!isSettled || needed.has(attnum))
  )
  const columns = [...now, ...kept].toSorted((a, b) => a.attnum - b.attnum)
  if (JSON.stringify(columns) === JSON.stringify(schema.columns)) return undefined
  const payloadNames = namesInPayload(definition, columns)
  return {
    ...definition,
    schema: { ...schema, columns },
    encoding: withoutMissing(definition.encoding, columns, payloadNames),
    ...(Object.keys(payloadNames).length > 0 ? { payloadNames } : {})
  }
}

const versionsOf = ({ onConflict }: RelationSchema): readonly number[] =>
  onConflict?.keep === 'highest' ? onConflict.versions : []

const followed = (before: Column | undefined, now: Column): Column =>
  before ? { ...now, type: before.type } : now

/** A renamed column is still filled from the field that it was made for. */
function namesInPayload(
  { schema, payloadNames = {} }: Definition,
  columns: readonly Column[]
): Record<number, string> {
  const names: Record<number, string> = {}
  for (const { attnum, name } of columns) {
    const before = schema.columns.find((column) => column.attnum === attnum)?.name ?? name
    const inPayload = payloadNames[attnum] ?? before
    if (inPayload !== name) names[attnum] = inPayload
  }
  return names
}

function withoutMissing(
  encoding: Encoding,
  columns: readonly Column[],
  payloadNames: Readonly<Record<number, string>>
): Encoding {
  if (!encoding.included) return encoding
  const names = new Set(columns.map(({ attnum, name }) => payloadNames[attnum] ?? name))
  return { ...encoding, included: encoding.included.filter(({ column }) => names.has(column)) }
}
