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

/** A text in ASCII where it stands. */
interface Span {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

const PREFIX = '$JS.ACK.'
const DOT = 0x2e
const PLAIN_DOTS = 8
/** Dots in front of the stream sequence, with the prefix's, in the plain form and with domains. */
const PLAIN_SKIP = 5
const DOMAIN_SKIP = 7
/** Words of the reply before the time. */
const TO_TIME = 2
/** The time is in nanoseconds: cutting these digits off is exact, a division would not be. */
const DIGITS_BELOW_MICRO = 3
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
  const skip = countDots(bytes, start, end) > PLAIN_DOTS ? DOMAIN_SKIP : PLAIN_SKIP
  let at = start
  for (let i = 0; i < skip; i++) at = dotFrom(bytes, at, end) + 1
  const sequenceEnd = dotFrom(bytes, at, end)
  const consumerEnd = dotFrom(bytes, sequenceEnd + 1, end)
  const timeEnd = dotFrom(bytes, consumerEnd + 1, end)
  const pendingEnd = dotFrom(bytes, timeEnd + 1, end)
  const sequence = numberAt(bytes, at, sequenceEnd)
  const consumerSequence = numberAt(bytes, sequenceEnd + 1, consumerEnd)
  const nanos = numberAt(bytes, consumerEnd + 1, timeEnd)
  const pending = numberAt(bytes, timeEnd + 1, pendingEnd)
  if (Number.isNaN(sequence + consumerSequence + nanos + pending)) return undefined
  const reply = { bytes, start, end }
  return new JetStreamDelivery(message, reply, sequence, consumerSequence, pending)
}

/** Decodes its reply, subject, time and headers only for who asks. */
class JetStreamDelivery implements Delivery {
  readonly sequence: number
  readonly consumerSequence: number
  readonly pending: number
  readonly payload: Uint8Array
  readonly #message: Received
  readonly #reply: Span
  #headers: ReadonlyMap<string, readonly string[]> | undefined

  constructor(
    message: Received,
    reply: Span,
    sequence: number,
    consumerSequence: number,
    pending: number
  ) {
    this.#message = message
    this.payload = message.data
    this.#reply = reply
    this.sequence = sequence
    this.consumerSequence = consumerSequence
    this.pending = pending
  }

  get reply(): string {
    const { bytes, start, end } = this.#reply
    return textOf(bytes, start, end)
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
    if (bytes[start + i] !== PREFIX.charCodeAt(i)) return false
  }
  return true
}

function countDots(bytes: Uint8Array, start: number, end: number): number {
  let dots = 0
  for (let at = start; at < end; at++) if (bytes[at] === DOT) dots++
  return dots
}

/** The next dot, or the end. */
function dotFrom(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  while (at < end && bytes[at] !== DOT) at++
  return at
}
