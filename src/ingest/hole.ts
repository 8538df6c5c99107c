// What the stream holds where its server passed deliveries over: asked for one by one, several at a
// time, with all that a delivery tells. Owns what is too much for that; must never judge whether
// anything was passed over.

import type { NatsConnection } from 'nats'

import { limits } from '../limits.ts'
import type { Delivered } from '../types/connector.ts'
import type { Delivery } from './delivery.ts'
import { nextDelivery } from './jetstream.ts'

export interface Hole {
  readonly stream: string
  /** Disjoint, at least one. */
  readonly filters: readonly string[]
  /** The first sequence of the hole. */
  readonly from: number
  /** The delivery that came behind it. */
  readonly before: Delivery
}

/** What is left of a hole's bounds. */
interface Budget {
  deliveries: number
  bytes: number
}

/**
 * Ascending, as if the consumer had delivered them; undefined where they are too many.
 * @throws JetStreamError, NatsError
 */
export async function readHole(
  connection: NatsConnection,
  hole: Hole,
  most: Readonly<Budget> = { deliveries: limits.holeDeliveriesMax, bytes: limits.pendingBytesMax }
): Promise<readonly Delivery[] | undefined> {
  const { filters, from, before } = hole
  const budget = { ...most }
  const pieces = Math.max(1, Math.floor(limits.jumpLooksMax / filters.length))
  const step = Math.ceil((before.sequence - from) / pieces)
  const walks: Promise<Delivered[]>[] = []
  for (const filter of filters) {
    for (let start = from; start < before.sequence; start += step) {
      const end = Math.min(start + step, before.sequence)
      walks.push(walk(connection, { stream: hole.stream, filter, start, end }, budget))
    }
  }
  const found = (await Promise.all(walks)).flat()
  if (isSpent(budget)) return undefined
  found.sort((a, b) => a.sequence - b.sequence)
  return found.map((delivered, i) => asDelivery(delivered, before, found.length - i))
}

interface Piece {
  readonly stream: string
  readonly filter: string
  readonly start: number
  /** Excluded. */
  readonly end: number
}

/** From one delivery to the next, so that what was deleted or belongs to others costs nothing. */
async function walk(
  connection: NatsConnection,
  { stream, filter, start, end }: Piece,
  budget: Budget
): Promise<Delivered[]> {
  const found: Delivered[] = []
  for (let next = start; next < end && !isSpent(budget);) {
    const delivered = await nextDelivery(connection, stream, next, filter)
    if (!delivered || delivered.sequence >= end) break
    found.push(delivered)
    budget.deliveries--
    budget.bytes -= delivered.payload.length
    next = delivered.sequence + 1
  }
  return found
}

const isSpent = ({ deliveries, bytes }: Budget): boolean => deliveries < 0 || bytes < 0

/** Nothing that the consumer counts: it has not delivered it, nor waits for an acknowledgement. */
const asDelivery = (delivered: Delivered, before: Delivery, ahead: number): Delivery => ({
  ...delivered,
  consumerSequence: before.consumerSequence,
  pending: before.pending + ahead,
  reply: ''
})
