// CREATE TABLE | SOURCE … WITH (connector = 'nats'): checks the NATS side, lets Postgres make the
// twin in the user's own transaction, gives it its live child there, and keeps the definition.
// Whether it all happened is known when that transaction ends (Conversation.made).

import type { Definition } from '../../catalog/definition.ts'
import type { Relation } from '../../catalog/relation.ts'
import { featureNotSupported, invariant, wrongObjectType } from '../../errors.ts'
import type { CreateRelation } from '../../sql/create-relation.ts'
import type { ListedColumn } from '../../sql/columns.ts'
import type { QualifiedName } from '../../sql/cursor.ts'
import type { GivenOption } from '../../sql/option-list.ts'
import { notSupported } from '../../sql/refusals.ts'
import {
  lastingOptions,
  readConnector,
  statedRateLimit,
  statedWait
} from '../../sql/with-options.ts'
import { codecFor } from '../../types/codec.ts'
import { OID } from '../../types/oids.ts'
import { storeType } from '../../types/store-type.ts'
import type { Encoding, NatsConnector } from '../../types/connector.ts'
import type { RelationSchema } from '../../types/value.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { attachChild, releaseChild } from './live-child.ts'
import { checkOffered, withPayloadSchema } from './payload-schema.ts'
import { definedOptions } from './defined-options.ts'
import { probeConnector } from './probe.ts'
import { plainName, sqlName } from './resolve.ts'
import { readTwin } from './twin.ts'
import { withSecrets } from './secrets.ts'
import { checkWatermark } from './watermark.ts'
import type { Twin } from './twin.ts'
import { done } from './reply.ts'
import type { Reply } from './reply.ts'

/** @throws PgError of the connector's check, or UpstreamError of the twin's */
export async function createRelation(c: Conversation, statement: CreateRelation): Promise<Reply> {
  const tag = done(`CREATE ${statement.relation.toUpperCase()}`)
  for (const text of statement.notices) c.output.write(notice(text))
  // First of all, so that a transaction that has failed shows before anybody is asked anything.
  const standing = await inPlace(c, statement.name)
  if (statement.ifNotExists && standing !== undefined) {
    await makeTwin(c, statement)
    await waitIfAsked(c, statement, c.context.catalog.byTwin(c.identity.database, standing))
    return tag
  }
  // Nobody gets jetgres to open connections who could not have the table.
  if (!(await mayCreate(c, statement.name))) await makeTwin(c, statement)
  const { encoding, offered, ...facts } = await withPayloadSchema(c, statement)
  const options = await withSecrets(c, statement.options)
  const stated = statement.connector ?? connectorOf(c, options, statement.withPosition)
  const replaced = statement.orReplace ? standingRelation(c, statement, standing) : undefined
  const { position, connector } = await probeConnector(c, stated, options, replaced)
  if (connector.consumer && !connector.durable) c.output.write(notice(CONSUMER_WITHOUT_EFFECT))
  if (replaced) await dropReplaced(c, statement.name, replaced)
  await makeTwin(c, { ...statement, ...facts })
  const twin = await readTwin(c, statement.name)
  await checkWatermark(c, statement, twin)
  checkOffered(twin, statement.columns, encoding, offered)
  checkTypes(twin, statement)
  const schema: RelationSchema = {
    id: await c.context.catalog.nextId(),
    columns: twin.columns,
    key: hasKey(statement) ? twin.key : [],
    ...conflictOf(twin, statement)
  }
  const hasChild = await attachChild(c, twin, statement.relation, schema)
  const relation = await c.context.catalog.prepare(
    await definitionOf(c, { ...statement, connector, options }, twin, schema, encoding),
    position
  )
  relation.hasChild = hasChild
  c.made(relation)
  await waitIfAsked(c, statement, relation)
  return tag
}

const TIMEOUT = `
SELECT setting FROM pg_catalog.pg_settings WHERE name = 'statement_timeout'`

async function waitIfAsked(
  c: Conversation,
  { options }: CreateRelation,
  relation: Relation | undefined
): Promise<void> {
  if (!relation || !statedWait(options)) return
  const [row] = await askUpstream(c, TIMEOUT)
  c.waitFor(relation, Number(row?.[0] ?? 0))
}

function connectorOf(
  c: Conversation,
  options: readonly GivenOption[],
  position: number
): NatsConnector {
  const { connector, notices } = readConnector(options, position)
  for (const text of notices) c.output.write(notice(text))
  return connector
}

/** A source only mirrors deliveries, unless they say themselves which row they replace. */
const hasKey = ({ relation, encoding }: CreateRelation): boolean =>
  relation === 'table' || encoding.format === 'upsert'

const IN_PLACE = `
SELECT s.name, c.oid
FROM (SELECT COALESCE($2, pg_catalog.current_schema()::pg_catalog.text)) s(name)
LEFT JOIN pg_catalog.pg_namespace n ON n.nspname = s.name
LEFT JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = $1`

/** An alias, and what it stands for in each session. */
const TEMPORARY = /^pg_temp(?:_\d+)?$/

