// A relation's durable consumer when the relation is made and when it goes. Made with the relation,
// not with its first read: a stream of "interest" retention keeps nothing published before.

import { connect } from 'nats'
import type { NatsConnection } from 'nats'

import { limits } from '../limits.ts'
import type { NatsConnector, StreamPosition } from '../types/connector.ts'
import { connectOptions } from './connect-options.ts'
import { deleteConsumer, streamInfo } from './jetstream.ts'
import { natsFailure } from './nats-errors.ts'
import { guardName, openConsumer } from './open-consumer.ts'

/** @throws PgError HV00N, for example where a work queue has another consumer of these subjects */
export function makeDurable(connector: NatsConnector, position: StreamPosition): Promise<void> {
  return withConnection(connector, async (connection) => {
    const info = await streamInfo(connection, connector.stream)
    const consumer = await openConsumer(connection, info, connector, position.sequence)
    await consumer.leave()
  })
}

/** Best effort on the server's side. @throws PgError when the server can't be reached */
export async function removeDurable(connector: NatsConnector): Promise<void> {
  const { durable, stream } = connector
  if (!durable) return
  await withConnection(connector, async (connection) => {
    await deleteConsumer(connection, stream, guardName(durable.name))
    await deleteConsumer(connection, stream, durable.name)
  })
}

async function withConnection(
  connector: NatsConnector,
  work: (connection: NatsConnection) => Promise<void>
): Promise<void> {
  let connection: NatsConnection | undefined
  try {
    connection = await connect({
      ...connectOptions(connector),
      reconnect: false,
      timeout: limits.connectTimeoutMs
    })
    await work(connection)
  } catch (error) {
    throw natsFailure(error, connector)
  } finally {
    await connection?.close()
  }
}
