// How many deliveries a relation may take a second. Owns the count and one timer; what was asked of
// NATS already comes all the same, and is made up for by a longer rest.

const SECOND_MS = 1_000

export class RateLimit {
  /** Deliveries a second. */
  readonly #limit: number | undefined
  readonly #onFree: () => void
  /** What may still be taken; below 0: what was taken too many. */
  #left: number
  #timer: NodeJS.Timeout | undefined

  /** @param onFree called when deliveries may be taken again after isSpent */
  constructor(limit: number | undefined, onFree: () => void) {
    this.#limit = limit
    this.#left = limit ?? 0
    this.#onFree = onFree
  }

  get isSpent(): boolean {
    return this.#limit !== undefined && this.#left <= 0
  }

  /** One delivery was taken. */
  took(): void {
    if (this.#limit === undefined) return
    this.#left--
    this.#timer ??= setTimeout(() => this.#refill(), SECOND_MS).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #refill(): void {
    const limit = this.#limit ?? 0
    const wasSpent = this.isSpent
    this.#left = Math.min(limit, this.#left + limit)
    const isFull = this.#left === limit
    this.#timer = isFull ? undefined : setTimeout(() => this.#refill(), SECOND_MS).unref()
    if (wasSpent && !this.isSpent) this.#onFree()
  }
}
