// The decoder of a relation whose columns may have been added, dropped or renamed since it was made.
// Decoders know columns by the names that payloads use, and included ones behind all others; this
// stands between them and the order of the twin.

import { compileDecoder } from '../decode/decoder.ts'
import type { RowDecoder } from '../types/connector.ts'
import type { Column } from '../types/value.ts'
import type { Definition } from './definition.ts'

/** @throws PgError when payloads cannot be decoded into the columns */
export async function decoderOf(definition: Definition): Promise<RowDecoder> {
  const { schema, encoding, payloadNames = {} } = definition
  const named = schema.columns.map((column) => ({
    ...column,
    name: payloadNames[column.attnum] ?? column.name
  }))
  const included = encoding.included ?? []
  const columns = ordered(
    named,
    included.map(({ column }) => column)
  )
  const decode = await compileDecoder({ ...schema, columns }, encoding)
  const places = named.map((column) => columns.indexOf(column))
  return places.every((place, i) => place === i) ? decode : inOrder(decode, places)
}

/** The columns from the payload in their order, then the included ones in theirs. */
function ordered(columns: readonly Column[], included: readonly string[]): Column[] {
  const isIncluded = ({ name }: Column): boolean => included.includes(name)
  const last = included.flatMap((name) => columns.find((column) => column.name === name) ?? [])
  return [...columns.filter((column) => !isIncluded(column)), ...last]
}

/** `places[i]`: where the decoder has the relation's i-th column. */
function inOrder(decode: RowDecoder, places: readonly number[]): RowDecoder {
  return (delivery) => {
    const decoded = decode(delivery)
    if (!decoded.ok) return decoded
    const { row } = decoded
    return { ...decoded, row: places.map((place) => row[place] ?? null) }
  }
}
