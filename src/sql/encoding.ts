// The grammar of FORMAT … ENCODE … (…) and of the older ROW FORMAT, and which of it is supported.

import { featureNotSupported, invalidParameterValue, syntaxError } from '../errors.ts'
import { readOptionList } from './option-list.ts'
import { readAvro, readRowAvro } from './encoding-avro.ts'
import { readCsv, readRowCsv } from './encoding-csv.ts'
import { readProtobuf, readRowProtobuf } from './encoding-protobuf.ts'
import type { StatedEncoding, TimestamptzHandling } from '../types/connector.ts'
import type { TokenCursor } from './cursor.ts'
import type { GivenOption } from './option-list.ts'

const FORMATS = 'PLAIN UPSERT DEBEZIUM DEBEZIUM_MONGO MAXWELL CANAL NATIVE NONE'.split(' ')
const ENCODES = 'JSON PROTOBUF BYTES AVRO CSV PARQUET TEXT TEMPLATE NATIVE NONE'.split(' ')
const ROW_FORMATS = (
  'JSON UPSERT_JSON BYTES MAXWELL CANAL_JSON DEBEZIUM_JSON DEBEZIUM_MONGO_JSON NATIVE ' +
  'PROTOBUF AVRO UPSERT_AVRO CSV'
).split(' ')
const SUPPORTED =
  'Supported is FORMAT PLAIN or UPSERT, ENCODE JSON, PROTOBUF, BYTES, AVRO, CSV or TEXT.'
const ENCODES_SUPPORTED = ['JSON', 'PROTOBUF', 'BYTES', 'AVRO', 'CSV', 'TEXT']
const HANDLING = 'timestamptz.handling.mode'
const HANDLINGS = [
  'micro',
  'milli',
  'guess_number_unit',
  'utc_string',
  'utc_without_suffix'
] as const

/** RisingWave's words. */
const ROW_FORMAT_NOTICE =
  'RisingWave will stop supporting the syntax "ROW FORMAT" in future versions, which will be ' +
  'changed to "FORMAT ... ENCODE ..." syntax.'

/** 1-based positions of what a message about a schema points at. */
export interface SchemaPositions {
  readonly message: number
  readonly location: number
}

export interface EncodingClause {
  readonly encoding: StatedEncoding
  /** Set when the payload's schema is to be fetched. */
  readonly schemaPositions: SchemaPositions | undefined
}

/**
 * Takes the clause; what the user should know is added to `notices`.
 * @throws PgError 42601, 0A000, 22023
 */
export function readEncoding(cursor: TokenCursor, notices: string[]): EncodingClause {
  if (cursor.accept('row', 'format')) return readRowFormat(cursor, notices)
  if (!cursor.isNext('format')) throw missingEncoding(cursor)
  cursor.expect('format')
  const format = readChoice(cursor, FORMATS)
  if (format.name !== 'PLAIN' && format.name !== 'UPSERT') {
    throw featureNotSupported(`connector nats does not support format ${titled(format.name)}`, {
      position: format.position,
      hint: SUPPORTED
    })
  }
  cursor.expect('encode')
  const encode = readChoice(cursor, ENCODES)
  if (!ENCODES_SUPPORTED.includes(encode.name)) throw encodeNotSupported(format, encode)
  const options = cursor.isSymbol('(') ? readOptionList(cursor) : []
  const secret = options.find((option) => option.secret)
  if (secret) throw secretInEncoding(secret)
  if (cursor.isNext('key', 'encode')) throw keyEncode(cursor)
  const clause = readOptions(encode, options, notices)
  return format.name === 'UPSERT' ? asUpsert(clause) : clause
}

const secretInEncoding = ({ valuePosition }: GivenOption): Error =>
  featureNotSupported('SECRET is not supported in the options of an encoding', {
    position: valuePosition
  })

function readOptions(
  encode: Choice,
  options: readonly GivenOption[],
  notices: string[]
): EncodingClause {
  if (encode.name === 'PROTOBUF') return readProtobuf(options, encode.position, notices)
  if (encode.name === 'AVRO') return readAvro(options, encode.position, notices)
  if (encode.name === 'CSV') return withoutSchema(readCsv(options, notices))
  const handling = readEncodeOptions(encode.name, options, notices)
  if (encode.name === 'BYTES') return withoutSchema(PLAIN_BYTES)
  return withoutSchema(encode.name === 'TEXT' ? PLAIN_TEXT : plainJson(handling))
}

