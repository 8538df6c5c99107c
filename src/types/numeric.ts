// numeric: text of any precision with its display scale, rounded to numeric(p,s) half away from
// zero, and the base-10000 binary form. Works on digits, never through a float.
// Source: numeric.c of Postgres.

import { invalidTextRepresentation, numericValueOutOfRange } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { badBinary, viewOf } from './bytes.ts'
import type { Codec } from './codec.ts'
import { OID } from './oids.ts'
import { numericTypmod } from './store-type.ts'
import type { ColumnType } from './value.ts'

const NUMBER = /^[ \t-\r]*([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d+))?[ \t-\r]*$/i
const SPECIAL = /^[ \t-\r]*([+-]?)(nan|inf|infinity)[ \t-\r]*$/i
const CANONICAL = /^(?:0|-?[1-9]\d{0,200})(?:\.\d{1,200})?$/

/** Postgres's limits: digits before and after the decimal point. */
const WHOLE_DIGITS_MAX = 131_072
const SCALE_MAX = 16_383

/** |value| = whole.fraction; whole without leading zeros, so '' below one. */
interface Digits {
  readonly negative: boolean
  readonly whole: string
  readonly fraction: string
}

const overflow = (): PgError => numericValueOutOfRange('value overflows numeric format')

/**
 * The canonical text of a number: "1e2" → "100", "1.50" → "1.50", "-0" → "0".
 * @throws PgError 22P02, 22003
 */
export function canonicalNumeric(text: string, typmod: number): string {
  if (typmod < 4 && CANONICAL.test(text)) return text
  const digits = parse(text)
  if (typeof digits === 'string') return checkSpecial(digits, typmod)
  const rounded = applyTypmod(digits, typmod)
  if (rounded.whole.length > WHOLE_DIGITS_MAX || rounded.fraction.length > SCALE_MAX) {
    throw overflow()
  }
  return print(rounded)
}

function parse(text: string): Digits | string {
  const found = NUMBER.exec(text)
  const [, sign, whole = '', fraction = '', exponent] = found ?? []
  if (!found || whole + fraction === '') return special(text)
  const negative = sign === '-'
  if (exponent === undefined) return { negative, whole: trimZeros(whole), fraction }
  return shifted(negative, whole, fraction, Number(exponent))
}

function special(text: string): string {
  const found = SPECIAL.exec(text)
  const [, sign = '', word = ''] = found ?? []
  const nan = /^nan$/i.test(word)
  // A NaN takes no sign here, unlike in float8in.
  if (!found || (nan && sign !== '')) {
    throw invalidTextRepresentation(`invalid input syntax for type numeric: "${text}"`)
  }
  if (nan) return 'NaN'
  return sign === '-' ? '-Infinity' : 'Infinity'
}

const trimZeros = (whole: string): string =>
  whole.startsWith('0') ? whole.replace(/^0+/, '') : whole

function shifted(negative: boolean, whole: string, fraction: string, exponent: number): Digits {
  const zero = !/[1-9]/.test(whole + fraction)
  // Checked before padding: a short text must not make a long one that is then refused.
  if (fraction.length - exponent > SCALE_MAX + WHOLE_DIGITS_MAX) throw overflow()
  if (zero) {
    return { negative, whole: '', fraction: '0'.repeat(Math.max(0, fraction.length - exponent)) }
  }
  if (trimZeros(whole).length + exponent > WHOLE_DIGITS_MAX) throw overflow()
  const point = whole.length + exponent
  const padded = '0'.repeat(Math.max(0, -point)) + whole + fraction
  const at = Math.max(0, point)
  const before = trimZeros(padded.slice(0, at).padEnd(at, '0'))
  return { negative, whole: before, fraction: padded.slice(at) }
}

function checkSpecial(word: string, typmod: number): string {
  const declared = numericTypmod(typmod)
  if (!declared || word === 'NaN') return word
  const { precision, scale } = declared
  throw numericValueOutOfRange('numeric field overflow', {
    detail: `A field with precision ${precision}, scale ${scale} cannot hold an infinite value.`
  })
}

function applyTypmod(digits: Digits, typmod: number): Digits {
  const declared = numericTypmod(typmod)
  if (!declared) return digits
  const { precision, scale } = declared
  const rounded = round(digits, scale)
  if (magnitude(rounded) <= precision - scale) return rounded
  const bound = precision === scale ? '1' : `10^${precision - scale}`
  throw numericValueOutOfRange('numeric field overflow', {
    detail:
      `A field with precision ${precision}, scale ${scale} ` +
      `must round to an absolute value less than ${bound}.`
  })
}

/** Digits before the point; below one, minus the zeros that follow it; -Infinity for zero. */
function magnitude({ whole, fraction }: Digits): number {
  if (whole !== '') return whole.length
  const zeros = fraction.search(/[1-9]/)
  return zeros === -1 ? -Infinity : -zeros
}

