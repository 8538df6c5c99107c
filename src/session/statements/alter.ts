// ALTER TABLE | SOURCE of a relation: what Postgres does to the twin, followed by jetgres, and what
// only jetgres can do. Each action's own file says how.

import { undefinedTable, wrongObjectType } from '../../errors.ts'
import type { Alter } from '../../sql/alter.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { alterTwin } from './alter-twin.ts'
import { dropConnector } from './drop-connector.ts'
import { limitRate, reconnect } from './alter-connector.ts'
import { refreshSchema } from './refresh-schema.ts'
import { replayDropped } from './replay-dropped.ts'
import { plainName, resolve } from './resolve.ts'
import { done } from './reply.ts'
import type { Reply } from './reply.ts'

export async function alterRelation(c: Conversation, statement: Alter): Promise<Reply | 'relay'> {
  const { oid, relation } = await resolve(c, statement.name)
  const { position } = statement.name
  const tag = done(`ALTER ${statement.relation.toUpperCase()}`)
  if (statement.relation === 'source' && relation?.definition.kind !== 'source') {
    const label = plainName(statement.name)
    if (oid !== undefined) throw wrongObjectType(`"${label}" is not a source`, { position })
    if (!statement.ifExists) {
      throw undefinedTable(`source "${label}" does not exist`, { position })
    }
    c.output.write(notice(`source "${label}" does not exist, skipping`))
    return tag
  }
  if (!relation) return 'relay'
  const { action } = statement
  switch (action.kind) {
    case 'postgres':
      await alterTwin(c, relation, statement, action)
      break
    case 'rateLimit':
      await limitRate(c, relation, statement, action.limit)
      break
    case 'connectorWith':
      await reconnect(c, relation, statement, action.options)
      break
    case 'refreshSchema':
      await refreshSchema(c, relation, statement)
      break
    case 'replayDropped':
      await replayDropped(c, relation, statement)
      break
    case 'dropConnector':
      await dropConnector(c, relation, statement)
  }
  return tag
}
