// smallint, integer, bigint and oid. Decimal only: the 0x and 1_000 spellings are younger than the
// oldest Postgres we stand before, which answers them itself.

import { invalidTextRepresentation, numericValueOutOfRange } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { fixedWidth } from './bytes.ts'
import type { Codec } from './codec.ts'
import { OID } from './oids.ts'

const INTEGER = /^[ \t-\r]*([+-]?\d+)[ \t-\r]*$/

const INT8_MIN = -(2n ** 63n)
const INT8_MAX = 2n ** 63n - 1n

const outOfRange = (text: string, name: string): PgError =>
  numericValueOutOfRange(`value "${text}" is out of range for type ${name}`)

function digits(text: string, name: string): string {
  const found = INTEGER.exec(text)
  if (found) return found[1] as string
  throw invalidTextRepresentation(`invalid input syntax for type ${name}: "${text}"`)
}

const MINUS = 0x2d
const ZERO = 0x30
/** A number holds every integer of so many digits. */
const PLAIN_DIGITS = 15

/** Digits with a minus or without, as nearly every integer is written; NaN: read it the long way. */
function plainInteger(text: string): number {
  const from = text.charCodeAt(0) === MINUS ? 1 : 0
  const count = text.length - from
  if (count < 1 || count > PLAIN_DIGITS) return NaN
  let value = 0
  for (let i = from; i < text.length; i++) {
    const digit = text.charCodeAt(i) - ZERO
    if (digit < 0 || digit > 9) return NaN
    value = value * 10 + digit
  }
  return from === 0 ? value : 0 - value
}

function parseNumber(text: string, name: string, min: number, max: number): number {
  const plain = plainInteger(text)
  const value = Number.isNaN(plain) ? Number(digits(text, name)) : plain
  if (value < min || value > max) throw outOfRange(text, name)
  // Number('-0') is -0, which no integer type has.
  return value + 0
}

function parseBigint(text: string): bigint {
  const plain = plainInteger(text)
  if (!Number.isNaN(plain)) return BigInt(plain)
  const spelled = digits(text, 'bigint').replace(/^\+|(?<=^[+-]?)0+(?=\d)/g, '')
  // Twenty characters hold every bigint; BigInt would take its time over a megabyte of digits.
  const value = spelled.length > 20 ? INT8_MAX + 1n : BigInt(spelled)
  if (value < INT8_MIN || value > INT8_MAX) throw outOfRange(text, 'bigint')
  return value
}

/** Postgres takes a negative int4 too and wraps it round; a leading zero is octal to it. */
function parseOid(text: string): number {
  if (/^[+-]?0\d/.test(digits(text, 'oid'))) {
    throw invalidTextRepresentation(`invalid input syntax for type oid: "${text}"`)
  }
  return parseNumber(text, 'oid', -2147483648, 4294967295) >>> 0
}

export const int2: Codec = {
  oid: OID.int2,
  typlen: 2,
  toText: (value) => String(value as number),
  toBinary(value) {
    const bytes = Buffer.allocUnsafe(2)
    bytes.writeInt16BE(value as number)
    return bytes
  },
  fromText: (text) => parseNumber(text, 'smallint', -32768, 32767),
  fromBinary: (bytes) => fixedWidth(bytes, 2).getInt16(0)
}

export const int4: Codec = {
  oid: OID.int4,
  typlen: 4,
  toText: (value) => String(value as number),
  toBinary(value) {
    const bytes = Buffer.allocUnsafe(4)
    bytes.writeInt32BE(value as number)
    return bytes
  },
  fromText: (text) => parseNumber(text, 'integer', -2147483648, 2147483647),
  fromBinary: (bytes) => fixedWidth(bytes, 4).getInt32(0)
}

export const int8: Codec = {
  oid: OID.int8,
  typlen: 8,
  toText: (value) => String(value as bigint),
  toBinary(value) {
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeBigInt64BE(value as bigint)
    return bytes
  },
  fromText: parseBigint,
  fromBinary: (bytes) => fixedWidth(bytes, 8).getBigInt64(0)
}

export const oid: Codec = {
  oid: OID.oid,
  typlen: 4,
  toText: (value) => String(value as number),
  toBinary(value) {
    const bytes = Buffer.allocUnsafe(4)
    bytes.writeUInt32BE(value as number)
    return bytes
  },
  fromText: parseOid,
  fromBinary: (bytes) => fixedWidth(bytes, 4).getUint32(0)
}
