// A consumer that nobody reads: a purge that moves consumers ahead moves it too, and earlier than
// those that were made after it (jump-guard.ts).

import type { NatsConnection } from 'nats'

import { consumerInfo, createConsumer, deleteConsumer } from './jetstream.ts'
import type { ConsumerRequest } from './jetstream.ts'
import { isConsumerMissing } from './nats-errors.ts'

export interface Canary {
  /** Whether it was moved since it was made, or is gone. */
  hasMoved(): Promise<boolean>
  delete(): Promise<void>
}

/** Undefined where there can be none: one more consumer may be too many for the stream. */
export async function makeCanary(
  connection: NatsConnection,
  request: ConsumerRequest
): Promise<Canary | undefined> {
  const { stream, name } = request
  await deleteConsumer(connection, stream, name)
  const made = await createConsumer(connection, request).catch(() => undefined)
  if (!made) return undefined
  const start = made.delivered.stream_seq
  return {
    async hasMoved() {
      try {
        return (await consumerInfo(connection, stream, name)).delivered.stream_seq !== start
      } catch (error) {
        if (isConsumerMissing(error)) return true
        throw error
      }
    },
    delete: () => deleteConsumer(connection, stream, name)
  }
}
