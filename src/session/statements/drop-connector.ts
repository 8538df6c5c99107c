// ALTER TABLE … DROP CONNECTOR: the rows become the twin's own, in the user's transaction; from its
// commit on it is an ordinary table of the upstream's.

import type { Relation } from '../../catalog/relation.ts'
import { objectNotReady, wrongObjectType } from '../../errors.ts'
import type { Alter } from '../../sql/alter.ts'
import { SCHEMA } from '../../upstream/bridge.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { plainName, sqlName } from './resolve.ts'

/** @throws PgError 42809 of a source, 55000 without a live child; UpstreamError */
export async function dropConnector(
  c: Conversation,
  relation: Relation,
  { name, position }: Alter
): Promise<void> {
  if (relation.definition.kind === 'source') {
    throw wrongObjectType(`"${plainName(name)}" is a source and has no rows of its own`, {
      position,
      hint: 'Use DROP SOURCE, or keep its rows with CREATE TABLE … AS SELECT.'
    })
  }
  if (!relation.hasChild) {
    throw objectNotReady(`the rows of "${plainName(name)}" cannot be moved`, {
      position,
      detail: 'It has no live child upstream through which Postgres could read them.'
    })
  }
  const table = sqlName(name)
  await askUpstream(c, `LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`)
  c.mutated()
  c.altered(relation)
  await askUpstream(c, `DROP TRIGGER jetgres_refuse_write ON ${table}`)
  await askUpstream(c, `DROP TRIGGER IF EXISTS jetgres_written ON ${table}`)
  // What is read is the live child: the twin's own rows are none before this statement.
  await askUpstream(c, `INSERT INTO ${table} SELECT * FROM ${table}`)
  const { twinOid, database } = relation.definition
  const proof = c.context.maintenance.database(database).proof('detach', twinOid, relation.id)
  await askUpstream(c, `SELECT ${SCHEMA}.detach($1, $2, $3)`, [
    String(twinOid),
    String(relation.id),
    proof
  ])
}
