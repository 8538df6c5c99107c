// The options of ENCODE AVRO and the words of ROW FORMAT AVRO: where the schema is, and what a payload
// is beside its datum. Fetches nothing.

import { invalidParameterValue } from '../errors.ts'
import { locationOf, noticeUnknown, readRowLocation } from './encoding-location.ts'
import type { StatedAvro } from '../types/connector.ts'
import type { TokenCursor } from './cursor.ts'
import type { EncodingClause } from './encoding.ts'
import type { Given } from './encoding-location.ts'
import type { GivenOption } from './option-list.ts'

/** Every map is jsonb, whatever map.handling.mode says. */
const KNOWN = /^(?:framing|schema\.location|map\.handling\.mode)$/
const FRAMINGS = ['auto', 'datum', 'single_object'] as const

/** @throws PgError 22023, 0A000 */
export function readAvro(
  options: readonly GivenOption[],
  position: number,
  notices: string[]
): EncodingClause {
  const location = locationOf(options, position)
  noticeUnknown(options, 'Avro', KNOWN, notices)
  return clauseOf(location, framingOf(options.find(({ key }) => key === 'framing')))
}

/** Takes ROW SCHEMA LOCATION 'url'. @throws PgError 42601, 0A000 */
export const readRowAvro = (cursor: TokenCursor): EncodingClause =>
  clauseOf(readRowLocation(cursor), 'auto')

function framingOf(option: GivenOption | undefined): StatedAvro['framing'] {
  if (!option) return 'auto'
  const framing = FRAMINGS.find((known) => known === option.value.toLowerCase())
  if (framing) return framing
  throw invalidParameterValue(`invalid value for option "framing": "${option.value}"`, {
    position: option.valuePosition,
    hint: `Expected one of ${FRAMINGS.join(', ')}.`
  })
}

function clauseOf(location: Given, framing: StatedAvro['framing']): EncodingClause {
  const { value, valuePosition } = location
  return {
    encoding: { format: 'plain', encode: 'avro', location: value.trim(), framing },
    schemaPositions: { message: valuePosition, location: valuePosition }
  }
}