function round(digits: Digits, scale: number): Digits {
  const { negative, whole, fraction } = digits
  if (fraction.length <= scale) return { ...digits, fraction: fraction.padEnd(scale, '0') }
  if (whole.length > WHOLE_DIGITS_MAX) throw overflow()
  // One digit beyond the scale decides a half; the rest would only slow the division.
  const deciding = fraction.slice(0, Math.max(0, scale + 1))
  const drop = 10n ** BigInt(deciding.length - scale)
  const unscaled = BigInt(whole + deciding)
  const kept = (unscaled + drop / 2n) / drop
  if (scale <= 0) {
    const text = String(kept * 10n ** BigInt(-scale))
    return { negative, whole: trimZeros(text), fraction: '' }
  }
  const text = String(kept).padStart(scale, '0')
  return { negative, whole: trimZeros(text.slice(0, -scale)), fraction: text.slice(-scale) }
}

function print({ negative, whole, fraction }: Digits): string {
  const zero = whole === '' && !/[1-9]/.test(fraction)
  const sign = negative && !zero ? '-' : ''
  return `${sign}${whole || '0'}${fraction === '' ? '' : `.${fraction}`}`
}

const SIGN = { positive: 0x0000, negative: 0x4000, nan: 0xc000, infinity: 0xd000, minus: 0xf000 }

/** numeric_send gives an infinity's header bits away as a display scale of 32. */
const SPECIAL_HEADER: Readonly<Record<string, readonly [sign: number, scale: number]>> = {
  NaN: [SIGN.nan, 0],
  Infinity: [SIGN.infinity, 32],
  '-Infinity': [SIGN.minus, 32]
}

function toBinary(text: string): Uint8Array {
  const header = SPECIAL_HEADER[text]
  if (header) return encode([], 0, header[0], header[1])
  const sign = text.startsWith('-') ? SIGN.negative : SIGN.positive
  const [whole = '', fraction = ''] = text.replace('-', '').split('.')
  const groups = Math.ceil(whole.length / 4)
  const padded =
    whole.padStart(groups * 4, '0') + fraction.padEnd(Math.ceil(fraction.length / 4) * 4, '0')
  const words = Array.from({ length: padded.length / 4 }, (_, i) =>
    Number(padded.slice(i * 4, i * 4 + 4))
  )
  const first = words.findIndex((digit) => digit !== 0)
  if (first === -1) return encode([], 0, SIGN.positive, fraction.length)
  const last = words.findLastIndex((digit) => digit !== 0)
  return encode(words.slice(first, last + 1), groups - 1 - first, sign, fraction.length)
}

function encode(words: readonly number[], weight: number, sign: number, scale: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(8 + words.length * 2)
  bytes.writeUInt16BE(words.length, 0)
  bytes.writeInt16BE(weight, 2)
  bytes.writeUInt16BE(sign, 4)
  bytes.writeUInt16BE(scale, 6)
  words.forEach((digit, i) => bytes.writeUInt16BE(digit, 8 + i * 2))
  return bytes
}

function fromBinary(bytes: Uint8Array, type: ColumnType): string {
  if (bytes.length < 8) throw badBinary()
  const view = viewOf(bytes)
  const count = view.getUint16(0)
  const weight = view.getInt16(2)
  const sign = view.getUint16(4)
  const scale = view.getUint16(6)
  if (bytes.length !== 8 + count * 2) throw badBinary()
  if (sign === SIGN.nan) return 'NaN'
  if (sign === SIGN.infinity) return checkSpecial('Infinity', type.typmod)
  if (sign === SIGN.minus) return checkSpecial('-Infinity', type.typmod)
  if ((sign !== SIGN.positive && sign !== SIGN.negative) || scale > SCALE_MAX) throw badBinary()
  const words = Array.from({ length: count }, (_, i) => view.getUint16(8 + i * 2))
  if (words.some((digit) => digit > 9999)) throw badBinary()
  const digits = words.map((digit) => String(digit).padStart(4, '0')).join('')
  // 0.digits times 10000^(weight + 1); digits beyond the scale are cut off, as numeric_recv does.
  const point = (weight + 1) * 4
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, '0') : ''
  const rest = point > 0 ? digits.slice(point) : '0'.repeat(-point) + digits
  const fraction = rest.slice(0, scale).padEnd(scale, '0')
  const exact = { negative: sign === SIGN.negative, whole: trimZeros(whole), fraction }
  return print(applyTypmod(exact, type.typmod))
}

export const numeric: Codec = {
  oid: OID.numeric,
  typlen: -1,
  toText: (value) => value as string,
  toBinary: (value) => toBinary(value as string),
  fromText: (text, type) => canonicalNumeric(text, type.typmod),
  fromBinary
}
