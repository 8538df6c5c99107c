// What has arrived for one relation, and how far behind that is. Counts only.

import { Rate } from './rate.ts'
import type { Delivery } from './delivery.ts'

export class Arrivals {
  readonly #rate = new Rate()
  #received = 0
  /** What the stream holds and has not been received; undefined while unknown. */
  #lag: number | undefined
  #last: Delivery | undefined
  /** By a clock that is never set: the machine's own may be, by hours. */
  #lastAt: number | undefined

  get received(): number {
    return this.#received
  }

  get lag(): number | undefined {
    return this.#lag
  }

  /** Unix time in milliseconds. */
  get lastAt(): number | undefined {
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
