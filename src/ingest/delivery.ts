// One NATS delivery and what its reply subject tells of it. The reply is
//   $JS.ACK.<stream>.<consumer>.<delivered>.<sseq>.<dseq>.<time ns>.<pending>
// or, with domains, has <domain>.<account hash> in front of the stream and may have a random token
// behind (nats-architecture-and-design, ADR-15). Pure.

import type { Delivered } from '../types/connector.ts'

export interface Delivery extends Delivered {
  /** In the consumer: one more than the delivery before, or something was lost. */
  readonly consumerSequence: number
  /** What the stream still holds for this reader behind this delivery. */
  readonly pending: number
  /** Where an acknowledgement goes. */
  readonly reply: string
}

/** What nats.js tells of a delivery; subject and headers are decoded when they are asked for. */
interface Received {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers?: Iterable<[string, string[]]> | undefined
}

const PREFIX = '$JS.ACK.'
const PLAIN_DOTS = 8
/** Dots in front of the stream sequence, prefix excluded, in the plain form and with domains. */
const PLAIN_SKIP = 3
const DOMAIN_SKIP = 5
/** The time is in nanoseconds: cutting these digits off is exact, a division would not be. */
const DIGITS_BELOW_MICRO = 3
const NO_HEADERS: ReadonlyMap<string, readonly string[]> = new Map()

/** Undefined when the reply is not one of JetStream's. Runs for every delivery: no detours. */
export function toDelivery(reply: string, message: Received): Delivery | undefined {
  if (!reply.startsWith(PREFIX)) return undefined
  let at = PREFIX.length - 1
  for (let skip = countDots(reply) > PLAIN_DOTS ? DOMAIN_SKIP : PLAIN_SKIP; skip > 0; skip--) {
    at = reply.indexOf('.', at + 1)
    if (at < 0) return undefined
  }
  const sequenceEnd = reply.indexOf('.', at + 1)
  const consumerEnd = reply.indexOf('.', sequenceEnd + 1)
  const timeEnd = reply.indexOf('.', consumerEnd + 1)
  if (sequenceEnd < 0 || consumerEnd < sequenceEnd || timeEnd < consumerEnd) return undefined
  const token = reply.indexOf('.', timeEnd + 1)
  const sequence = Number(reply.slice(at + 1, sequenceEnd))
  const consumerSequence = Number(reply.slice(sequenceEnd + 1, consumerEnd))
  const timeText = reply.slice(consumerEnd + 1, timeEnd)
  const pending = Number(reply.slice(timeEnd + 1, token < 0 ? reply.length : token))
  if (Number.isNaN(sequence + consumerSequence + Number(timeText) + pending)) return undefined
  return new JetStreamDelivery(message, reply, sequence, consumerSequence, timeText, pending)
}

/** Decodes its subject, time and headers only for who asks. */
class JetStreamDelivery implements Delivery {
  readonly sequence: number
  readonly consumerSequence: number
  readonly pending: number
  readonly payload: Uint8Array
  readonly reply: string
  readonly #message: Received
  readonly #nanos: string
  #headers: ReadonlyMap<string, readonly string[]> | undefined

  constructor(
    message: Received,
    reply: string,
    sequence: number,
    consumerSequence: number,
    nanos: string,
    pending: number
  ) {
    this.#message = message
    this.payload = message.data
    this.reply = reply
    this.sequence = sequence
    this.consumerSequence = consumerSequence
    this.#nanos = nanos
    this.pending = pending
  }

  get subject(): string {
    return this.#message.subject
  }

  get timestampMicros(): bigint {
    return BigInt(this.#nanos.slice(0, -DIGITS_BELOW_MICRO))
  }

  get headers(): ReadonlyMap<string, readonly string[]> {
    const { headers } = this.#message
    this.#headers ??= headers ? new Map(headers) : NO_HEADERS
    return this.#headers
  }
}

function countDots(text: string): number {
  let dots = 0
  for (let at = text.indexOf('.'); at >= 0; at = text.indexOf('.', at + 1)) dots++
  return dots
}
