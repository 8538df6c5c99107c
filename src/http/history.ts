// How each relation fared in the last hour: a sample every ten seconds, in a ring. Numbers only.

/** An hour. */
export const SAMPLES = 360

export interface Sample {
  /** Deliveries received since the start of its ingestion. */
  readonly received: number
  readonly lag: number | undefined
}

/** Oldest first; null where nothing is known. */
export interface Series {
  /** Deliveries a second, between one sample and the next. */
  readonly rate: readonly (number | null)[]
  readonly lag: readonly (number | null)[]
}

interface Kept {
  readonly rate: (number | null)[]
  readonly lag: (number | null)[]
  received: number | undefined
}

export class History {
  readonly #kept = new Map<number, Kept>()
  readonly #seconds: number

  /** @param seconds between two samples */
  constructor(seconds: number) {
    this.#seconds = seconds
  }

  /** Of every relation there is now; those that are no more are forgotten. */
  add(samples: ReadonlyMap<number, Sample>): void {
    for (const id of this.#kept.keys()) if (!samples.has(id)) this.#kept.delete(id)
    for (const [id, sample] of samples) this.#addOne(id, sample)
  }

  of(id: number): Series {
    const { rate = [], lag = [] } = this.#kept.get(id) ?? {}
    return { rate, lag }
  }

  #addOne(id: number, { received, lag }: Sample): void {
    const kept = this.#kept.get(id) ?? { rate: [], lag: [], received: undefined }
    this.#kept.set(id, kept)
    const before = kept.received
    // One that falls belongs to an ingestion that had nothing to go on from.
    const came = before === undefined ? null : received >= before ? received - before : received
    kept.rate.push(came === null ? null : Math.round((came * 10) / this.#seconds) / 10)
    kept.lag.push(lag ?? null)
    kept.received = received
    if (kept.rate.length > SAMPLES) kept.rate.shift()
    if (kept.lag.length > SAMPLES) kept.lag.shift()
  }
}
