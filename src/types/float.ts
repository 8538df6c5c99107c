// real and double precision: input as strtof and strtod read decimals, IEEE 754 in binary.
// How they print is float-text.ts's.

import { invalidTextRepresentation, numericValueOutOfRange } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { fixedWidth } from './bytes.ts'
import type { Codec } from './codec.ts'
import { float4Text, float8Text } from './float-text.ts'
import { OID } from './oids.ts'

const DECIMAL = /^[ \t-\r]*([+-]?)(\d+\.?\d*|\.\d+)(e[+-]?\d+)?[ \t-\r]*$/i
/** As nearly every one is written; so few digits are never out of range. */
const PLAIN = /^-?\d{1,15}(?:\.\d{1,20})?$/
const SPECIAL = /^[ \t-\r]*([+-]?)(nan|inf|infinity)[ \t-\r]*$/i

const outOfRange = (text: string, name: string): PgError =>
  numericValueOutOfRange(`"${text}" is out of range for type ${name}`)

function special(text: string, name: string): number {
  const found = SPECIAL.exec(text)
  if (!found) throw invalidTextRepresentation(`invalid input syntax for type ${name}: "${text}"`)
  if (/^nan$/i.test(found[2] as string)) return NaN
  return found[1] === '-' ? -Infinity : Infinity
}

/** A decimal that is not zero must not become zero or infinity (float.c: ERANGE). */
function checkRange(value: number, text: string, mantissa: string, name: string): number {
  if (!Number.isFinite(value) || (value === 0 && /[1-9]/.test(mantissa))) {
    throw outOfRange(text, name)
  }
  return value
}

function parseFloat8(text: string): number {
  if (PLAIN.test(text)) return Number(text)
  const found = DECIMAL.exec(text)
  if (!found) return special(text, 'double precision')
  return checkRange(Number(text), text, found[2] as string, 'double precision')
}

function parseFloat4(text: string): number {
  const found = DECIMAL.exec(text)
  if (!found) return special(text, 'real')
  const [, sign = '', mantissa = '', exponent = ''] = found
  const magnitude = nearestFloat4(mantissa, exponent)
  return checkRange(sign === '-' ? -magnitude : magnitude, text, mantissa, 'real')
}

/**
 * Rounding to double first and to real then is wrong where the double lies exactly between two
 * reals and the decimal does not; there the decimal decides.
 */
function nearestFloat4(mantissa: string, exponent: string): number {
  const double = Number(mantissa + exponent)
  const nearest = Math.fround(double)
  if (nearest === double || !Number.isFinite(nearest)) return nearest
  const other = float4Neighbour(nearest, double > nearest ? 1 : -1)
  if ((nearest + other) / 2 !== double) return nearest
  const side = compareDecimal(mantissa, exponent, double)
  if (side === 0) return nearest
  return side > 0 ? Math.max(nearest, other) : Math.min(nearest, other)
}

const word = new DataView(new ArrayBuffer(8))

function float4Neighbour(positive: number, step: 1 | -1): number {
  word.setFloat32(0, positive)
  word.setUint32(0, word.getUint32(0) + step)
  return word.getFloat32(0)
}

/** Sign of (decimal - double), exactly; the double is positive and normal. */
function compareDecimal(mantissa: string, exponent: string, double: number): number {
  const [whole = '', fraction = ''] = mantissa.split('.')
  const ten = Number(exponent.slice(1) || 0) - fraction.length
  word.setFloat64(0, double)
  const bits = word.getBigUint64(0)
  const two = Number(bits >> 52n) - 1075
  let left = BigInt(whole + fraction)
  let right = (bits & 0xfffffffffffffn) | 0x10000000000000n
  if (ten >= 0) left *= 10n ** BigInt(ten)
  else right *= 10n ** BigInt(-ten)
  if (two >= 0) right <<= BigInt(two)
  else left <<= BigInt(-two)
  return left > right ? 1 : left < right ? -1 : 0
}

export const float4: Codec = {
  oid: OID.float4,
  typlen: 4,
  toText: (value) => float4Text(value as number),
  toBinary(value) {
    const bytes = Buffer.allocUnsafe(4)
    bytes.writeFloatBE(value as number)
    return bytes
  },
  fromText: parseFloat4,
  fromBinary: (bytes) => fixedWidth(bytes, 4).getFloat32(0)
}

export const float8: Codec = {
  oid: OID.float8,
  typlen: 8,
  toText: (value) => float8Text(value as number),
  toBinary(value) {
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeDoubleBE(value as number)
    return bytes
  },
  fromText: parseFloat8,
  fromBinary: (bytes) => fixedWidth(bytes, 8).getFloat64(0)
}
