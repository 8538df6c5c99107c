// Where a payload's schema is: the options and words that PROTOBUF and AVRO share. Fetches nothing.

import { featureNotSupported, invalidParameterValue } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { stringValue } from './tokens.ts'
import type { TokenCursor } from './cursor.ts'
import type { GivenOption } from './option-list.ts'

/** A value and where it stands. */
export type Given = Pick<GivenOption, 'value' | 'valuePosition'>

/** Of locations in S3, which are not read. */
const OF_S3 = /^(?:region|access_key|secret_key|session_token|endpoint_url|arn|profile)$/

/**
 * RisingWave's words, all of them.
 * @throws PgError 22023, 0A000
 */
export function locationOf(options: readonly GivenOption[], position: number): Given {
  const location = options.find(({ key }) => key === 'schema.location')
  const registry = options.find(({ key }) => key === 'schema.registry')
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

/**
 * Tells what is not in `known`, as RisingWave does.
 * @throws PgError 0A000 for S3's keys, so that no secret is ever shown with the statement
 */
export function noticeUnknown(
  options: readonly GivenOption[],
  encode: 'Protobuf' | 'Avro',
  known: RegExp,
  notices: string[]
): void {
  for (const { key, position } of options) {
    if (known.test(key)) continue
    if (OF_S3.test(key)) {
      throw featureNotSupported(`option "${key}" is not supported with encode ${encode}`, {
        position,
        hint: 'Schemas in S3 are not read: serve the schema by http or https.'
      })
    }
    notices.push(`Get unknown format_encode_options for Plain ${encode}: ${key}`)
  }
}

/** Takes ROW SCHEMA LOCATION 'url'. @throws PgError 42601, 0A000 */
export function readRowLocation(cursor: TokenCursor): Given {
  cursor.expect('row', 'schema', 'location')
  const { position } = cursor
  if (cursor.accept('confluent', 'schema', 'registry')) throw registryNotSupported(position)
  return readString(cursor)
}

/** @throws PgError 42601 */
export function readString(cursor: TokenCursor): Given {
  const token = cursor.peek()
  const value = token?.kind === 'string' ? stringValue(token.text) : undefined
  if (value === undefined) throw cursor.fail()
  const valuePosition = cursor.position
  cursor.next()
  return { value, valuePosition }
}
