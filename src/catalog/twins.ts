// What the upstream says of twins: which still stand, under which names, with or without their live
// child. SQL for the maintenance role only.

import { limits } from '../limits.ts'
import type { MaintenanceDatabase } from '../upstream/maintenance.ts'
import type { Column } from '../types/value.ts'
import { childName, GUARD, SCHEMA } from '../upstream/bridge.ts'
import { writesOf } from './definition.ts'
import type { Definition } from './definition.ts'
import { readTwinColumns, TWIN_COLUMNS } from './twin-columns.ts'

export interface TwinFacts {
  readonly schemaName: string
  readonly name: string
  /** Whether it can be read through its child: a column added upstream is not known to that. */
  readonly hasChild: boolean
  readonly columns: readonly Column[]
}

interface TwinRow {
  oid: string
  schema_name: string
  name: string
  has_child: boolean
  columns: string
}

const FIND = `
SELECT c.oid::text AS oid, n.nspname AS schema_name, c.relname AS name,
       EXISTS (SELECT FROM pg_inherits i JOIN pg_foreign_table f ON f.ftrelid = i.inhrelid
               WHERE i.inhparent = c.oid AND NOT EXISTS (
                 SELECT FROM pg_attribute a WHERE a.attrelid = i.inhrelid AND a.attnum > 0
                   AND NOT a.attisdropped AND a.attfdwoptions IS NULL)) AS has_child,
       ${TWIN_COLUMNS}::text AS columns
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
      {
        schemaName: row.schema_name,
        name: row.name,
        hasChild: row.has_child,
        columns: readTwinColumns(row.columns).columns
      }
    ])
  )
}

const VIEWS = `WITH RECURSIVE reached(oid) AS (
    SELECT unnest($1::oid[])
    UNION
    SELECT w.ev_class FROM reached JOIN pg_depend d ON d.refobjid = reached.oid
        AND d.refclassid = 'pg_class'::regclass AND d.classid = 'pg_rewrite'::regclass
      JOIN pg_rewrite w ON w.oid = d.objid)
  SELECT c.oid::text, c.relname AS name FROM reached JOIN pg_class c ON c.oid = reached.oid
  WHERE c.relkind = 'v' LIMIT ${limits.viewsKnownMax}`

/** The views that read them, or views over them, by OID. */
export async function findViews(
  database: MaintenanceDatabase,
  twins: readonly number[]
): Promise<Map<number, string>> {
  const rows = await database.query<{ oid: string; name: string }>(VIEWS, [twins])
  return new Map(rows.map(({ oid, name }) => [Number(oid), name]))
}

/** Relations whose rows are their twins' own by now (ALTER TABLE … DROP CONNECTOR). */
export async function findDetached(database: MaintenanceDatabase): Promise<number[]> {
  const [there] = await database.query<{ name: string | null }>(
    `SELECT to_regclass('${SCHEMA}.detached')::text AS name`
  )
  if (!there?.name) return []
  const rows = await database.query<{ relation: string }>(
    `SELECT relation::text FROM ${SCHEMA}.detached`
  )
  return rows.map(({ relation }) => Number(relation))
}

/** They are relations no more, and nothing of them is left here. */
export async function forgetDetached(
  database: MaintenanceDatabase,
  ids: readonly number[]
): Promise<void> {
  await database.query(`DELETE FROM ${SCHEMA}.detached WHERE relation = ANY ($1::bigint[])`, [ids])
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
  { twinOid, schema, kind }: Definition
): Promise<void> {
  const writes = writesOf(kind, schema)
  await database.installBridge()
  await database.query(`DROP FOREIGN TABLE IF EXISTS ${SCHEMA}.${childName(schema.id)}`)
  const proof = database.proof(`adopt ${writes}`, twinOid, schema.id)
  await database.query(`SELECT ${SCHEMA}.adopt($1, $2, $3, $4)`, [
    twinOid,
    schema.id,
    proof,
    writes
  ])
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
