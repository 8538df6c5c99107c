// Text from formats that allow a NUL, which no Postgres text can hold.

import { characterNotInRepertoire } from '../errors.ts'
import { OID } from '../types/oids.ts'
import { toVarchar } from '../types/text.ts'
import type { ColumnType } from '../types/value.ts'

/** @throws PgError 22021, 22001 */
export function textOf(text: string, type: ColumnType): string {
  checkText(text)
  return type.oid === OID.text ? text : toVarchar(text, type)
}

/** @throws PgError 22021 */
export function checkText(text: string): void {
  if (!text.includes('\0')) return
  throw characterNotInRepertoire('invalid byte sequence for encoding "UTF8": 0x00')
}
