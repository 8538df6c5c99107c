// SHOW SOURCES and SHOW TABLES in RisingWave's shape: one column, Name, of schema.name.
// (reference: RisingWave's handler/show.rs; LIKE matches the name without its schema.)

import type { ShowRelations } from '../../sql/commands.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import type { Reply } from './reply.ts'

// A table fed by a connector is listed by both; a source only as a source.
const LIST = `
SELECT pg_catalog.concat(n.nspname, '.', c.relname)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p')
  AND n.nspname = COALESCE($1, pg_catalog.current_schema())
  AND ($2::pg_catalog.text IS NULL OR c.relname::pg_catalog.text LIKE $2)
  AND ($3::pg_catalog.text IS NULL OR c.relname::pg_catalog.text ILIKE $3)
  AND (c.oid = ANY ($4::pg_catalog.oid[])) = $5::pg_catalog.bool
ORDER BY 1`

export async function showRelations(c: Conversation, statement: ShowRelations): Promise<Reply> {
  const isSources = statement.kind === 'showSources'
  const listed = c.context.catalog
    .here(c.identity.database)
    .filter(({ definition }) => isSources || definition.kind === 'source')
  const rows = await askUpstream(c, LIST, [
    statement.schema ?? null,
    statement.like ?? null,
    statement.ilike ?? null,
    `{${listed.map(({ definition }) => definition.twinOid).join(',')}}`,
    String(isSources)
  ])
  return { columns: ['Name'], rows: rows, tag: isSources ? 'SHOW SOURCES' : 'SHOW TABLES' }
}
