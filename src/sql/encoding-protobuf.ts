// The options of ENCODE PROTOBUF and the words of ROW FORMAT PROTOBUF: which message, and where its
// schema is. Fetches nothing.

import { featureNotSupported, invalidParameterValue } from '../errors.ts'
import { stringValue } from './tokens.ts'
import type { StatedProtobuf } from '../types/connector.ts'
import type { PgError } from '../errors.ts'
import type { TokenCursor } from './cursor.ts'
import type { EncodingClause } from './encoding.ts'
import type { GivenOption } from './option-list.ts'

/** Every nested message is jsonb, whether it is named there or not. */
const WITHOUT_EFFECT = 'messages_as_jsonb'
/** Of locations in S3, which are not read yet. */
const OF_S3 = /^(?:region|access_key|secret_key|session_token|endpoint_url|arn|profile)$/

/**
 * RisingWave's words, all of them.
 * @throws PgError 22023, 0A000
 */
export function readProtobuf(
  options: readonly GivenOption[],
  position: number,
  notices: string[]
): EncodingClause {
  const option = (key: string): GivenOption | undefined =>
    options.find((given) => given.key === key)
  const keyMessage = option('key.message')
  if (keyMessage) {
    throw featureNotSupported('option "key.message" is not supported with encode Protobuf', {
      position: keyMessage.position
    })
  }
  const location = locationOf(option('schema.location'), option('schema.registry'), position)
  const message = option('message')
  if (!message) {
    throw invalidParameterValue('missing field message in options', {
      position,
      hint: "Add message = 'package.Message' to the options."
    })
  }
  for (const { key, position: at } of options) {
    if (/^(?:message|schema\.location)$/.test(key) || key === WITHOUT_EFFECT) continue
    // Refused, so that no secret is ever shown with the statement.
    if (OF_S3.test(key)) {
      throw featureNotSupported(`option "${key}" is not supported with encode Protobuf`, {
        position: at,
        hint: 'Schemas in S3 are not read yet: serve the schema by http or https.'
      })
    }
    notices.push(`Get unknown format_encode_options for Plain Protobuf: ${key}`)
  }
  return clauseOf(message, location)
}

interface Given {
  readonly value: string
  readonly valuePosition: number
}

function locationOf(
  location: GivenOption | undefined,
  registry: GivenOption | undefined,
  position: number
): GivenOption {
  if (location && registry) {
    throw invalidParameterValue('only need either the schema location or the schema registry', {
      position: registry.position
    })
  }
  if (registry) throw registryNotSupported(registry.position)
  if (location) return location
  throw invalidParameterValue('missing either a schema location or a schema registry', {
    position,
    hint: "Add schema.location = 'http://…' to the options."
  })
}

const registryNotSupported = (position: number): PgError =>
  featureNotSupported('The connector must be kafka when schema registry is used', { position })

/** Takes MESSAGE 'm' ROW SCHEMA LOCATION 'url'. @throws PgError 42601, 0A000, 22023 */
export function readRowProtobuf(cursor: TokenCursor): EncodingClause {
  cursor.expect('message')
  const message = readString(cursor)
  cursor.expect('row', 'schema', 'location')
  const { position } = cursor
  if (cursor.accept('confluent', 'schema', 'registry')) throw registryNotSupported(position)
  return clauseOf(message, readString(cursor))
}

function readString(cursor: TokenCursor): Given {
  const token = cursor.peek()
  const value = token?.kind === 'string' ? stringValue(token.text) : undefined
  if (value === undefined) throw cursor.fail()
  const valuePosition = cursor.position
  cursor.next()
  return { value, valuePosition }
}

function clauseOf(message: Given, location: Given): EncodingClause {
  const name = message.value.trim().replace(/^\./, '')
  if (!/^[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*$/.test(name)) {
    throw invalidParameterValue(`invalid message name "${message.value}"`, {
      position: message.valuePosition,
      hint: "Write the message's full name, with its package: 'package.Message'."
    })
  }
  const encoding: StatedProtobuf = {
    format: 'plain',
    encode: 'protobuf',
    message: name,
    location: location.value.trim()
  }
  const schemaPositions = { message: message.valuePosition, location: location.valuePosition }
  return { encoding, schemaPositions }
}
