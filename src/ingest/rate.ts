// How many deliveries come a second, over the last few seconds. Pure but for the time it is given.

const SECONDS = 10

export class Rate {
  /** One count a second, in a ring. */
  readonly #counts = Array.from({ length: SECONDS }, () => 0)
  #second = 0

  /** @param now milliseconds, of a clock that only goes forward. */
  add(now: number): void {
    this.#turn(now)
    this.#counts[this.#second % SECONDS]!++
  }

  /** A second, over the whole seconds before this one. */
  at(now: number): number {
    this.#turn(now)
    const current = this.#counts[this.#second % SECONDS]!
    const sum = this.#counts.reduce((total, count) => total + count, 0)
    return (sum - current) / (SECONDS - 1)
  }

  #turn(now: number): void {
    const second = Math.floor(now / 1_000)
    if (second <= this.#second) return
    const from = Math.max(this.#second + 1, second - SECONDS + 1)
    for (let passed = from; passed <= second; passed++) this.#counts[passed % SECONDS] = 0
    this.#second = second
  }
}
