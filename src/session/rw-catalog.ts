// RisingWave's own catalog, which is not emulated: who asks for it is told where the same is found.
// Postgres judges whether such a table is there; only its error is added to.

import { undefinedTable } from '../errors.ts'
import { decodeErrorFields, encodeErrorFields } from '../wire/backend.ts'
import { bodyOf } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'

const NAMES = /\brw_(?:catalog|sources|tables|columns|relations)\b/i

const HINT =
  'RisingWave has this table. SHOW SOURCES and SHOW TABLES list the relations here, DESCRIBE shows ' +
  'the columns of one, jetgres.relations their state.'

/** Whether the text may read that catalog. */
export const namesRwCatalog = (text: string): boolean => NAMES.test(text)

/** The bytes of an ErrorResponse, with a hint where it misses one of the catalog's tables. */
export function withCatalogHint(error: Frame): Buffer {
  const fields = decodeErrorFields(bodyOf(error))
  const isMissing = fields.get('C') === undefinedTable('').code
  if (!isMissing || fields.has('H') || !namesRwCatalog(fields.get('M') ?? '')) return error.bytes
  return encodeErrorFields(fields.set('H', HINT))
}
