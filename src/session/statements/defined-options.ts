// A relation's WITH options as its definition keeps them, and back again as a statement gives them:
// of a secret only the name is kept.

import type { DefinedOption, Definition } from '../../catalog/definition.ts'
import type { Secrets } from '../../catalog/secrets.ts'
import type { GivenOption } from '../../sql/option-list.ts'
import { readConnector } from '../../sql/with-options.ts'
import type { ConnectorOptions } from '../../sql/with-options.ts'

export const definedOptions = (options: readonly GivenOption[]): DefinedOption[] =>
  options.map(({ key, value, secret }) =>
    secret
      ? { key, value: '', secret: { schema: secret.schema ?? '', name: secret.name } }
      : { key, value }
  )

/** With the secrets' values of now; all of them stand at `position`. */
export function givenOptions(
  { options, database }: Definition,
  secrets: Secrets,
  position: number
): GivenOption[] {
  const place = { position, valuePosition: position }
  return options.map(({ key, value, secret }): GivenOption => {
    if (!secret) return { key, value, ...place }
    const known = secrets.get({ database, ...secret })?.value ?? ''
    return { key, value: known, ...place, secret: { ...secret, text: secret.name, position } }
  })
}

/**
 * The connector that a definition has with these options instead: what it reads, where it began and
 * the consumer it has stay.
 * @throws PgError 22023, HV00D, 0A000
 */
export function connectorWith(
  { connector: before }: Definition,
  options: readonly GivenOption[],
  position: number
): ConnectorOptions {
  // The consumer that the relation has already must not be taken for another's.
  const asked = options.filter(({ key }) => !key.startsWith('consumer.'))
  const { connector, notices } = readConnector(asked, position)
  return {
    connector: {
      ...connector,
      start: before.start,
      ...(before.consumer ? { consumer: before.consumer } : {}),
      ...(before.durable ? { durable: before.durable } : {})
    },
    notices
  }
}
