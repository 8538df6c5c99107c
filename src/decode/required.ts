// Which columns a row cannot do without, in the words that say so when it must.

import type { Column, RelationSchema } from '../types/value.ts'

/** How messages name a key or not-null column; undefined for one that may be NULL. */
export function requirementOf(column: Column, schema: RelationSchema): string | undefined {
  if (schema.key.includes(column.attnum)) return `key column "${column.name}"`
  return column.notNull ? `not-null column "${column.name}"` : undefined
}
