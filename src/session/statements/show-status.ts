// SHOW jetgres.relations and SHOW jetgres.dropped: how ingestion stands, and what it could not take.
// Only of relations whose rows the role may read: a dropped delivery is data too.

import type { Relation } from '../../catalog/relation.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import type { Reply } from './reply.ts'

type Row = readonly (string | null)[]

export interface StatusTable {
  readonly columns: readonly string[]
  rows(c: Conversation): Promise<Row[]>
}

/** Dropped deliveries shown for each relation, newest first. */
const DROPPED_SHOWN = 100

export const STATUS_TABLES: ReadonlyMap<string, StatusTable> = new Map([
  [
    'jetgres.relations',
    {
      columns: [
        'Name',
        'Kind',
        'State',
        'Position',
        'Lag',
        'Received',
        'Applied',
        'Dropped',
        'Gaps',
        'Restarts',
        'Last Error'
      ],
      rows: async (c) => (await readable(c)).map(statusRow)
    }
  ],
  [
    'jetgres.dropped',
    {
      columns: ['Name', 'Sequence', 'Subject', 'Error', 'Payload'],
      rows: async (c) => {
        const rows = await Promise.all((await readable(c)).map((one) => droppedRows(c, one)))
        return rows.flat()
      }
    }
  ]
])

export const showStatus = async (c: Conversation, table: StatusTable): Promise<Reply> => ({
  columns: table.columns,
  rows: await table.rows(c),
  tag: 'SHOW'
})

const MAY_READ = `
SELECT c.oid FROM pg_catalog.pg_class c
WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
  AND NOT c.relrowsecurity
ORDER BY c.oid`

async function readable(c: Conversation): Promise<Relation[]> {
  const { catalog } = c.context
  const { database } = c.identity
  const here = catalog.here(database)
  const oids = `{${here.map(({ definition }) => definition.twinOid).join(',')}}`
  const rows = await askUpstream(c, MAY_READ, [oids])
  return catalog.byTwins(
    database,
    rows.map(([oid]) => Number(oid))
  )
}

function statusRow(relation: Relation): Row {
  const status = relation.status()
  const number = (value: number | undefined): string | null => value?.toString() ?? null
  return [
    relation.label,
    relation.definition.kind,
    status?.state ?? 'waiting for COMMIT',
    number(status?.position.sequence),
    number(status?.lag),
    number(status?.received),
    number(status?.applied),
    number(status?.dropped),
    number(status?.gaps),
    number(status?.restarts),
    status?.lastError ?? null
  ]
}

async function droppedRows(c: Conversation, relation: Relation): Promise<Row[]> {
  const dropped = await c.context.store.dropped(relation.id, DROPPED_SHOWN)
  return dropped.map(({ sequence, subject, error, payload }) => [
    relation.label,
    String(sequence),
    subject,
    error,
    // Whatever bytes came must be showable as text.
    Buffer.from(payload).toString('utf8').replaceAll('\0', '\ufffd')
  ])
}
