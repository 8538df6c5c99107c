// The options of ENCODE PROTOBUF and the words of ROW FORMAT PROTOBUF: which message, and where its
// schema is. Fetches nothing.

import { featureNotSupported, invalidParameterValue } from '../errors.ts'
import { locationOf, noticeUnknown, readRowLocation, readString } from './encoding-location.ts'
import type { StatedProtobuf } from '../types/connector.ts'
import type { TokenCursor } from './cursor.ts'
import type { EncodingClause } from './encoding.ts'
import type { Given } from './encoding-location.ts'
import type { GivenOption } from './option-list.ts'

/** Every nested message is jsonb, whether messages_as_jsonb names it or not. */
const KNOWN = /^(?:message|schema\.location|messages_as_jsonb)$/

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
  const location = locationOf(options, position)
  const message = option('message')
  if (!message) {
    throw invalidParameterValue('missing field message in options', {
      position,
      hint: "Add message = 'package.Message' to the options."
    })
  }
  noticeUnknown(options, 'Protobuf', KNOWN, notices)
  return clauseOf(message, location)
}

/** Takes MESSAGE 'm' ROW SCHEMA LOCATION 'url'. @throws PgError 42601, 0A000, 22023 */
export function readRowProtobuf(cursor: TokenCursor): EncodingClause {
  cursor.expect('message')
  const message = readString(cursor)
  return clauseOf(message, readRowLocation(cursor))
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
