// Reads a twin that the session has just made, as its own transaction sees it: what Postgres made
// of the names and types is what counts.

import { readTwinColumns, TWIN_COLUMNS } from '../../catalog/twin-columns.ts'
import type { TwinColumns } from '../../catalog/twin-columns.ts'
import { invariant } from '../../errors.ts'
import type { QualifiedName } from '../../sql/cursor.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'

export interface Twin extends TwinColumns {
  readonly oid: number
  readonly schemaName: string
  readonly name: string
  /** attnums of the primary key, in its order. */
  readonly key: readonly number[]
}

// An unqualified CREATE goes to current_schema(), wherever else the name may be found.
const READ = `
SELECT c.oid, n.nspname, c.relname,
  ${TWIN_COLUMNS},
  (SELECT pg_catalog.json_agg(k.attnum ORDER BY k.place)
   FROM pg_catalog.pg_index i,
        pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(attnum, place)
   WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = $1 AND n.nspname = COALESCE($2, pg_catalog.current_schema())`

export async function readTwin(c: Conversation, name: QualifiedName): Promise<Twin> {
  const [row] = await askUpstream(c, READ, [name.name, name.schema ?? null])
  invariant(row, 'the twin that was just made is found')
  return {
    oid: Number(row[0]),
    schemaName: row[1]!,
    name: row[2]!,
    ...readTwinColumns(row[3] ?? null),
    key: JSON.parse(row[4] ?? '[]') as number[]
  }
}

/** The columns of a twin that stands, as the session's transaction sees them. */
export async function readColumns(c: Conversation, twinOid: number): Promise<TwinColumns> {
  const [row] = await askUpstream(
    c,
    `SELECT ${TWIN_COLUMNS} FROM pg_catalog.pg_class c WHERE c.oid = $1::pg_catalog.oid`,
    [String(twinOid)]
  )
  return readTwinColumns(row?.[0] ?? null)
}
