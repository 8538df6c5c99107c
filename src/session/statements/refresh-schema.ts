// ALTER TABLE | SOURCE … REFRESH SCHEMA: fetches the payloads' schema anew from where it was, and has
// deliveries decoded by it from the next one on. Nothing that is done at once can be undone by
// ROLLBACK, so it stays outside of transaction blocks. A schema that does not fit changes nothing.

import type { Relation } from '../../catalog/relation.ts'
import { activeSqlTransaction, featureNotSupported, insufficientPrivilege } from '../../errors.ts'
import type { Alter } from '../../sql/alter.ts'
import type { PayloadColumn } from '../../types/connector.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { checkFile, checkOffered, placed } from './payload-schema.ts'
import { readTwin } from './twin.ts'

/** @throws PgError 0A000, 25001, 42501, 42P16, and whatever is wrong with the schema */
export async function refreshSchema(
  c: Conversation,
  relation: Relation,
  statement: Alter
): Promise<void> {
  const { definition } = relation
  const { encoding } = definition
  const { position } = statement
  if (encoding.encode !== 'protobuf' && encoding.encode !== 'avro') {
    throw featureNotSupported('tables without a schema of their payloads cannot be refreshed', {
      position,
      hint: 'Only those of ENCODE PROTOBUF and ENCODE AVRO have one.'
    })
  }
  if (c.inTransaction) {
    throw activeSqlTransaction('REFRESH SCHEMA cannot run inside a transaction block', { position })
  }
  await checkOwner(c, relation)
  await checkFile(c, encoding.location, position)
  const twin = await readTwin(c, {
    ...statement.name,
    schema: definition.schemaName,
    name: definition.name
  })
  const at = { message: position, location: position }
  try {
    const loaded = await c.context.catalog.loadSchema(encoding)
    checkOffered(twin, [], loaded.encoding, loaded.columns)
    await c.context.catalog.recode(relation, loaded.encoding)
    noticeNew(c, relation, loaded.columns)
  } catch (error) {
    throw placed(error, at)
  }
}

const IS_OWNER = `
SELECT pg_catalog.pg_has_role(relowner, 'USAGE') FROM pg_catalog.pg_class WHERE oid = $1`

/** Postgres's words. */
async function checkOwner(c: Conversation, { definition }: Relation): Promise<void> {
  const [row] = await askUpstream(c, IS_OWNER, [String(definition.twinOid)])
  if (row?.[0] === 't') return
  throw insufficientPrivilege(`must be owner of table ${definition.name}`)
}

/** RisingWave would add them; here what a table looks like changes by ADD COLUMN only. */
function noticeNew(c: Conversation, { schema }: Relation, offered: readonly PayloadColumn[]): void {
  const names = new Set(schema.columns.map(({ name }) => name))
  const others = offered.filter(({ name }) => !names.has(name))
  if (others.length === 0) return
  const list = others.map(({ name, type }) => `"${name}" ${type}`).join(', ')
  c.output.write(notice(`the schema also offers ${list}`))
}
