// Whether a watermark's expression has a meaning over its relation: Postgres reads it, RisingWave's
// rule about its type is checked here.

import { invalidTableDefinition } from '../../errors.ts'
import type { CreateRelation } from '../../sql/create-relation.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import { sqlName } from './resolve.ts'
import type { Twin } from './twin.ts'

/** @throws UpstreamError for an expression that Postgres refuses, PgError 42P16 for its type */
export async function checkWatermark(
  c: Conversation,
  { watermark, name }: CreateRelation,
  twin: Twin
): Promise<void> {
  if (!watermark) return
  const { column, expression, position } = watermark
  const attnum = twin.columns.find((other) => other.name === column.name)?.attnum ?? 0
  const before = 'SELECT pg_catalog.format_type(pg_catalog.pg_typeof(w.w), NULL) FROM (SELECT ('
  // The twin is empty: what is asked is the type of no value.
  const sql =
    `${before}${expression.text}) AS w FROM ONLY ${sqlName(name)}) w ` +
    'RIGHT JOIN (SELECT 1) one ON true'
  const [row] = await askUpstream(c, sql, [], (at) => at - before.length - 1 + position)
  const type = row?.[0] ?? ''
  const wanted = (twin.typeNames.get(attnum) ?? '').replace(/\(\d+\)/, '')
  if (type === wanted) return
  throw invalidTableDefinition(
    `type mismatch between watermark expression and column, expected "${wanted}", found "${type}"`,
    { position }
  )
}
