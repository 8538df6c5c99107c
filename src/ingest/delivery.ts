// One NATS delivery and what its reply subject tells of it. The reply is
//   $JS.ACK.<stream>.<consumer>.<delivered>.<sseq>.<dseq>.<time ns>.<pending>
// or, with domains, has <domain>.<account hash> in front of the stream and may have a random token
// behind (nats-architecture-and-design, ADR-15). Pure.

/** Its payload lies in the socket's buffer: whoever keeps it longer than the call copies it. */
export interface Delivery {
  /** In the stream. */
  readonly sequence: number
  /** In the consumer: one more than the delivery before, or something was lost. */
  readonly consumerSequence: number
  readonly subject: string
  readonly payload: Uint8Array
  /** What the stream still holds for this reader behind this delivery. */
  readonly pending: number
  /** When the stream stored it, Unix time in milliseconds. */
  readonly timestampMs: number
}

const PREFIX = '$JS.ACK.'
const PLAIN_DOTS = 8
/** Dots in front of the stream sequence, prefix excluded, in the plain form and with domains. */
const PLAIN_SKIP = 3
const DOMAIN_SKIP = 5
/** The time is in nanoseconds: cutting these digits off is exact, a division would not be. */
const DIGITS_BELOW_MILLI = 6

/** Undefined when the reply is not one of JetStream's. Runs for every delivery: no detours. */
export function toDelivery(
  reply: string,
  message: { readonly subject: string; readonly data: Uint8Array }
): Delivery | undefined {
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
  const timestampMs = Number(reply.slice(consumerEnd + 1, timeEnd - DIGITS_BELOW_MILLI))
  const pending = Number(reply.slice(timeEnd + 1, token < 0 ? reply.length : token))
  if (Number.isNaN(sequence + consumerSequence + timestampMs + pending)) return undefined
  return new JetStreamDelivery(message, sequence, consumerSequence, timestampMs, pending)
}

/** Decodes its subject only for who asks. */
class JetStreamDelivery implements Delivery {
  readonly sequence: number
  readonly consumerSequence: number
  readonly timestampMs: number
  readonly pending: number
  readonly payload: Uint8Array
  readonly #message: { readonly subject: string }

  constructor(
    message: { readonly subject: string; readonly data: Uint8Array },
    sequence: number,
    consumerSequence: number,
    timestampMs: number,
    pending: number
  ) {
    this.#message = message
    this.payload = message.data
    this.sequence = sequence
    this.consumerSequence = consumerSequence
    this.timestampMs = timestampMs
    this.pending = pending
  }

  get subject(): string {
    return this.#message.subject
  }
}

function countDots(text: string): number {
  let dots = 0
  for (let at = text.indexOf('.'); at >= 0; at = text.indexOf('.', at + 1)) dots++
  return dots
}
