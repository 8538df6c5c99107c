// Dropped deliveries read again once what was wrong with them is mended: those that become rows now are
// put where they belong, the others stay where they can be seen.

import { featureNotSupported } from '../errors.ts'
import type { NatsConnections } from '../ingest/connection.ts'
import { readAgain } from '../ingest/read-again.ts'
import type { ReadAgain } from '../ingest/read-again.ts'
import { limits } from '../limits.ts'
import type { Store } from '../store/store.ts'
import type { Batch, Decoded } from '../types/connector.ts'
import { decoderOf } from './decoder-of.ts'
import type { Definition } from './definition.ts'

export interface Replayed {
  /** They are rows now, or as if they had been and a later delivery had come for their key. */
  readonly replayed: number
  /** They still cannot become rows. */
  readonly refused: number
  /** The stream no longer holds them. */
  readonly gone: number
}

type Read = ReadAgain & { readonly decoded: Decoded & { readonly ok: true } }

/** @throws PgError 0A000, HV00N, and whatever is wrong with the payloads' schema */
export async function replayDropped(
  definition: Definition,
  store: Store,
  connections: NatsConnections
): Promise<Replayed> {
  const { schema, connector, encoding } = definition
  if (schema.onConflict?.keep === 'notNull') {
    throw featureNotSupported('dropped deliveries cannot be replayed where rows are merged', {
      hint: 'Use CREATE OR REPLACE: its rows are read anew from the stream.'
    })
  }
  const decode = await decoderOf(definition)
  const dropped = await store.dropped(schema.id, limits.droppedKeptPerRelation)
  const oldestFirst = dropped.toSorted((a, b) => a.sequence - b.sequence)
  const found = await readAgain(connector, connections, oldestFirst)
  const read = found.flatMap(({ delivery, isLast }): Read[] => {
    const decoded = decode(delivery)
    return decoded.ok ? [{ delivery, isLast, decoded }] : []
  })
  const batch = batchOf(definition, read, await store.position(schema.id))
  // A key that is not there has not come since, or was deleted since: its subject tells.
  const isDoubtful = ({ isLast }: Read): boolean => encoding.format === 'upsert' && !isLast
  const doubtful = new Set(read.flatMap((each, i) => (isDoubtful(each) ? [i] : [])))
  if (read.length > 0) await store.replay(batch, doubtful)
  return {
    replayed: read.length,
    refused: found.length - read.length,
    gone: dropped.length - found.length
  }
}

function batchOf(
  { schema }: Definition,
  read: readonly Read[],
  position: Batch['position']
): Batch {
  return {
    relationId: schema.id,
    count: read.length,
    columns: schema.columns.map((_, i) => read.map(({ decoded }) => decoded.row[i] ?? null)),
    sequences: read.map(({ delivery }) => delivery.sequence),
    deleted: new Set(read.flatMap(({ decoded }, i) => (decoded.deleted ? [i] : []))),
    position,
    dropped: []
  }
}
