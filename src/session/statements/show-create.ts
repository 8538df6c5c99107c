// SHOW CREATE TABLE | SOURCE: the user's statement with its secrets hidden, RisingWave's columns.

import { featureNotSupported, undefinedTable } from '../../errors.ts'
import type { ShowCreate } from '../../sql/commands.ts'
import type { Conversation } from '../conversation.ts'
import type { Reply } from './reply.ts'
import { plainName, resolveExisting } from './resolve.ts'

export async function showCreate(c: Conversation, statement: ShowCreate): Promise<Reply> {
  const { relation } = await resolveExisting(c, statement.name)
  if (!relation) {
    throw featureNotSupported(`"${plainName(statement.name)}" is not an ingested relation`, {
      position: statement.name.position,
      hint: 'Use pg_dump or \\d for the tables of Postgres.'
    })
  }
  const { definition } = relation
  if (definition.kind !== statement.relation) {
    throw undefinedTable(`${statement.relation} "${plainName(statement.name)}" does not exist`, {
      position: statement.name.position,
      hint: `It is a ${definition.kind}: use SHOW CREATE ${definition.kind.toUpperCase()}.`
    })
  }
  return { columns: ['Name', 'Create Sql'], rows: [[relation.label, definition.statement]], tag: 'SHOW CREATE' }
}
