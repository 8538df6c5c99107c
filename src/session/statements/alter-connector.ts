// ALTER … CONNECTOR WITH and SET SOURCE_RATE_LIMIT: what a relation is fed by and how fast. Neither is
// the upstream's, so neither can be rolled back: they are refused in a transaction block.

import type { Relation } from '../../catalog/relation.ts'
import { activeSqlTransaction, featureNotSupported, insufficientPrivilege } from '../../errors.ts'
import type { Alter } from '../../sql/alter.ts'
import type { GivenOption } from '../../sql/option-list.ts'
import { canonicalKey } from '../../sql/option-table.ts'
import { RATE_LIMIT } from '../../sql/with-options.ts'
import type { NatsConnector } from '../../types/connector.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { connectorWith, definedOptions, givenOptions } from './defined-options.ts'
import { probeConnector } from './probe.ts'
import { plainName } from './resolve.ts'
import { withSecrets } from './secrets.ts'

/** Who jetgres is; given anew, all of it is. */
const AUTHENTICATION = ['connect_mode', 'username', 'password', 'jwt', 'nkey', 'creds', 'token']
const CHANGEABLE = new Set(['server_url', 'tls.ca', 'tls.cert', 'tls.key', ...AUTHENTICATION])

/** @throws PgError 25001, 42501 */
export async function limitRate(
  c: Conversation,
  relation: Relation,
  statement: Alter,
  limit: number | undefined
): Promise<void> {
  await checkAllowed(c, relation, statement, 'ALTER … SET SOURCE_RATE_LIMIT')
  const stated = limit === undefined ? [] : [{ key: RATE_LIMIT, value: String(limit) }]
  await c.context.catalog.change(relation, (now) => ({
    ...now,
    options: [...now.options.filter(({ key }) => canonicalKey(key) !== RATE_LIMIT), ...stated],
    rateLimit: limit
  }))
}

/** @throws PgError 25001, 42501, 0A000, and whatever is wrong with the options or NATS */
export async function reconnect(
  c: Conversation,
  relation: Relation,
  statement: Alter,
  given: readonly GivenOption[]
): Promise<void> {
  await checkAllowed(c, relation, statement, 'ALTER … CONNECTOR WITH')
  const { position } = statement
  const filled = await withSecrets(c, given)
  const options = merged(
    givenOptions(relation.definition, c.context.catalog.secrets, position),
    filled
  )
  const { connector, notices } = connectorWith(relation.definition, options, position)
  const { durable: _, ...wanted } = connector
  const probed = await probeConnector(c, wanted, options, relation)
  for (const text of notices) c.output.write(notice(text))
  const { created } = await c.context.store.position(relation.id)
  if (probed.position.created === created) {
    await change(c, relation, connector, options)
    return
  }
  c.output.write(
    notice(`stream "${connector.stream}" is another one there: it is read from its beginning`)
  )
  const { connector: before } = relation.definition
  await change(c, relation, probed.connector, options)
  await c.context.catalog.leaveConsumer(relation, before)
}

function change(
  c: Conversation,
  relation: Relation,
  connector: NatsConnector,
  options: readonly GivenOption[]
): Promise<void> {
  return c.context.catalog.change(relation, (now) => ({
    ...now,
    connector,
    options: definedOptions(options)
  }))
}

/** The options of the relation with those given in the place of their like. */
function merged(before: readonly GivenOption[], given: readonly GivenOption[]): GivenOption[] {
  for (const option of given) {
    const key = canonicalKey(option.key)
    if (key === undefined || CHANGEABLE.has(key)) continue
    throw featureNotSupported(`option "${option.key}" cannot be changed`, {
      position: option.position,
      hint: 'Use CREATE OR REPLACE: its rows are read anew from the stream.'
    })
  }
  const replaced = new Set(given.map(({ key }) => canonicalKey(key)))
  if (AUTHENTICATION.some((key) => replaced.has(key))) {
    for (const key of AUTHENTICATION) replaced.add(key)
  }
  return [...before.filter(({ key }) => !replaced.has(canonicalKey(key))), ...given]
}

const OWNER = `
SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') FROM pg_catalog.pg_class c
WHERE c.oid = $1::pg_catalog.oid`

/** @throws PgError 25001, 42501 */
export async function checkAllowed(
  c: Conversation,
  { definition }: Relation,
  { name }: Alter,
  what: string
): Promise<void> {
  if (c.inTransaction) throw activeSqlTransaction(`${what} cannot run inside a transaction block`)
  const [row] = await askUpstream(c, OWNER, [String(definition.twinOid)])
  if (row?.[0] === 't') return
  throw insufficientPrivilege(`must be owner of ${definition.kind} ${plainName(name)}`, {
    position: name.position
  })
}
