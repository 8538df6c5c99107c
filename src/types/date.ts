// date: days since 1970-01-01 here, since 2000-01-01 in binary. Source: date.c of Postgres.

import { datetimeFieldOverflow } from '../errors.ts'
import { fixedWidth } from './bytes.ts'
import { civilFromDays, dateText } from './calendar.ts'
import type { Codec } from './codec.ts'
import { parseDatetime } from './datetime-parse.ts'
import { OID } from './oids.ts'

/** Days from 1970-01-01 to 2000-01-01. */
export const POSTGRES_EPOCH_DAYS = 10_957

/** 4714-11-24 BC, Julian day zero, and the day after 5874897-12-31. */
const DAYS_MIN = -2_440_588
const DAYS_END = 2_145_042_906

const INT4_MAX = 2_147_483_647
const INT4_MIN = -2_147_483_648

/** A day Postgres can hold; both infinities are. @throws PgError 22008 */
export function checkDate(days: number, text: string): number {
  if ((days >= DAYS_MIN && days < DAYS_END) || Math.abs(days) === Infinity) return days
  throw datetimeFieldOverflow(`date out of range: "${text}"`)
}

function toText(days: number): string {
  if (days === Infinity) return 'infinity'
  if (days === -Infinity) return '-infinity'
  const civil = civilFromDays(days)
  return civil.year > 0 ? dateText(civil) : `${dateText(civil)} BC`
}

function toBinary(days: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(4)
  if (days === Infinity) bytes.writeInt32BE(INT4_MAX)
  else bytes.writeInt32BE(days === -Infinity ? INT4_MIN : days - POSTGRES_EPOCH_DAYS)
  return bytes
}

function fromText(text: string): number {
  const parsed = parseDatetime(text, 'date')
  if (parsed === 'epoch') return 0
  if (parsed === 'infinity') return Infinity
  if (parsed === '-infinity') return -Infinity
  return checkDate(parsed.days, text)
}

function fromBinary(bytes: Uint8Array): number {
  const days = fixedWidth(bytes, 4).getInt32(0)
  if (days === INT4_MAX) return Infinity
  if (days === INT4_MIN) return -Infinity
  return checkDate(days + POSTGRES_EPOCH_DAYS, String(days))
}

export const date: Codec = {
  oid: OID.date,
  typlen: 4,
  toText: (value) => toText(value as number),
  toBinary: (value) => toBinary(value as number),
  fromText,
  fromBinary
}
