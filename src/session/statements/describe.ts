// DESCRIBE and SHOW COLUMNS in RisingWave's shape: Name, Type, Is Hidden, Description.

import type { Describe } from '../../sql/commands.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import type { Reply } from './reply.ts'
import { resolveExisting } from './resolve.ts'

const COLUMNS = `
SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), 'false',
       pg_catalog.col_description(a.attrelid, a.attnum)
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = $1::pg_catalog.oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum`

const REST = `
SELECT (SELECT pg_catalog.string_agg(a.attname, ', ' ORDER BY k.place)
        FROM pg_catalog.pg_index i,
             pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(attnum, place),
             pg_catalog.pg_attribute a
        WHERE i.indrelid = c.oid AND i.indisprimary
          AND a.attrelid = c.oid AND a.attnum = k.attnum),
       c.relname, pg_catalog.obj_description(c.oid, 'pg_class')
FROM pg_catalog.pg_class c WHERE c.oid = $1::pg_catalog.oid`

export async function describeTable(c: Conversation, statement: Describe): Promise<Reply> {
  const { oid } = await resolveExisting(c, statement.name)
  const columns = await askUpstream(c, COLUMNS, [String(oid)])
  const [rest] = await askUpstream(c, REST, [String(oid)])
  const [key, name, comment] = rest ?? []
  const rows = [
    ...columns,
    ...(key ? [['primary key', key, null, null]] : []),
    ...(key ? [['distribution key', key, null, null]] : []),
    ['table description', name ?? null, null, comment ?? null]
  ]
  return { columns: ['Name', 'Type', 'Is Hidden', 'Description'], rows: rows, tag: 'DESCRIBE' }
}
