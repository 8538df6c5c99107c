// The schema jetgres of each upstream database: views of how jetgres stands, over foreign tables that
// lead back to it. SQL text only; maintenance.ts runs it. Of relations everybody sees those of roles
// that he belongs to, of sessions what pg_stat_activity shows of them; members of pg_monitor see all.

import { STATUS_TABLES } from '../types/status-tables.ts'
import type { RelationTable, StatusTable } from '../types/status-tables.ts'
import { SCHEMA, SERVER } from './bridge.ts'

export const STATUS_SCHEMA = 'jetgres'

/** One that an older jetgres has made gets the columns it lacks. */
function foreignTable(table: StatusTable): string {
  const defined = STATUS_TABLES[table].map(
    ({ name, type }, i) => `${name} ${type} OPTIONS (column_name 'c${i + 1}')`
  )
  const added = defined.map((column) => `ADD COLUMN IF NOT EXISTS ${column}`)
  return `
CREATE FOREIGN TABLE IF NOT EXISTS ${SCHEMA}.${table} (${defined.join(', ')})
  SERVER ${SERVER} OPTIONS (schema_name '${SCHEMA}', table_name '${table}');
ALTER FOREIGN TABLE ${SCHEMA}.${table} ${added.join(', ')};
REVOKE ALL ON ${SCHEMA}.${table} FROM PUBLIC;`
}

const view = (table: StatusTable, select: string, readers: string): string => `
${foreignTable(table)}
CREATE OR REPLACE VIEW ${STATUS_SCHEMA}.${table} WITH (security_barrier) AS ${select};
GRANT SELECT ON ${STATUS_SCHEMA}.${table} TO ${readers};`

const columnsOf = (table: StatusTable, from = 0): string =>
  STATUS_TABLES[table]
    .slice(from)
    .map(({ name }) => `s.${name}`)
    .join(', ')

const ofRelations = (table: RelationTable): string =>
  view(
    table,
    `
SELECT n.nspname AS schema, c.relname AS name, ${columnsOf(table, 1)}
FROM ${SCHEMA}.${table} s
JOIN pg_catalog.pg_class c ON c.oid = s.twin
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE pg_catalog.pg_has_role(c.relowner, 'USAGE')
   OR pg_catalog.pg_has_role('pg_monitor', 'USAGE')`,
    'PUBLIC'
  )

/** What others do is shown to whom pg_stat_activity shows it. */
const SESSIONS = `
SELECT s.pid, s.usename, s.datname, s.application_name,
  CASE WHEN m.may THEN s.started_at END AS started_at,
  CASE WHEN m.may THEN s.state END AS state,
  CASE WHEN m.may THEN s.last_route END AS last_route,
  CASE WHEN m.may THEN s.messages END AS messages,
  CASE WHEN m.may THEN s.query ELSE '<insufficient privilege>' END AS query
FROM ${SCHEMA}.sessions s
LEFT JOIN pg_catalog.pg_roles r ON r.rolname = s.usename
CROSS JOIN LATERAL (SELECT COALESCE(pg_catalog.pg_has_role(r.oid, 'USAGE'), false)
  OR pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE') AS may) m`

const ofProcess = (table: 'routes' | 'settings'): string =>
  view(table, `SELECT ${columnsOf(table)} FROM ${SCHEMA}.${table} s`, 'pg_monitor')

export const INSTALL_STATUS = `
CREATE SCHEMA IF NOT EXISTS ${STATUS_SCHEMA};
GRANT USAGE ON SCHEMA ${STATUS_SCHEMA} TO PUBLIC;
${ofRelations('relations')}
${ofRelations('dropped')}
${ofRelations('gaps')}
${view('sessions', SESSIONS, 'PUBLIC')}
${ofProcess('routes')}
${ofProcess('settings')}`
