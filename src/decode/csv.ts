// ENCODE CSV: a payload is one record, or a header of names and one record. Every delivery stands
// for itself: RisingWave takes the first one's record for the header of all, which no restart and
// no trimmed stream would survive. Must never throw.

import { PgError } from '../errors.ts'
import type { CsvEncoding, Decoded } from '../types/connector.ts'
import type { Column, RelationSchema, Value } from '../types/value.ts'
import type { PayloadDecoder } from './decoder.ts'
import { CsvSyntaxError, readRecord } from './csv-record.ts'
import type { CsvField } from './csv-record.ts'
import { Misfit } from './misfit.ts'
import { requirementOf } from './required.ts'
import { textReader } from './text-value.ts'
import type { ReadText } from './text-value.ts'

interface Target {
  readonly name: string
  readonly read: ReadText
  readonly required: string | undefined
}

/**
 * Fields are found by their place, or by their name in the header. One that is missing, empty
 * without quotes, or does not fit gives NULL; for a key or not-null column it gives no row.
 * @throws PgError 0A000 for a column type that text cannot fill
 */
export function compileCsvDecoder(schema: RelationSchema, encoding: CsvEncoding): PayloadDecoder {
  const utf8 = new TextDecoder('utf-8', { fatal: true })
  const targets = schema.columns.map((column) => targetOf(column, schema))
  return (payload) => {
    let text: string
    try {
      text = utf8.decode(payload)
    } catch {
      return failed('payload is not valid UTF-8')
    }
    try {
      return decodeText(text, targets, encoding)
    } catch (error) {
      if (error instanceof CsvSyntaxError) return failed(`invalid CSV: ${error.message}`)
      throw error
    }
  }
}

const MISSING = new Misfit('is missing')
const NULL = new Misfit('is null')

const targetOf = (column: Column, schema: RelationSchema): Target => ({
  name: column.name,
  read: textReader(column.type),
  required: requirementOf(column, schema)
})

const failed = (error: string): Decoded => ({ ok: false, error })

function decodeText(
  text: string,
  targets: readonly Target[],
  { delimiter, hasHeader }: CsvEncoding
): Decoded {
  if (text === '') return failed('payload is empty')
  const first = readRecord(text, 0, delimiter)
  if (!hasHeader) return oneRow(text, first.end, first.fields, targets)
  if (first.end >= text.length) return failed('payload has a header and no record')
  const { fields, end } = readRecord(text, first.end, delimiter)
  // The last of equal names counts, as in JSON.
  const byName = new Map(first.fields.map((field, i) => [field.text, fields[i]]))
  return oneRow(
    text,
    end,
    targets.map(({ name }) => byName.get(name)),
    targets
  )
}

function oneRow(
  text: string,
  end: number,
  fields: readonly (CsvField | undefined)[],
  targets: readonly Target[]
): Decoded {
  if (end < text.length) return failed('payload has more than one record')
  const row: Value[] = []
  for (const [i, { read, required }] of targets.entries()) {
    const value = valueOf(fields[i], read)
    if (value instanceof Misfit) {
      if (required !== undefined) return failed(`${required} ${value.why}`)
      row.push(null)
    } else row.push(value)
  }
  return { ok: true, row }
}

function valueOf(field: CsvField | undefined, read: ReadText): Value | Misfit {
  if (!field) return MISSING
  if (field.text === '' && !field.quoted) return NULL
  try {
    return read(field.text)
  } catch (error) {
    if (!(error instanceof PgError)) throw error
    return new Misfit(`does not take its value: ${error.message}`)
  }
}
