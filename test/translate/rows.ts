// Two relations full of edge values, for the tests that ask Postgres and DuckDB the same thing.
// Values are written as Postgres reads them.

import type { RelationSchema } from '../../src/types/value.ts'
import { type ColumnData, MAIN, SIDE } from './edge-values.ts'

export interface TableData {
  readonly name: string
  readonly id: number
  readonly columns: readonly ColumnData[]
  readonly rows: number
}

function dealing(
  deal: (values: ColumnData['values']) => ColumnData['values']
): readonly ColumnData[] {
  return MAIN.map((column) => ({ ...column, values: deal(column.values) }))
}

export const TABLES: readonly TableData[] = [
  { name: 'm', id: 7, columns: MAIN, rows: 61 },
  { name: 'side', id: 8, columns: SIDE, rows: 9 },
  // One value and NULL, and nothing but NULL: what a store's statistics mislead it most about.
  {
    name: 'flat',
    id: 9,
    columns: dealing((values) => [values.find((one) => one !== null) ?? '1', null]),
    rows: 5
  },
  { name: 'hollow', id: 10, columns: dealing(() => [null]), rows: 3 }
]

/** The values of one row; the last row is all NULL but its key. */
export function rowOf(table: TableData, row: number): (string | null)[] {
  return table.columns.map(({ values }, i) => {
    if (i === 0) return String(row + 1)
    if (row === table.rows - 1) return null
    // A stride that meets every value before one comes again.
    const stride = [7, 11, 13].find((prime) => values.length % prime !== 0) ?? 1
    return values[(row * stride + i) % values.length] ?? null
  })
}

export function schemaOf(table: TableData): RelationSchema {
  return {
    id: table.id,
    key: [1],
    columns: table.columns.map((column, i) => ({
      attnum: i + 1,
      name: column.name,
      type: { oid: column.oid, typmod: column.typmod },
      notNull: i === 0
    }))
  }
}

/** The schema that a FROM clause means, as a session would say it. */
export function relationNamed(
  schema: string | undefined,
  name: string
): RelationSchema | undefined {
  if (schema !== undefined && schema !== 'public' && schema !== 'jetgres_live') return undefined
  const table = TABLES.find((one) => one.name === name || `r${one.id}` === name)
  return table && schemaOf(table)
}
