// How a twin's columns are asked of Postgres, by whichever connection, and read.

import type { Column } from '../types/value.ts'

/** Scalar subquery over pg_class `c`: its columns as JSON, for readTwinColumns. */
export const TWIN_COLUMNS = `
(SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname,
   a.atttypid::pg_catalog.int8, a.atttypmod, a.attnotnull,
   pg_catalog.format_type(a.atttypid, a.atttypmod),
   a.attcollation <> 0 AND a.attcollation <> '"C"'::pg_catalog.regcollation) ORDER BY a.attnum)
 FROM pg_catalog.pg_attribute a
 WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)`

type ColumnRow = [number, string, number, number, boolean, string, boolean]

/** A twin's columns, and attnum → the type as Postgres prints it. */
export interface TwinColumns {
  readonly columns: readonly Column[]
  readonly typeNames: ReadonlyMap<number, string>
}

/** Reads what TWIN_COLUMNS gave, as text. */
export function readTwinColumns(json: string | null): TwinColumns {
  const rows = JSON.parse(json ?? '[]') as ColumnRow[] | null
  return {
    columns: (rows ?? []).map(([attnum, name, oid, typmod, notNull, , isCollated]) => ({
      attnum,
      name,
      type: { oid, typmod },
      notNull,
      ...(isCollated && { isCollated })
    })),
    typeNames: new Map((rows ?? []).map((row) => [row[0], row[5]]))
  }
}
