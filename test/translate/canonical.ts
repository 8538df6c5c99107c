// One canonical text for a value, from what Postgres prints and from what DuckDB gives, by its type.

import type { DuckDBValue } from '@duckdb/node-api'

import { OID } from '../../src/types/oids.ts'

const DATES: readonly number[] = [OID.date, OID.timestamp, OID.timestamptz]

/** What a NULL is written as. */
const NULL = '∅'

/** -0 is told from 0, float4 is compared as the number it is. */
function float(value: number, oid: number): string {
  const exact = oid === OID.float4 ? Math.fround(value) : value
  return Object.is(exact, -0) ? '-0' : String(exact)
}

export function canonicalPg(text: string | null, oid: number): string {
  if (text === null) return NULL
  if (oid === OID.float4 || oid === OID.float8) return float(Number(text), oid)
  if (oid === OID.bpchar) return text.replace(/ +$/, '')
  if (oid === OID.timestamptz) return inUtc(text)
  if (DATES.includes(oid)) return text
  return text
}

/** An instant as Postgres prints it in any zone, in UTC. */
function inUtc(text: string): string {
  const bare = text.replace(/\+00( BC)?$/, '$1')
  const match = /^(.{19})(\.\d+)?([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/.exec(bare)
  if (!match) return bare
  const [, local = '', fraction = '', sign, hours, minutes = '0', seconds = '0'] = match
  const offset = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)
  const instant = Date.parse(`${local.replace(' ', 'T')}Z`) - (sign === '-' ? -offset : offset) * 1000
  return new Date(instant).toISOString().slice(0, 19).replace('T', ' ') + fraction
}

export function canonicalDuck(value: DuckDBValue, oid: number): string {
  if (value === null) return NULL
  if (oid === OID.bool) return value === true ? 't' : 'f'
  if (oid === OID.float4 || oid === OID.float8) return float(Number(value), oid)
  const text = String(value)
  if (oid === OID.date) return canonicalDate(value as { days: number }, text)
  if (DATES.includes(oid)) return canonicalInstant(text)
  if (oid === OID.bytea) return hex(value)
  if (oid === OID.interval) return isoInterval(value)
  if (typeof value === 'object' && 'items' in value) {
    return `{${(value.items as readonly DuckDBValue[]).map(arrayItem).join(',')}}`
  }
  return text
}

/** Quoted where array_out() quotes. */
function arrayItem(item: DuckDBValue): string {
  if (item === null) return 'NULL'
  const text = typeof item === 'boolean' ? (item ? 't' : 'f') : String(item)
  const isPlain = text !== '' && text.toLowerCase() !== 'null' && !/[\s{},"\\]/.test(text)
  return isPlain ? text : `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

/** DuckDB's infinite dates are the ends of the range. */
function canonicalDate({ days }: { days: number }, text: string): string {
  if (Math.abs(days) < 2147483647) return canonicalInstant(text)
  return days < 0 ? '-infinity' : 'infinity'
}

function canonicalInstant(text: string): string {
  const bare = text
    .replace(/\+00$/, '')
    .replace(/(\.\d*?)0+$/, '$1')
    .replace(/\.$/, '')
  return bare.includes(' (BC)') ? `${bare.replace(' (BC)', '')} BC` : bare
}

function hex(value: DuckDBValue): string {
  const bytes = (value as { bytes: Uint8Array }).bytes
  return `\\x${Buffer.from(bytes).toString('hex')}`
}

/** As IntervalStyle iso_8601 prints it. */
function isoInterval(value: DuckDBValue): string {
  const { months, days, micros } = value as unknown as {
    months: number
    days: number
    micros: bigint
  }
  const parts: [number | string, string][] = [
    [Math.trunc(months / 12), 'Y'],
    [months % 12, 'M'],
    [days, 'D']
  ]
  const date = parts.map(([count, unit]) => (count === 0 ? '' : `${count}${unit}`)).join('')
  const seconds = Number(micros) / 1e6
  const [h, m] = [Math.trunc(seconds / 3600), Math.trunc((seconds % 3600) / 60)]
  const s = Number((seconds % 60).toFixed(6))
  const time = `${h === 0 ? '' : `${h}H`}${m === 0 ? '' : `${m}M`}${s === 0 ? '' : `${s}S`}`
  return date + time === '' ? 'PT0S' : `P${date}${time === '' ? '' : `T${time}`}`
}
