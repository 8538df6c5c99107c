// GRANT and REVOKE … ON SOURCE: what is granted on a source is granted on its twin.

import { undefinedTable, wrongObjectType } from '../../errors.ts'
import type { GrantSource } from '../../sql/grant-source.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { done } from './reply.ts'
import type { Reply } from './reply.ts'
import { plainName, resolve } from './resolve.ts'

/** @throws PgError 42P01, 42809; UpstreamError of whatever else is wrong with it */
export async function grantOnSource(c: Conversation, statement: GrantSource): Promise<Reply> {
  for (const name of statement.names) {
    const { oid, relation } = await resolve(c, name)
    const { position } = name
    const label = plainName(name)
    if (oid === undefined) throw undefinedTable(`source "${label}" does not exist`, { position })
    if (relation?.definition.kind === 'source') continue
    throw wrongObjectType(`"${label}" is not a source`, {
      position,
      hint: `Use ${statement.tag} … ON TABLE.`
    })
  }
  c.sawRelayed(statement.sql)
  await askUpstream(c, statement.sql, [], (position) => position)
  return done(statement.tag)
}
