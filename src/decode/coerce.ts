// From one JSON value to one column's value, by the column's type: RisingWave's table of what a
// field accepts, with Postgres's own input functions underneath. Compiled once per column.
// Must never lose a digit: numbers arrive as their source text.

import { featureNotSupported, numericValueOutOfRange, programLimitExceeded } from '../errors.ts'
import { limits } from '../limits.ts'
import { codecFor } from '../types/codec.ts'
import { toJsonb } from '../types/jsonb.ts'
import { canonicalNumeric } from '../types/numeric.ts'
import { OID } from '../types/oids.ts'
import { elementType, storeType } from '../types/store-type.ts'
import { toBpchar, toVarchar } from '../types/text.ts'
import type { TimestamptzHandling } from '../types/connector.ts'
import type { ColumnType, OutputSettings, Value } from '../types/value.ts'
import { scaledDecimal } from './decimal.ts'
import { dateOf, timeOf, timestampOf, timestamptzOf } from './instant.ts'
import type { Field, Kind } from './field.ts'
import { eachElement } from './field.ts'

/**
 * The value a JSON value other than null becomes; undefined when its kind does not fit.
 * `text` is the source, but of a string its characters.
 * @throws PgError when the kind fits and the content does not
 */
export type Coerce = (kind: Kind, text: string) => Value | undefined

export interface Coercer {
  readonly coerce: Coerce
  /** Strings, too, come as source text with quotes and escapes. */
  readonly verbatim: boolean
}

/** Session settings have no say in what a payload means. */
export const PAYLOAD_SETTINGS: OutputSettings = {
  timeZone: 'UTC',
  dateStyle: 'ISO, MDY',
  intervalStyle: 'postgres',
  extraFloatDigits: 1,
  byteaOutput: 'hex'
}

const INTEGER = /^[+-]?\d+$/

/** RisingWave's spellings beside Postgres's. */
const DECIMAL_WORDS: Readonly<Record<string, string>> = {
  NAN: 'NaN',
  POSITIVE_INFINITY: 'Infinity',
  NEGATIVE_INFINITY: '-Infinity'
}

/** @throws PgError 0A000 for a type that no payload can fill */
export function coercerFor(type: ColumnType, handling: TimestamptzHandling): Coercer {
  const element = elementType(type)
  if (element) return { coerce: arrayOf(coercerFor(element, handling)), verbatim: false }
  if (type.oid === OID.jsonb) return { coerce: (_kind, source) => toJsonb(source), verbatim: true }
  if (type.oid === OID.json) return { coerce: (_kind, source) => source, verbatim: true }
  return { coerce: scalarOf(type, handling), verbatim: false }
}

function scalarOf(type: ColumnType, handling: TimestamptzHandling): Coerce {
  switch (type.oid) {
    case OID.bool:
      return (kind, text) => (kind === 'boolean' ? text === 'true' : undefined)
    case OID.text:
      return (kind, text) => (isScalar(kind) ? text : undefined)
    case OID.varchar:
      return (kind, text) => (isScalar(kind) ? toVarchar(text, type) : undefined)
    case OID.bpchar:
      return (kind, text) => (isScalar(kind) ? toBpchar(text, type) : undefined)
    case OID.int2:
    case OID.int4:
    case OID.int8:
      return integerOf(type)
    case OID.float4:
    case OID.float8:
      return inputOf(type, isNumeric)
    case OID.numeric:
      return decimalOf(type)
    case OID.date:
      return dateOf
    case OID.time:
      return timeOf(type)
    case OID.timestamp:
      return timestampOf(type)
    case OID.timestamptz:
      return timestamptzOf(type, handling)
    default:
      return inputOf(type, (kind) => kind === 'string')
  }
}

const isScalar = (kind: Kind): boolean => kind !== 'array' && kind !== 'object'

const isNumeric = (kind: Kind): boolean => kind === 'number' || kind === 'string'

/** Whatever Postgres's input function of the type makes of the text. */
function inputOf(type: ColumnType, accepts: (kind: Kind) => boolean): Coerce {
  const codec = codecFor(type.oid)
  if (!codec) throw featureNotSupported(`type with OID ${type.oid} cannot be read from JSON`)
  return (kind, text) => (accepts(kind) ? codec.fromText(text, type, PAYLOAD_SETTINGS) : undefined)
}

/** A float is none, not even 1.0 or 1e2. */
function integerOf(type: ColumnType): Coerce {
  const input = inputOf(type, isNumeric)
  return (kind, text) => (INTEGER.test(text) ? input(kind, text) : undefined)
}

function decimalOf(type: ColumnType): Coerce {
  const noNaN = storeType(type) !== 'VARCHAR'
  return (kind, text) => {
    const spelled = kind === 'object' ? scaledDecimal(text) : isNumeric(kind) ? text : undefined
    if (spelled === undefined) return undefined
    const value = canonicalNumeric(DECIMAL_WORDS[spelled] ?? spelled, type.typmod)
    if (noNaN && value === 'NaN') {
      throw numericValueOutOfRange('NaN in a column of limited precision is not supported')
    }
    return value
  }
}

/** One element that does not fit spoils the array. */
function arrayOf(element: Coercer): Coerce {
  return (kind, source) => {
    if (kind !== 'array') return undefined
    const items: Value[] = []
    let chars = 0
    const fits = eachElement(source, element.verbatim, (field: Field) => {
      const item = field.kind === 'null' ? null : element.coerce(field.kind, field.text)
      if (item === undefined) return false
      if (typeof item === 'string') chars += item.length
      if (chars > limits.fieldCharsMax) {
        throw programLimitExceeded(`array is longer than ${limits.fieldCharsMax} characters`)
      }
      items.push(item)
      return true
    })
    return fits ? items : undefined
  }
}
