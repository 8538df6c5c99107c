// One NATS delivery and what its reply subject tells of it. The reply is
//   $JS.ACK.<stream>.<consumer>.<delivered>.<sseq>.<dseq>.<time ns>.<pending>
// or, with domains, has <domain>.<account hash> in front of the stream and may have a random token
// behind (nats-architecture-and-design, ADR-15). Pure.

import type { Delivered } from '../types/connector.ts'
import { numberAt, textOf } from './delivery-frames.ts'

export interface Delivery extends Delivered {
  /** In the consumer: one more than the delivery before, or something was lost. */
  readonly consumerSequence: number
  /** What the stream still holds for this reader behind this delivery. */
  readonly pending: number
  /** Where an acknowledgement goes. */
  readonly reply: string
}

/** What is known of a delivery; subject and headers are decoded when they are asked for. */
interface Received {
  readonly subject: string
  readonly data: Uint8Array
  readonly headers?: Iterable<[string, string[]]> | undefined
}

const PREFIX = Buffer.from('$JS.ACK.')
const DOT = 0x2e
const PLAIN_DOTS = 8
/** Dots in front of the stream sequence, with the prefix's, in the plain form and with domains. */
const PLAIN_SKIP = 5
const DOMAIN_SKIP = 7
/** Between the sequence, the consumer's, the time, and what is pending. */
const DOTS_AFTER_SKIP = 3
/** Words of the reply before the time. */
const TO_TIME = 2
/** The time is in nanoseconds: cutting these digits off is exact, a division would not be. */
const DIGITS_BELOW_MICRO = 3
/** Where the dots of the reply at hand stand, and its end behind the last of them. */
const dots = new Int32Array(16)
const NO_HEADERS: ReadonlyMap<string, readonly string[]> = new Map()

/** As deliveryAt, of a reply that is a text already. */
export function toDelivery(reply: string, message: Received): Delivery | undefined {
  const bytes = Buffer.from(reply)
  return deliveryAt(bytes, 0, bytes.length, message)
}

/**
 * Of the reply at [start, end). Undefined when it is not one of JetStream's. Runs for every delivery: no
 * detours.
 */
export function deliveryAt(
  bytes: Uint8Array,
  start: number,
  end: number,
  message: Received
): Delivery | undefined {
  if (!startsWithPrefix(bytes, start)) return undefined
  const count = findDots(bytes, start, end)
  const skip = count > PLAIN_DOTS ? DOMAIN_SKIP : PLAIN_SKIP
  if (count < skip + DOTS_AFTER_SKIP) return undefined
  const sequence = wordBehind(bytes, skip - 1)
  const consumerSequence = wordBehind(bytes, skip)
  const nanos = wordBehind(bytes, skip + 1)
  const pending = wordBehind(bytes, skip + TO_TIME)
  if (Number.isNaN(sequence + consumerSequence + nanos + pending)) return undefined
  return new JetStreamDelivery(message, bytes, start, end, sequence, consumerSequence, pending)
}

/** Decodes its reply, subject, time and headers only for who asks. */
class JetStreamDelivery implements Delivery {
  readonly sequence: number
  readonly consumerSequence: number
  readonly pending: number
  readonly #message: Received
  /** What holds the reply, and where in it that stands. */
  readonly #bytes: Uint8Array
  readonly #start: number
  readonly #end: number
  #headers: ReadonlyMap<string, readonly string[]> | undefined

  constructor(
    message: Received,
    bytes: Uint8Array,
    start: number,
    end: number,
    sequence: number,
    consumerSequence: number,
    pending: number
  ) {
    this.#message = message
    this.#bytes = bytes
    this.#start = start
    this.#end = end
    this.sequence = sequence
    this.consumerSequence = consumerSequence
    this.pending = pending
  }

  get reply(): string {
    return textOf(this.#bytes, this.#start, this.#end)
  }

  get payload(): Uint8Array {
    return this.#message.data
  }

  get subject(): string {
    return this.#message.subject
  }

  get timestampMicros(): bigint {
    const words = this.reply.split('.')
    const skip = words.length - 1 > PLAIN_DOTS ? DOMAIN_SKIP : PLAIN_SKIP
    return BigInt((words[skip + TO_TIME] as string).slice(0, -DIGITS_BELOW_MICRO))
  }

  get headers(): ReadonlyMap<string, readonly string[]> {
    const { headers } = this.#message
    this.#headers ??= headers ? new Map(headers) : NO_HEADERS
    return this.#headers
  }
}

function startsWithPrefix(bytes: Uint8Array, start: number): boolean {
  for (let i = 0; i < PREFIX.length; i++) {
    if (bytes[start + i] !== PREFIX[i]) return false
  }
  return true
}

/** How many there are; of more than there can be the first ones are noted. */
function findDots(bytes: Uint8Array, start: number, end: number): number {
  let count = 0
  for (let at = start; at < end; at++) {
    if (bytes[at] !== DOT) continue
    dots[count] = at
    count++
  }
  dots[count] = end
  return count
}

/** The number between a dot and the next one, or the end. */
const wordBehind = (bytes: Uint8Array, dot: number): number =>
  numberAt(bytes, (dots[dot] as number) + 1, dots[dot + 1] as number)
