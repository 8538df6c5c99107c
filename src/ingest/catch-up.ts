// How far one relation's catch-up has come: it begins where deliveries wait in the stream and is over
// where none does. Numbers, and one question to the server: where the stream ends.

import { limits } from '../limits.ts'
import type { Arrivals } from './arrivals.ts'

export interface CatchUpFacts {
  /** The sequence that the stream ended with when it was last looked at; undefined: none is needed. */
  readonly target: number | undefined
  /** Percent of the deliveries that this catch-up has received or still waits for. */
  readonly progress: number | undefined
  /** At the rate of the last ten seconds. */
  readonly secondsLeft: number | undefined
}

const NONE: CatchUpFacts = { target: undefined, progress: undefined, secondsLeft: undefined }

/** The rate is one of ten seconds: until they have passed it is too low. */
const RATE_MS = 10_000

export class CatchUp {
  readonly #end: () => Promise<number>
  /** Deliveries received when it began; undefined: there is nothing to catch up with. */
  #from: number | undefined
  #target: number | undefined
  #since = 0
  #nextLook = 0

  /** @param end asks the server where the stream ends */
  constructor(end: () => Promise<number>) {
    this.#end = end
  }

  /** Deliveries wait behind this sequence, and so many have been received so far. */
  behind(sequence: number, received: number): void {
    if (this.#from === undefined) {
      this.#from = received
      this.#since = performance.now()
    }
    if (this.#target === undefined || sequence >= this.#target) this.#aim()
  }

  over(): void {
    this.#from = undefined
    this.#target = undefined
  }

  facts(arrivals: Arrivals): CatchUpFacts {
    if (this.#from === undefined) return NONE
    const { received, lag } = arrivals
    if (lag === undefined) return { ...NONE, target: this.#target }
    const came = received - this.#from
    const rate = arrivals.rate()
    const isKnown = rate > 0 && performance.now() - this.#since > RATE_MS
    return {
      target: this.#target,
      progress: Math.floor((came * 1_000) / Math.max(1, came + lag)) / 10,
      secondsLeft: isKnown ? lag / rate : undefined
    }
  }

  #aim(): void {
    const now = performance.now()
    if (now < this.#nextLook) return
    this.#nextLook = now + limits.streamCheckMs
    this.#end().then(
      (sequence) => {
        if (this.#from !== undefined) this.#target = sequence
      },
      () => undefined
    )
  }
}
