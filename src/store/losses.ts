// What the store remembers of deliveries that became no row: those dropped, and those that were gone
// before they were read.

import type { DroppedDelivery, Gap } from '../types/connector.ts'
import { DROPPED_TABLE, GAPS_TABLE } from './format.ts'
import type { Snapshot } from './snapshot.ts'

export interface NoticedGap extends Gap {
  /** Unix time in microseconds. */
  readonly noticedMicros: number
}

/** The newest first. */
export async function readDropped(
  snapshot: Snapshot,
  id: number,
  limit: number
): Promise<DroppedDelivery[]> {
  const cursor = await snapshot.query(
    `SELECT sequence, subject, error, payload FROM ${DROPPED_TABLE}
      WHERE relation = ${Math.trunc(id)} ORDER BY nth DESC LIMIT ${Math.trunc(limit)}`
  )
  const dropped: DroppedDelivery[] = []
  for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) {
    for (let row = 0; row < chunk.rowCount; row++) {
      const [sequence, subject, error, payload] = chunk.columns.map((column) => column[row])
      dropped.push({
        sequence: Number(sequence),
        subject: subject as string,
        error: error as string,
        payload: payload as Uint8Array
      })
    }
  }
  return dropped
}

/** The newest first. */
export async function readGaps(snapshot: Snapshot, id: number): Promise<NoticedGap[]> {
  const cursor = await snapshot.query(
    `SELECT first, last, noticed FROM ${GAPS_TABLE}
      WHERE relation = ${Math.trunc(id)} ORDER BY rowid DESC`
  )
  const gaps: NoticedGap[] = []
  for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) {
    for (let row = 0; row < chunk.rowCount; row++) {
      const [first, last, noticedMicros] = chunk.columns.map((column) => Number(column[row]))
      gaps.push({ first: first!, last: last!, noticedMicros: noticedMicros! })
    }
  }
  return gaps
}
