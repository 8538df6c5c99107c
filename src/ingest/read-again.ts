// Deliveries of a stream by their sequences, for who once could not use them. Owns the proof that they
// are still the same ones: a stream that was made again gives the same sequences to others.

import { connectorFailure } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Delivered, DroppedDelivery, NatsConnector } from '../types/connector.ts'
import type { NatsConnections } from './connection.ts'
import { lastSequence, storedDelivery } from './jetstream.ts'
import { natsFailure } from './nats-errors.ts'

export interface ReadAgain {
  readonly delivery: Delivered
  /** Nothing has come on its subject since. */
  readonly isLast: boolean
}

/**
 * Those that the stream still holds, in the order given.
 * @throws PgError HV00N when the server can't be asked, 42501 when it does not permit it
 */
export async function readAgain(
  connector: NatsConnector,
  connections: NatsConnections,
  dropped: readonly DroppedDelivery[]
): Promise<ReadAgain[]> {
  const lease = connections.lease(connector, () => undefined)
  try {
    const connection = lease.current
    if (!connection) throw lease.lastError ?? connectorFailure('the NATS server is not connected')
    const { stream } = connector
    const found: ReadAgain[] = []
    for (let from = 0; from < dropped.length; from += limits.jumpLooksMax) {
      const looks = dropped.slice(from, from + limits.jumpLooksMax).map(async (kept) => {
        const delivery = await storedDelivery(connection, stream, kept.sequence)
        if (!delivery || !isSame(delivery, kept)) return []
        const last = await lastSequence(connection, stream, delivery.subject)
        return [{ delivery, isLast: last === kept.sequence }]
      })
      found.push(...(await Promise.all(looks)).flat())
    }
    return found
  } catch (error) {
    throw natsFailure(error, connector)
  } finally {
    await lease.release()
  }
}

function isSame({ subject, payload }: Delivered, kept: DroppedDelivery): boolean {
  const head = payload.subarray(0, limits.droppedPayloadBytesKept)
  return subject === kept.subject && Buffer.from(kept.payload).equals(head)
}
