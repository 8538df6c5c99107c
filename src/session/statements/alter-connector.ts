// ALTER … CONNECTOR WITH and SET SOURCE_RATE_LIMIT: what a relation is fed by and how fast. Neither is
// the upstream's, so neither can be rolled back: they are refused in a transaction block.

import type { Definition } from '../../catalog/definition.ts'
import type { Relation } from '../../catalog/relation.ts'
import { activeSqlTransaction, featureNotSupported, insufficientPrivilege } from '../../errors.ts'
import type { Alter } from '../../sql/alter.ts'
import type { GivenOption } from '../../sql/option-list.ts'
import { canonicalKey } from '../../sql/option-table.ts'
import { readConnector } from '../../sql/with-options.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { probeConnector } from './probe.ts'
import { plainName } from './resolve.ts'

/** Who jetgres is; given anew, all of it is. */
const AUTHENTICATION = ['connect_mode', 'username', 'password', 'jwt', 'nkey', 'token']
const CHANGEABLE = new Set(['server_url', 'tls.ca', 'tls.cert', 'tls.key', ...AUTHENTICATION])

/** @throws PgError 25001, 42501 */
export async function limitRate(
  c: Conversation,
  relation: Relation,
  statement: Alter,
  limit: number | undefined
): Promise<void> {
  await checkAllowed(c, relation, statement, 'ALTER … SET SOURCE_RATE_LIMIT')
  await c.context.catalog.change(relation, (now) => ({ ...now, rateLimit: limit }))
}

/** @throws PgError 25001, 42501, 0A000, and whatever is wrong with the options or NATS */
export async function reconnect(
  c: Conversation,
  relation: Relation,
  statement: Alter,
  given: readonly GivenOption[]
): Promise<void> {
  await checkAllowed(c, relation, statement, 'ALTER … CONNECTOR WITH')
  const { connector: before } = relation.definition
  const options = merged(relation.definition, given, statement.position)
  // The consumer that the relation has already must not be taken for another's.
  const asked = options.filter(({ key }) => !key.startsWith('consumer.'))
  const { connector, notices } = readConnector(asked, statement.position)
  const { created } = (await probeConnector(c, connector, options)).position
  const position = await c.context.store.position(relation.id)
  for (const text of notices) c.output.write(notice(text))
  if (created !== position.created) {
    c.output.write(
      notice(`stream "${connector.stream}" is another one there: it is read from its beginning`)
    )
  }
  await c.context.catalog.change(relation, (now) => ({
    ...now,
    connector: {
      ...connector,
      start: before.start,
      ...(before.consumer ? { consumer: before.consumer } : {}),
      ...(before.durable ? { durable: before.durable } : {})
    },
    options: options.map(({ key, value }) => ({ key, value }))
  }))
}

/** The options of the relation with these in the place of their like. */
function merged(
  { options }: Definition,
  given: readonly GivenOption[],
  position: number
): GivenOption[] {
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
  const place = { position, valuePosition: position, valueStart: 0, valueEnd: 0 }
  const kept = options.filter(({ key }) => !replaced.has(canonicalKey(key)))
  return [...kept.map((option) => ({ ...option, ...place })), ...given]
}

const OWNER = `
SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') FROM pg_catalog.pg_class c
WHERE c.oid = $1::pg_catalog.oid`

async function checkAllowed(
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
