// The schema jetgres of each upstream database: views of how ingestion stands there, over foreign
// tables that lead back to jetgres. SQL text only; maintenance.ts runs it. Everybody may read them
// and sees the relations of roles that he belongs to; members of pg_monitor see all.

import { STATUS_TABLES } from '../types/status-tables.ts'
import type { StatusTable } from '../types/status-tables.ts'
import { SCHEMA, SERVER } from './bridge.ts'

export const STATUS_SCHEMA = 'jetgres'

function install(table: StatusTable): string {
  const columns = STATUS_TABLES[table]
  const defined = columns.map(
    ({ name, type }, i) => `${name} ${type} OPTIONS (column_name 'c${i + 1}')`
  )
  const shown = columns.slice(1).map(({ name }) => `s.${name}`)
  return `
CREATE FOREIGN TABLE IF NOT EXISTS ${SCHEMA}.${table} (${defined.join(', ')})
  SERVER ${SERVER} OPTIONS (schema_name '${SCHEMA}', table_name '${table}');
REVOKE ALL ON ${SCHEMA}.${table} FROM PUBLIC;
CREATE OR REPLACE VIEW ${STATUS_SCHEMA}.${table} WITH (security_barrier) AS
SELECT n.nspname AS schema, c.relname AS name, ${shown.join(', ')}
FROM ${SCHEMA}.${table} s
JOIN pg_catalog.pg_class c ON c.oid = s.twin
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE pg_catalog.pg_has_role(c.relowner, 'USAGE')
   OR pg_catalog.pg_has_role('pg_monitor', 'USAGE');
GRANT SELECT ON ${STATUS_SCHEMA}.${table} TO PUBLIC;`
}

export const INSTALL_STATUS = `
CREATE SCHEMA IF NOT EXISTS ${STATUS_SCHEMA};
GRANT USAGE ON SCHEMA ${STATUS_SCHEMA} TO PUBLIC;
${install('relations')}
${install('dropped')}
${install('gaps')}`
