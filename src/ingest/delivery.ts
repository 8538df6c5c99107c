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

export type DeliveryFacts = Pick<
  Delivery,
  'sequence' | 'consumerSequence' | 'pending' | 'timestampMs'
>

const DOT = 46
const ZERO = 48
const NANOS_PER_MILLI = 1e6
const PLAIN_DOTS = 8
const DOTS_BEFORE_FACTS = { plain: 5, domain: 7 }

/** Undefined when the text is no reply subject of JetStream. */
export function deliveryFacts(reply: string): DeliveryFacts | undefined {
  if (!reply.startsWith('$JS.ACK.')) return undefined
  const form = countDots(reply) > PLAIN_DOTS ? 'domain' : 'plain'
  const facts = numbersFrom(reply, DOTS_BEFORE_FACTS[form])
  const [sequence, consumerSequence, nanos, pending] = facts
  if (pending === undefined || facts.some(Number.isNaN)) return undefined
  return {
    sequence: sequence as number,
    consumerSequence: consumerSequence as number,
    timestampMs: Math.floor((nanos as number) / NANOS_PER_MILLI),
    pending
  }
}

function countDots(text: string): number {
  let dots = 0
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) === DOT) dots++
  return dots
}

/** The four numbers behind so many dots. By hand: it runs for every delivery. */
function numbersFrom(text: string, dotsBefore: number): number[] {
  const numbers: number[] = []
  let i = 0
  for (let dots = 0; dots < dotsBefore && i < text.length; i++) {
    if (text.charCodeAt(i) === DOT) dots++
  }
  for (let value = 0; numbers.length < 4 && i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : DOT
    if (code === DOT) {
      numbers.push(value)
      value = 0
    } else {
      const digit = code - ZERO
      value = digit >= 0 && digit <= 9 ? value * 10 + digit : Number.NaN
    }
  }
  return numbers
}
