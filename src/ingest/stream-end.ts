// Where a relation's stream ends at this moment: what `jetgres.consistency = stream` waits for.

import { connectorFailure } from '../errors.ts'
import type { NatsConnector } from '../types/connector.ts'
import type { NatsConnections } from './connection.ts'
import { lastSequence } from './jetstream.ts'
import { natsFailure } from './nats-errors.ts'

/**
 * The highest sequence that any of the connector's subjects has now; 0 for none.
 * @throws PgError HV00N when the server can't be asked
 */
export async function streamEnd(
  connector: NatsConnector,
  connections: NatsConnections
): Promise<number> {
  const lease = connections.lease(connector, () => undefined)
  try {
    const connection = lease.current
    if (!connection) throw lease.lastError ?? connectorFailure('the NATS server is not connected')
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