const asUpsert = ({ encoding, schemaPositions }: EncodingClause): EncodingClause => ({
  encoding: { ...encoding, format: 'upsert' },
  schemaPositions
})

function readRowFormat(cursor: TokenCursor, notices: string[]): EncodingClause {
  const format = readChoice(cursor, ROW_FORMATS)
  const encode = format.name.replace('UPSERT_', '')
  if (!ENCODES_SUPPORTED.includes(encode)) {
    throw featureNotSupported(`row format ${format.name} is not supported`, {
      position: format.position,
      hint: SUPPORTED
    })
  }
  notices.push(ROW_FORMAT_NOTICE)
  if (encode === 'PROTOBUF') return readRowProtobuf(cursor)
  if (encode === 'BYTES') return withoutSchema(PLAIN_BYTES)
  if (encode === 'CSV') return withoutSchema(readRowCsv(cursor))
  const clause =
    encode === 'AVRO' ? readRowAvro(cursor) : withoutSchema(plainJson('guess_number_unit'))
  return encode === format.name ? clause : asUpsert(clause)
}

const PLAIN_BYTES: StatedEncoding = { format: 'plain', encode: 'bytes' }
const PLAIN_TEXT: StatedEncoding = { format: 'plain', encode: 'text' }

const withoutSchema = (encoding: StatedEncoding): EncodingClause => ({
  encoding,
  schemaPositions: undefined
})

const plainJson = (timestamptzHandling: TimestamptzHandling): StatedEncoding => ({
  format: 'plain',
  encode: 'json',
  timestamptzHandling
})

/** Something else may stand where the clause should: that is the error then. */
function missingEncoding(cursor: TokenCursor): Error {
  if (!cursor.isAtEnd) return cursor.fail()
  return syntaxError('FORMAT … ENCODE … clause is required', {
    position: cursor.position,
    hint: 'Add FORMAT PLAIN ENCODE JSON at the end.'
  })
}

interface Choice {
  readonly name: string
  readonly position: number
}

function readChoice(cursor: TokenCursor, choices: readonly string[]): Choice {
  const { position } = cursor
  const name = cursor.peek()?.word?.toUpperCase() ?? ''
  if (!choices.includes(name)) throw cursor.fail(`Expected one of ${choices.join(', ')}.`)
  cursor.next()
  return { name, position }
}

const encodeNotSupported = (format: Choice, { name, position }: Choice): Error =>
  featureNotSupported(
    `connector nats does not support format ${titled(format.name)} with encode ${titled(name)}`,
    { position, hint: SUPPORTED }
  )

/** RisingWave's words. */
const keyEncode = (cursor: TokenCursor): Error =>
  featureNotSupported('key encode clause is not supported in source schema', {
    position: cursor.position
  })

function readEncodeOptions(
  encode: string,
  options: readonly GivenOption[],
  notices: string[]
): TimestamptzHandling {
  let handling: TimestamptzHandling = 'guess_number_unit'
  for (const option of options) {
    if (option.key === HANDLING && encode === 'JSON') handling = readHandling(option)
    else if (option.key.startsWith('schema.')) throw schemaNotSupported(encode, option)
    else {
      notices.push(`Get unknown format_encode_options for Plain ${titled(encode)}: ${option.key}`)
    }
  }
  return handling
}

function readHandling({ value, valuePosition }: GivenOption): TimestamptzHandling {
  const handling = HANDLINGS.find((known) => known === value)
  if (handling) return handling
  throw invalidParameterValue(`unrecognized ${HANDLING} value ${value}`, {
    position: valuePosition,
    hint: `Expected one of ${HANDLINGS.join(', ')}.`
  })
}

const schemaNotSupported = (encode: string, { key, position }: GivenOption): Error =>
  featureNotSupported(`option "${key}" is not supported with encode ${titled(encode)}`, {
    position,
    hint: 'List the columns in the statement.'
  })

/** DEBEZIUM_MONGO → DebeziumMongo, as RisingWave prints its formats. */
const titled = (name: string): string =>
  name
    .split('_')
    .map((part) => part.charAt(0) + part.slice(1).toLowerCase())
    .join('')
