// GRANT and REVOKE … ON SOURCE: what is granted on a source is granted on its twin.

import { invalidSchemaName, undefinedTable, wrongObjectType } from '../../errors.ts'
import type { AllSources, GrantSource } from '../../sql/grant-source.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { done } from './reply.ts'
import type { Reply } from './reply.ts'
import { plainName, resolve, sqlName } from './resolve.ts'

/** @throws PgError 42P01, 42809; UpstreamError of whatever else is wrong with it */
export async function grantOnSource(c: Conversation, statement: GrantSource): Promise<Reply> {
  if (statement.all) return grantOnAll(c, statement, statement.all)
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

const SCHEMA_THERE = 'SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1'

/** What is wrong behind the names is told without a place: they may be longer than what stood there. */
async function grantOnAll(
  c: Conversation,
  { tag }: GrantSource,
  { schemas, before, after }: AllSources
): Promise<Reply> {
  for (const { name, position } of schemas) {
    const rows = await askUpstream(c, SCHEMA_THERE, [name])
    if (rows.length === 0) throw invalidSchemaName(`schema "${name}" does not exist`, { position })
  }
  const wanted = new Set(schemas.map(({ name }) => name))
  const sources = c.context.catalog
    .here(c.identity.database)
    .map(({ definition }) => definition)
    .filter(({ kind, schemaName }) => kind === 'source' && wanted.has(schemaName))
  if (sources.length === 0) return done(tag)
  const tables = sources.map(({ schemaName: schema, name }) => sqlName({ schema, name }))
  const sql = `${before}TABLE ${tables.join(', ')} ${after}`
  c.sawRelayed(sql)
  await askUpstream(c, sql)
  return done(tag)
}
