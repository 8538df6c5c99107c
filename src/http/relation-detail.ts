// What the status page shows of one relation when asked: its definition with secrets hidden, its last
// rows, what became no row, what was gone before it was read.

import type { Definition } from '../catalog/definition.ts'
import type { Relation } from '../catalog/relation.ts'
import { describeOptions } from '../sql/redact.ts'
import type { Store } from '../store/store.ts'
import { OID } from '../types/oids.ts'
import { SEQUENCE_COLUMN, storeColumn, storeTable } from '../types/store-names.ts'
import { elementType } from '../types/store-type.ts'
import type { Column } from '../types/value.ts'

const ROWS_SHOWN = 20
const DROPPED_SHOWN = 50
const GAPS_SHOWN = 50
const TEXT_CHARS_SHOWN = 500

export async function relationDetail(relation: Relation, store: Store): Promise<object> {
  const { definition, id } = relation
  const dropped = await store.dropped(id, DROPPED_SHOWN)
  const gaps = await store.gaps(id)
  return {
    id,
    name: relation.label,
    definition: definitionText(definition),
    columns: definition.schema.columns.map(({ name }) => name),
    rows: await lastRows(relation, store),
    dropped: dropped.map(({ sequence, subject, error, payload }) => ({
      sequence,
      subject,
      error,
      payload: shortened(Buffer.from(payload).toString('utf8'))
    })),
    gaps: gaps.slice(0, GAPS_SHOWN).map(({ first, last, noticedMicros }) => ({
      first,
      last,
      noticedAt: noticedMicros / 1_000
    }))
  }
}

/** The statement in Postgres's type names, as far as a number tells them; SHOW CREATE has it exact. */
function definitionText({ kind, schemaName, name, schema, options, clauses }: Definition): string {
  const columns = schema.columns.map((column) => `  "${column.name}" ${typeText(column)}`)
  const names = new Map(schema.columns.map((column) => [column.attnum, column.name]))
  const key = schema.key.map((attnum) => `"${names.get(attnum) ?? '?'}"`).join(', ')
  if (key !== '') columns.push(`  PRIMARY KEY (${key})`)
  const rest = [clauses.before, describeOptions(options), clauses.after].filter(
    (part) => part !== ''
  )
  return `CREATE ${kind.toUpperCase()} "${schemaName}"."${name}" (\n${columns.join(',\n')}\n)\n${rest.join('\n')}`
}

const NAMES = new Map<number, string>(Object.entries(OID).map(([name, oid]) => [oid, name]))

function typeText({ type }: Column): string {
  const element = elementType(type)
  if (element) return `${NAMES.get(element.oid) ?? 'type'}[]`
  return NAMES.get(type.oid) ?? `type ${type.oid}`
}

async function lastRows({ id, schema }: Relation, store: Store): Promise<(string | null)[][]> {
  if (schema.columns.length === 0) return []
  const columns = schema.columns.map(({ attnum }) => `CAST(${storeColumn(attnum)} AS VARCHAR)`)
  const snapshot = await store.snapshot({ pinned: false })
  try {
    const cursor = await snapshot.query(
      `SELECT ${columns.join(', ')} FROM ${storeTable(id)}
       ORDER BY ${SEQUENCE_COLUMN} DESC LIMIT ${ROWS_SHOWN}`
    )
    const rows: (string | null)[][] = []
    for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) {
      for (let row = 0; row < chunk.rowCount; row++) {
        rows.push(chunk.columns.map((column) => fieldText(column[row])))
      }
    }
    return rows
  } finally {
    await snapshot.release()
  }
}

const fieldText = (value: unknown): string | null =>
  typeof value === 'string' ? shortened(value) : null

const shortened = (text: string): string =>
  text.length > TEXT_CHARS_SHOWN ? `${text.slice(0, TEXT_CHARS_SHOWN)}…` : text

/** How many rows each relation has. A relation that was dropped meanwhile has none. */
export async function countRows(
  relations: readonly Relation[],
  store: Store
): Promise<Map<number, number>> {
  const counts = new Map<number, number>()
  const snapshot = await store.snapshot({ pinned: false })
  try {
    for (const { id } of relations) {
      const cursor = await snapshot
        .query(`SELECT count(*) FROM ${storeTable(id)}`)
        .catch(() => undefined)
      const chunk = await cursor?.next().catch(() => undefined)
      const count = chunk?.columns[0]?.[0]
      if (count !== undefined && count !== null) counts.set(id, Number(count))
    }
  } finally {
    await snapshot.release()
  }
  return counts
}