/**
 * The OID of what has the name where the twin would go, wherever else the name may be found.
 * @throws PgError 0A000 when that is the schema of temporary tables
 */
async function inPlace(c: Conversation, name: QualifiedName): Promise<number | undefined> {
  const [row] = await askUpstream(c, IN_PLACE, [name.name, name.schema ?? null])
  if (TEMPORARY.test(row?.[0] ?? '')) {
    const hint = 'Name another schema: the relation outlives its session.'
    throw notSupported('TEMPORARY', name.position, hint)
  }
  return row?.[1] ? Number(row[1]) : undefined
}

/** The relation that OR REPLACE replaces. @throws PgError 42809 */
function standingRelation(
  c: Conversation,
  { name, relation: kind }: CreateRelation,
  oid: number | undefined
): Relation | undefined {
  if (oid === undefined) return undefined
  const relation = c.context.catalog.byTwin(c.identity.database, oid)
  if (relation?.definition.kind === kind) return relation
  throw wrongObjectType(`"${plainName(name)}" is not a ${kind} with a connector`, {
    position: name.position,
    hint: 'CREATE OR REPLACE replaces only what it has made.'
  })
}

/** It goes as by DROP, and with it everything but what depends on it. */
async function dropReplaced(
  c: Conversation,
  name: QualifiedName,
  relation: Relation
): Promise<void> {
  await releaseChild(c, relation)
  await askUpstream(c, `DROP TABLE ${sqlName(name)}`)
  c.touchedCatalog()
}

const CONSUMER_WITHOUT_EFFECT =
  'options consumer.* have no effect without "consumer.durable_name" on this stream'

const MAY_CREATE = `
SELECT pg_catalog.has_schema_privilege(n.oid, 'CREATE') FROM pg_catalog.pg_namespace n
WHERE n.nspname = COALESCE($1, pg_catalog.current_schema())`

async function mayCreate(c: Conversation, name: QualifiedName): Promise<boolean> {
  const [row] = await askUpstream(c, MAY_CREATE, [name.schema ?? null])
  return row?.[0] === 't'
}

/** A name that is taken, IF NOT EXISTS, a missing privilege: all of it is Postgres's to say. */
async function makeTwin(
  c: Conversation,
  statement: Pick<CreateRelation, 'twinSql' | 'twinPosition'>
): Promise<void> {
  await askUpstream(c, statement.twinSql, [], statement.twinPosition)
}

function checkTypes(twin: Twin, statement: CreateRelation): void {
  for (const column of twin.columns) {
    if (storeType(column.type) !== undefined && codecFor(column.type.oid)) continue
    const listed = statement.columns.find(({ name }) => name === column.name)
    throw featureNotSupported(
      `column "${column.name}" has type ${twin.typeNames.get(column.attnum)}, ` +
        'which an ingested relation cannot hold',
      {
        position: listed?.position,
        hint: 'Use jsonb for structured values, text for anything else.'
      }
    )
  }
}

/** Types that jetgres and the store order alike, NULL apart. */
const VERSION_TYPES: ReadonlySet<number> = new Set([
  OID.int2,
  OID.int4,
  OID.int8,
  OID.date,
  OID.time,
  OID.timestamp,
  OID.timestamptz
])

function conflictOf(
  twin: Twin,
  { onConflict, versions }: CreateRelation
): Pick<RelationSchema, 'onConflict'> {
  if (twin.key.length === 0) return {}
  if (onConflict === 'keepFirst') return { onConflict: { keep: 'first' } }
  if (onConflict === 'merge') return { onConflict: { keep: 'notNull' } }
  if (versions.length === 0) return {}
  return { onConflict: { keep: 'highest', versions: versions.map((v) => versionOf(twin, v)) } }
}

/** The attnum of a column that tells which delivery is the newer one. */
function versionOf(twin: Twin, { name, position }: ListedColumn): number {
  const column = twin.columns.find((other) => other.name === name)
  invariant(column, 'a version column is one of the columns')
  if (VERSION_TYPES.has(column.type.oid)) return column.attnum
  throw featureNotSupported(
    `column "${name}" of type ${twin.typeNames.get(column.attnum)} cannot be a version`,
    { position, hint: 'Use an integer, a date or a timestamp.' }
  )
}

async function definitionOf(
  c: Conversation,
  statement: CreateRelation & { readonly connector: NatsConnector },
  twin: Twin,
  schema: RelationSchema,
  encoding: Encoding
): Promise<Definition> {
  const { database } = c.identity
  return {
    version: 1,
    state: 'pending',
    kind: statement.relation,
    database,
    upstream: await c.context.catalog.identity(database),
    twinOid: twin.oid,
    schemaName: twin.schemaName,
    name: twin.name,
    schema,
    connector: statement.connector,
    encoding,
    options: definedOptions(lastingOptions(statement.options)),
    rateLimit: statedRateLimit(statement.options),
    clauses: {
      ...(statement.watermark ? { watermark: statement.watermark.text } : {}),
      before: statement.before,
      after: statement.after
    }
  }
}
