// CREATE TABLE | SOURCE … WITH (connector = 'nats'): checks the NATS side, lets Postgres make the
// twin in the user's own transaction, gives it its live child there, and keeps the definition.
// Whether it all happened is known when that transaction ends (Conversation.made).

import type { Definition } from '../../catalog/definition.ts'
import { featureNotSupported } from '../../errors.ts'
import type { CreateRelation } from '../../sql/create-relation.ts'
import { codecFor } from '../../types/codec.ts'
import { storeType } from '../../types/store-type.ts'
import type { Encoding } from '../../types/connector.ts'
import type { RelationSchema } from '../../types/value.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { attachChild } from './live-child.ts'
import { checkOffered, withPayloadSchema } from './payload-schema.ts'
import { resolve } from './resolve.ts'
import { readTwin } from './twin.ts'
import type { Twin } from './twin.ts'
import { done } from './reply.ts'
import type { Reply } from './reply.ts'

/** @throws PgError of the connector's check, or UpstreamError of the twin's */
export async function createRelation(c: Conversation, statement: CreateRelation): Promise<Reply> {
  const tag = done(`CREATE ${statement.relation.toUpperCase()}`)
  for (const text of statement.notices) c.output.write(notice(text))
  // First of all, so that a transaction that has failed shows before anybody is asked anything.
  const { oid } = await resolve(c, statement.name)
  if (statement.ifNotExists && oid !== undefined) {
    await makeTwin(c, statement)
    return tag
  }
  const { encoding, offered, ...facts } = await withPayloadSchema(c, statement)
  const position = await c.context.catalog.probe(statement.connector)
  await makeTwin(c, { ...statement, ...facts })
  const twin = await readTwin(c, statement.name)
  checkOffered(twin, statement, encoding, offered)
  const schema: RelationSchema = {
    id: await c.context.catalog.nextId(),
    columns: twin.columns,
    key: statement.relation === 'table' ? twin.key : []
  }
  checkTypes(twin, statement)
  const hasChild = await attachChild(c, twin, schema.id)
  const relation = await c.context.catalog.prepare(
    await definitionOf(c, statement, twin, schema, encoding),
    position
  )
  relation.hasChild = hasChild
  c.made(relation)
  return tag
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

async function definitionOf(
  c: Conversation,
  statement: CreateRelation,
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
    statement: statement.shownSql
  }
}

