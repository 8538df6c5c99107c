// Deliveries that were read since the start, by which a stream is known again: no other one has a
// delivery's sequence and its time. Some stand close together and some far apart, so that a stream that
// lost its end is known as well, and up to where. Owns nothing but their memory.

import { NatsError } from 'nats'
import type { NatsConnection } from 'nats'

import type { Delivered } from '../types/connector.ts'
import type { Delivery } from './delivery.ts'
import { storedDelivery } from './jetstream.ts'
import type { StreamInfo } from './jetstream.ts'

/** Deliveries from one landmark to the next; the first of them are those that nothing waits behind. */
const APART = [1, 64, 4_096] as const
const KEPT_OF_EACH = 64

/** nats.js's code where nobody answers: an account may not import this part of the API. */
const NO_RESPONDERS = '503'

type Landmark = Pick<Delivered, 'sequence' | 'timestampMicros'>

/** What the stream says of the landmarks. */
export interface Recognition {
  /** The newest that it still has; undefined: nobody can tell. */
  readonly held: number | undefined
  /** It has something else where a newer one was read. */
  readonly differs: boolean
}

const UNKNOWN: Recognition = { held: undefined, differs: false }

export class Landmarks {
  readonly #kept: Landmark[][] = APART.map(() => [])
  #last: Delivered | undefined
  #count = 0

  /** In the order of the stream. Called for every delivery: no detours. */
  saw(delivery: Delivery): void {
    this.#last = delivery
    this.#count++
    if (delivery.pending === 0 || this.#count % APART[1] === 0) this.#keep(delivery)
  }

  #keep(delivery: Delivery): void {
    const landmark = withoutPayload(delivery)
    for (const [level, apart] of APART.entries()) {
      if (level === 0 ? delivery.pending > 0 : this.#count % apart !== 0) continue
      const kept = this.#kept[level]!
      kept.push(landmark)
      if (kept.length > KEPT_OF_EACH) kept.shift()
    }
  }

  /** @throws JetStreamError, NatsError when the server does not answer */
  async recognise(
    connection: NatsConnection,
    stream: string,
    { state }: StreamInfo
  ): Promise<Recognition> {
    const { first_seq: first, last_seq: last } = state
    let differs = false
    try {
      for (const { sequence, timestampMicros } of this.#newestFirst()) {
        if (sequence < first) break
        if (sequence > last) continue
        const stored = await storedDelivery(connection, stream, sequence)
        if (stored?.timestampMicros === timestampMicros) return { held: sequence, differs }
        differs ||= stored !== undefined
      }
    } catch (error) {
      if (mayNotAsk(error)) return UNKNOWN
      throw error
    }
    return { held: undefined, differs }
  }

  /** @param sequence what was read behind it is not in the stream any more; 0: nothing is */
  forgetBehind(sequence: number): void {
    if (this.#last && this.#last.sequence > sequence) this.#last = undefined
    for (const kept of this.#kept) {
      const behind = kept.findIndex((landmark) => landmark.sequence > sequence)
      if (behind >= 0) kept.splice(behind)
    }
  }

  #newestFirst(): readonly Landmark[] {
    const last = this.#last ? [withoutPayload(this.#last)] : []
    return [...this.#kept.flat(), ...last].toSorted((a, b) => b.sequence - a.sequence)
  }
}

/** It would be kept in memory. */
const withoutPayload = ({ sequence, timestampMicros }: Delivered): Landmark => ({
  sequence,
  timestampMicros
})

const mayNotAsk = (error: unknown): boolean =>
  error instanceof NatsError && (error.isPermissionError() || error.code === NO_RESPONDERS)
