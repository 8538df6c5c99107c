// Gives a twin its live child, and takes it away, inside the user's transaction (bridge.ts). Where
// the upstream cannot have one, a guard keeps every relayed read from being silently empty
// (invariant 2).

import { writesOf } from '../../catalog/definition.ts'
import type { RelationKind } from '../../catalog/definition.ts'
import type { Relation } from '../../catalog/relation.ts'
import type { RelationSchema } from '../../types/value.ts'
import { ADOPT, GUARD, SCHEMA } from '../../upstream/bridge.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import type { Twin } from './twin.ts'

/** Resolves to whether the twin has a live child now. */
export async function attachChild(
  c: Conversation,
  twin: Twin,
  kind: RelationKind,
  schema: RelationSchema
): Promise<boolean> {
  const database = c.context.maintenance.database(c.identity.database)
  try {
    await database.installBridge()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    await attachGuard(c, twin, `${INSTALLER} Postgres said: ${reason}`)
    return false
  }
  const grant = await missingGrant(c, twin.oid)
  if (grant !== undefined) {
    await attachGuard(c, twin, `Only a table's owner may give it one. Use: ${grant}`)
    return false
  }
  await adoptChild(c, twin.oid, kind, schema)
  return true
}

const INSTALLER =
  'Let the maintenance role (the user of --upstream) be a superuser, or install postgres_fdw ' +
  'and grant it the roles that own relations.'

// adopt() has the rights of its owner, and an error in it could not be undone: a SAVEPOINT is for
// transaction blocks only.
const MISSING_GRANT = `
SELECT pg_catalog.format('GRANT %I TO %I', pg_catalog.pg_get_userbyid(c.relowner),
                         pg_catalog.pg_get_userbyid(p.proowner))
FROM pg_catalog.pg_class c, pg_catalog.pg_proc p
WHERE c.oid = $1::pg_catalog.oid AND p.oid = pg_catalog.to_regprocedure('${ADOPT}')
  AND NOT pg_catalog.pg_has_role(p.proowner, c.relowner, 'USAGE')`

/** What the twin's owner lacks for having it adopted, as a statement. */
async function missingGrant(c: Conversation, twinOid: number): Promise<string | undefined> {
  const [row] = await askUpstream(c, MISSING_GRANT, [String(twinOid)])
  return row?.[0] ?? undefined
}

/** The bridge is known to be there. @throws UpstreamError */
export async function adoptChild(
  c: Conversation,
  twinOid: number,
  kind: RelationKind,
  schema: RelationSchema
): Promise<void> {
  const writes = writesOf(kind, schema)
  const database = c.context.maintenance.database(c.identity.database)
  const proof = database.proof(`adopt ${writes}`, twinOid, schema.id)
  await askUpstream(c, `SELECT ${SCHEMA}.adopt($1, $2, $3, $4)`, [
    String(twinOid),
    String(schema.id),
    proof,
    writes
  ])
}

export async function releaseChild(c: Conversation, relation: Relation): Promise<void> {
  if (!relation.hasChild) return
  const { twinOid, database: name } = relation.definition
  const proof = c.context.maintenance.database(name).proof('release', twinOid, relation.id)
  await askUpstream(c, `SELECT ${SCHEMA}.release($1, $2, $3)`, [
    String(twinOid),
    String(relation.id),
    proof
  ])
}

/**
 * A policy whose condition cannot be evaluated: Postgres folds it when it plans a read, so the read
 * fails with this text. It binds everyone but superusers, for whom the router refuses.
 */
async function attachGuard(c: Conversation, twin: Twin, hint: string): Promise<void> {
  const table = await quotedTwin(c, twin)
  const text = `jetgres: "${twin.name}" is read through jetgres only, it has no live child`
  const literal = `'${text.replaceAll("'", "''")}'`
  await askUpstream(c, `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`)
  await askUpstream(c, `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`)
  await askUpstream(
    c,
    `CREATE POLICY ${GUARD} ON ${table} USING (${literal}::pg_catalog.text::pg_catalog.bool)`
  )
  c.output.write(
    notice(
      `"${twin.name}" has no live child upstream: only what jetgres answers itself can read it`,
      hint
    )
  )
}

const QUOTED = `SELECT pg_catalog.format('%I.%I', $1::pg_catalog.text, $2::pg_catalog.text)`

async function quotedTwin(c: Conversation, twin: Twin): Promise<string> {
  const [row] = await askUpstream(c, QUOTED, [twin.schemaName, twin.name])
  return row![0]!
}
