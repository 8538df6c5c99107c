// Whether a stream is the one whose sequences a position counts: by its name alone it may have been
// deleted and made again, restored, or have lost its end and grown again. Must never take another
// stream for the same.

import type { NatsConnection } from 'nats'

import type { Delivered } from '../types/connector.ts'
import { storedDelivery } from './jetstream.ts'
import type { StreamInfo } from './jetstream.ts'

/** A delivery that was read: no other one has its sequence and its time. */
export type Landmark = Pick<Delivered, 'sequence' | 'timestampMicros'>

/** Without the payload, which it would keep in memory. */
export const landmarkOf = (delivery: Delivered | undefined): Landmark | undefined =>
  delivery && { sequence: delivery.sequence, timestampMicros: delivery.timestampMicros }

/** Undefined where nothing can be said: it was trimmed, or we may not ask for it. */
export async function holdsLandmark(
  connection: NatsConnection,
  stream: string,
  landmark: Landmark | undefined
): Promise<boolean | undefined> {
  if (!landmark) return undefined
  const { sequence, timestampMicros } = landmark
  const stored = await storedDelivery(connection, stream, sequence).catch(() => undefined)
  return stored && stored.timestampMicros === timestampMicros
}

const LIFE_MARK = '#'

/** Between the clocks of the servers of a cluster. */
const SKEW_MS = 10_000

/** A stream that was restored keeps its `created`, yet its sequences mean something else now. */
export const anotherLife = (info: StreamInfo): string => `${info.created}${LIFE_MARK}${Date.now()}`

/** @param created of the position: the stream's own, or what `anotherLife` made of it */
export const isSameLife = (info: StreamInfo, created: string): boolean =>
  info.created === created.split(LIFE_MARK)[0] || outlivesCreation(info)

/**
 * Whether the stream is older than its `created` says, which then tells nothing: nats-server 2.9
 * takes the time of an edit for it once it has restarted (seen of 2.9.10). Mirrored and sourced
 * deliveries keep the times they have elsewhere.
 */
function outlivesCreation({ created, config, state }: StreamInfo): boolean {
  if (config.mirror !== undefined || (config.sources ?? []).length > 0) return false
  const first = Date.parse(state.first_ts ?? '')
  // An empty stream's is of the year 1.
  return first > 0 && first < Date.parse(created) - SKEW_MS
}
