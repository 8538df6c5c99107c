// From a field's text to a column's value, where text is all there is: ENCODE CSV and ENCODE TEXT.
// As a JSON string would be taken, except that here booleans, arrays and JSON are text as well.

import { invalidTextRepresentation } from '../errors.ts'
import { codecFor } from '../types/codec.ts'
import { OID } from '../types/oids.ts'
import { elementType } from '../types/store-type.ts'
import type { ColumnType, Value } from '../types/value.ts'
import { PAYLOAD_SETTINGS, coercerFor } from './coerce.ts'
import { checkText } from './strict-text.ts'

/** @throws PgError when the text is no value of the type */
export type ReadText = (text: string) => Value

/** @throws PgError 0A000 for a type that no text can fill */
export function textReader(type: ColumnType): ReadText {
  const read = inputOf(type)
  return (text) => {
    checkText(text)
    return read(text)
  }
}

function inputOf(type: ColumnType): ReadText {
  const { coerce } = coercerFor(type, 'guess_number_unit')
  const codec = codecFor(type.oid)
  const hasOwnForm = elementType(type) || type.oid === OID.json || type.oid === OID.jsonb
  if (codec && hasOwnForm) return (text) => codec.fromText(text, type, PAYLOAD_SETTINGS)
  if (type.oid === OID.bool) return booleanOf
  return (text) => {
    const value = coerce('string', text)
    if (value !== undefined) return value
    throw invalidTextRepresentation(`invalid input syntax: "${text}"`)
  }
}

const NUMBER = /^[+-]?\d{1,20}$/

/** Postgres's words, and as in RisingWave any number that is not zero. */
function booleanOf(text: string): Value {
  if (NUMBER.test(text)) return Number(text) !== 0
  return codecFor(OID.bool)?.fromText(text, { oid: OID.bool, typmod: -1 }, PAYLOAD_SETTINGS) ?? null
}
