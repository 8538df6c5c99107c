// What has arrived for one relation, what became of it, and how far behind that is. Counts only.

import { Rate } from './rate.ts'
import type { Delivery } from './delivery.ts'
import type { IngestionCounts } from './ingestion-status.ts'

export class Arrivals {
  /** Deliveries that became rows, and that became none, once that is committed. */
  applied: number
  dropped: number
  /** Sequences that were gone before they could be read. */
  gaps: number
  /** How often the stream began another life. */
  restarts: number
  readonly #rate = new Rate()
  #received: number
  /** What the stream holds and has not been received; undefined while unknown. */
  #lag: number | undefined
  #last: Delivery | undefined
  /** By a clock that is never set: the machine's own may be, by hours. */
  #lastAt: number | undefined

  /** @param before what was counted before, if anything */
  constructor(before?: IngestionCounts) {
    this.applied = before?.applied ?? 0
    this.dropped = before?.dropped ?? 0
    this.gaps = before?.gaps ?? 0
    this.restarts = before?.restarts ?? 0
    this.#received = before?.received ?? 0
    const lastAt = before?.lastDeliveryAt
    if (lastAt !== undefined) this.#lastAt = performance.now() - (Date.now() - lastAt)
  }

  get received(): number {
    return this.#received
  }

  get lag(): number | undefined {
    return this.#lag
  }

  get counts(): IngestionCounts {
    const { received, applied, dropped, gaps, restarts } = this
    return { received, applied, dropped, gaps, restarts, lastDeliveryAt: this.#lastDeliveryAt }
  }

  /** Unix time in milliseconds. */
  get #lastDeliveryAt(): number | undefined {
    if (this.#lastAt === undefined) return undefined
    return Math.round(Date.now() - (performance.now() - this.#lastAt))
  }

  add(delivery: Delivery): void {
    this.#received++
    this.#last = delivery
    this.#lastAt = performance.now()
    this.#rate.add(this.#lastAt)
  }

  behind(lag: number | undefined): void {
    this.#lag = lag
  }

  /** Deliveries a second, of late. */
  rate(): number {
    return this.#rate.at(performance.now())
  }

  /** Age of the last delivery, while others are waiting. */
  lagSeconds(): number | undefined {
    if (this.#lag === undefined || this.#lag === 0) return this.#lag
    if (!this.#last) return undefined
    return Math.max(0, Date.now() - Number(this.#last.timestampMicros) / 1_000) / 1_000
  }
}
