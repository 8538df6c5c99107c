// Where a relation's stream ends at this moment: what `jetgres.consistency = stream` waits for.

import { setTimeout as sleep } from 'node:timers/promises'

import type { NatsConnection } from 'nats'

import { connectorFailure } from '../errors.ts'
import { limits } from '../limits.ts'
import type { NatsConnector } from '../types/connector.ts'
import type { NatsConnections, NatsLease } from './connection.ts'
import { lastSequence } from './jetstream.ts'
import { natsFailure } from './nats-errors.ts'

/**
 * The highest sequence that any of the connector's subjects has now; 0 for none. Waits for a connection
 * that is still being made, as a new relation's is.
 * @throws PgError HV00N when the server can't be asked
 */
export async function streamEnd(
  connector: NatsConnector,
  connections: NatsConnections
): Promise<number> {
  let changed: () => void = () => undefined
  const change = new Promise<void>((resolve) => (changed = resolve))
  const lease = connections.lease(connector, changed)
  try {
    const connection = await connected(lease, change)
    const ends = connector.subjects.map((filter) =>
      lastSequence(connection, connector.stream, filter)
    )
    return Math.max(0, ...(await Promise.all(ends)))
  } catch (error) {
    throw natsFailure(error, connector)
  } finally {
    await lease.release()
  }
}

async function connected(lease: NatsLease, change: Promise<void>): Promise<NatsConnection> {
  if (!lease.current && !lease.lastError) {
    const isOver = new AbortController()
    const { signal } = isOver
    const patience = sleep(limits.connectTimeoutMs, undefined, { signal, ref: false }).catch(
      () => undefined
    )
    await Promise.race([change, patience])
    isOver.abort()
  }
  if (lease.current) return lease.current
  throw lease.lastError ?? connectorFailure('the NATS server is not connected')
}
