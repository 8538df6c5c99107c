// The check of a connector for a statement: what NATS says is wrong is shown at the option that is to
// blame, as far as the SQLSTATE tells.

import {
  PgError,
  connectorFailure,
  connectorObjectMissing,
  duplicateObject,
  featureNotSupported,
  invalidAuthorization,
  invalidPassword
} from '../../errors.ts'
import { canonicalKey } from '../../sql/option-table.ts'
import type { GivenOption } from '../../sql/option-list.ts'
import type { NatsConnector } from '../../types/connector.ts'
import type { Relation } from '../../catalog/relation.ts'
import type { Conversation } from '../conversation.ts'

/** SQLSTATE → the options that may be to blame, the likeliest first. */
const BLAMED: Readonly<Record<string, readonly string[]>> = {
  [connectorFailure('').code]: ['server_url'],
  [invalidPassword('').code]: ['password', 'username', 'connect_mode', 'server_url'],
  [invalidAuthorization('').code]: [
    'connect_mode',
    'username',
    'jwt',
    'nkey',
    'token',
    'server_url'
  ],
  [connectorObjectMissing('').code]: ['stream', 'subject'],
  [featureNotSupported('').code]: ['stream', 'subject'],
  [duplicateObject('').code]: ['consumer.durable_name']
}

/**
 * @param predecessor the relation that this is, or whose place it takes
 * @throws PgError, each fault its own
 */
export async function probeConnector(
  c: Conversation,
  connector: NatsConnector,
  options: readonly GivenOption[],
  predecessor?: Relation
): ReturnType<Conversation['context']['catalog']['probe']> {
  try {
    return await c.context.catalog.probe(connector, predecessor)
  } catch (error) {
    throw placed(error, options)
  }
}

function placed(error: unknown, options: readonly GivenOption[]): unknown {
  if (!(error instanceof PgError) || error.position !== undefined) return error
  const { code, message, severity, detail, hint, cause } = error
  const blamed = [...(BLAMED[code] ?? []), 'server_url', 'connector']
  const ofSubject = message.startsWith('subject ') ? ['subject', ...blamed] : blamed
  const found = ofSubject
    .map((key) => options.find((option) => canonicalKey(option.key) === key))
    .find((option) => option !== undefined)
  const position = found?.valuePosition
  return new PgError(code, message, { severity, detail, hint, cause, position })
}
