// Acknowledges what a durable consumer delivered, once it is on disk, never before: the server then
// forgets it, and on some streams deletes it.

import type { NatsConnection } from 'nats'

import { limits } from '../limits.ts'
import type { DurableConsumer, NatsConnector } from '../types/connector.ts'
import type { Delivery } from './delivery.ts'

/** The server goes on only when enough is acknowledged, and that is what commits are for. */
export const commitRowsOf = ({ durable }: NatsConnector): number =>
  Math.min(limits.commitRows, Math.max(1, Math.floor((durable?.ackPendingMax ?? Infinity) / 2)))

export class Acknowledger {
  readonly #connection: NatsConnection
  readonly #policy: DurableConsumer['ackPolicy']
  /** Those delivered and not yet committed, oldest first: as many as ingestion has pending. */
  #waiting: Pick<Delivery, 'sequence' | 'reply'>[] = []
  #committed: number
  /** The last one that waits or waited. */
  #last: number

  /** @param committed up to which everything is on disk already. */
  constructor(connection: NatsConnection, policy: DurableConsumer['ackPolicy'], committed: number) {
    this.#connection = connection
    this.#policy = policy
    this.#committed = committed
    this.#last = committed
  }

  /** One that comes again waits already, or its acknowledgement was lost. */
  received({ sequence, reply }: Delivery): void {
    if (sequence <= this.#committed) this.#acknowledge(reply)
    else if (sequence > this.#last) {
      this.#waiting.push({ sequence, reply })
      this.#last = sequence
    }
  }

  committed(sequence: number): void {
    this.#committed = Math.max(this.#committed, sequence)
    const open = this.#waiting.findIndex((delivery) => delivery.sequence > this.#committed)
    const done = this.#waiting.slice(0, open < 0 ? this.#waiting.length : open)
    this.#waiting = open < 0 ? [] : this.#waiting.slice(open)
    const due = this.#policy === 'all' ? done.slice(-1) : done
    for (const { reply } of due) this.#acknowledge(reply)
  }

  /** An acknowledgement that gets lost does no harm: the delivery comes again and is known. */
  #acknowledge(reply: string): void {
    if (!this.#connection.isClosed()) this.#connection.publish(reply)
  }
}
