// How ingestion stands, as rows of text: what schema jetgres shows of a database's relations. Knows
// nothing of who may see them; that is the views' to decide (upstream/status-views.ts).

import { limits } from '../limits.ts'
import type { Store } from '../store/store.ts'
import type { RelationTable } from '../types/status-tables.ts'
import type { Relation } from './relation.ts'

/** Fields as Postgres reads them, in the order of STATUS_TABLES. */
export type StatusRow = readonly (string | null)[]

export async function statusRows(
  table: RelationTable,
  relations: readonly Relation[],
  store: Store
): Promise<StatusRow[]> {
  const rowsOf = READERS[table]
  const rows = await Promise.all(relations.map((relation) => rowsOf(relation, store)))
  return rows.flat()
}

type Reader = (relation: Relation, store: Store) => Promise<StatusRow[]>

const READERS: Readonly<Record<RelationTable, Reader>> = {
  relations: async (relation, store) => [await relationRow(relation, store)],
  dropped: droppedRows,
  gaps: gapRows
}

const twinOf = ({ definition }: Relation): string => String(definition.twinOid)

async function relationRow(relation: Relation, store: Store): Promise<StatusRow> {
  const { kind, connector } = relation.definition
  const status = relation.status()
  return [
    twinOf(relation),
    kind,
    connector.stream,
    arrayText(connector.subjects),
    connector.durable?.name ?? null,
    status?.state ?? 'waiting for COMMIT',
    numberText(status?.position.sequence),
    numberText(status?.lag),
    numberText(status?.lagSeconds),
    numberText(status?.rate),
    numberText(status?.received),
    numberText(status?.applied),
    String(await store.droppedCount(relation.id)),
    numberText(status?.gaps),
    numberText(status?.restarts),
    status?.lastDeliveryAt === undefined ? null : instantText(status.lastDeliveryAt),
    status?.lastError ?? null,
    numberText(status?.target),
    numberText(status?.progress),
    numberText(status?.secondsLeft)
  ]
}

async function droppedRows(relation: Relation, store: Store): Promise<StatusRow[]> {
  const dropped = await store.dropped(relation.id, limits.droppedKeptPerRelation)
  return dropped.map(({ sequence, subject, error, payload }) => [
    twinOf(relation),
    String(sequence),
    subject,
    error,
    `\\x${Buffer.from(payload).toString('hex')}`
  ])
}

async function gapRows(relation: Relation, store: Store): Promise<StatusRow[]> {
  const gaps = await store.gaps(relation.id)
  return gaps.map(({ first, last, noticedMicros }) => [
    twinOf(relation),
    String(first),
    String(last),
    instantText(noticedMicros / 1_000)
  ])
}

const numberText = (value: number | undefined): string | null => value?.toString() ?? null

const instantText = (millis: number): string => new Date(millis).toISOString()

const arrayText = (items: readonly string[]): string =>
  `{${items.map((item) => `"${item.replace(/["\\]/g, '\\$&')}"`).join(',')}}`
