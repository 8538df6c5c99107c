// Reads a twin that the session has just made, as its own transaction sees it: what Postgres made
// of the names and types is what counts.

import { invariant } from '../../errors.ts'
import type { QualifiedName } from '../../sql/cursor.ts'
import type { Column } from '../../types/value.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'

export interface Twin {
  readonly oid: number
  readonly schemaName: string
  readonly name: string
  readonly columns: readonly Column[]
  /** attnums of the primary key, in its order. */
  readonly key: readonly number[]
  /** attnum → the type as Postgres prints it. */
  readonly typeNames: ReadonlyMap<number, string>
}

// An unqualified CREATE goes to current_schema(), wherever else the name may be found.
const READ = `
SELECT c.oid, n.nspname, c.relname,
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname,
     a.atttypid::pg_catalog.int8, a.atttypmod, a.attnotnull,
     pg_catalog.format_type(a.atttypid, a.atttypmod),
     a.attcollation <> 0 AND a.attcollation <> '"C"'::pg_catalog.regcollation) ORDER BY a.attnum)
   FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  (SELECT pg_catalog.json_agg(k.attnum ORDER BY k.place)
   FROM pg_catalog.pg_index i,
        pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY k(attnum, place)
   WHERE i.indrelid = c.oid AND i.indisprimary)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relname = $1 AND n.nspname = COALESCE($2, pg_catalog.current_schema())`

type ColumnRow = [number, string, number, number, boolean, string, boolean]

export async function readTwin(c: Conversation, name: QualifiedName): Promise<Twin> {
  const [row] = await askUpstream(c, READ, [name.name, name.schema ?? null])
  invariant(row, 'the twin that was just made is found')
  const columns = JSON.parse(row[3] ?? '[]') as ColumnRow[]
  return {
    oid: Number(row[0]),
    schemaName: row[1]!,
    name: row[2]!,
    columns: columns.map(([attnum, column, oid, typmod, notNull, , isCollated]) => ({
      attnum,
      name: column,
      type: { oid, typmod },
      notNull,
      ...(isCollated && { isCollated })
    })),
    key: JSON.parse(row[4] ?? '[]') as number[],
    typeNames: new Map(columns.map((column) => [column[0], column[5]]))
  }
}
