// What the upstream says of twins: which still stand, under which names, with or without their live
// child. SQL for the maintenance role only.

import type { MaintenanceDatabase } from '../upstream/maintenance.ts'
import { childName, GUARD, SCHEMA } from '../upstream/bridge.ts'

export interface TwinFacts {
  readonly schemaName: string
  readonly name: string
  readonly hasChild: boolean
}

interface TwinRow {
  oid: string
  schema_name: string
  name: string
  has_child: boolean
}

const FIND = `
SELECT c.oid::text AS oid, n.nspname AS schema_name, c.relname AS name,
       EXISTS (SELECT FROM pg_inherits i JOIN pg_foreign_table f ON f.ftrelid = i.inhrelid
               WHERE i.inhparent = c.oid) AS has_child
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = ANY ($1::oid[])`

/** The twins that stand, by OID. */
export async function findTwins(
  database: MaintenanceDatabase,
  oids: readonly number[]
): Promise<Map<number, TwinFacts>> {
  const rows = await database.query<TwinRow>(FIND, [oids])
  return new Map(
    rows.map((row) => [
      Number(row.oid),
      { schemaName: row.schema_name, name: row.name, hasChild: row.has_child }
    ])
  )
}

/** pg_control_system()'s identifier of the cluster behind this database. */
export async function upstreamIdentity(database: MaintenanceDatabase): Promise<string> {
  const rows = await database.query<{ id: string }>(
    'SELECT system_identifier::text AS id FROM pg_control_system()'
  )
  return rows[0]!.id
}

/** Gives a twin the live child that it has lost. */
export async function restoreChild(
  database: MaintenanceDatabase,
  twinOid: number,
  relationId: number
): Promise<void> {
  await database.installBridge()
  await database.query(`DROP FOREIGN TABLE IF EXISTS ${SCHEMA}.${childName(relationId)}`)
  const proof = database.proof('adopt', twinOid, relationId)
  await database.query(`SELECT ${SCHEMA}.adopt($1, $2, $3)`, [twinOid, relationId, proof])
  await removeGuard(database, twinOid)
}

/** The policy that stood in for the child (session/statements/live-child.ts). */
async function removeGuard(database: MaintenanceDatabase, twinOid: number): Promise<void> {
  const [guarded] = await database.query<{ twin: string }>(
    'SELECT $1::oid::regclass::text AS twin FROM pg_policy WHERE polrelid = $1 AND polname = $2',
    [twinOid, GUARD]
  )
  if (!guarded) return
  await database.query(
    `BEGIN; DROP POLICY ${GUARD} ON ${guarded.twin};
     ALTER TABLE ${guarded.twin} NO FORCE ROW LEVEL SECURITY;
     ALTER TABLE ${guarded.twin} DISABLE ROW LEVEL SECURITY; COMMIT`
  )
}
