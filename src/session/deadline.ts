// One time limit whose consequence may change on the way. Knows nothing of what it limits.

export class Deadline {
  readonly #timer: NodeJS.Timeout
  #expire: () => void

  constructor(afterMs: number, expire: () => void) {
    this.#expire = expire
    this.#timer = setTimeout(() => this.#expire(), afterMs)
    this.#timer.unref()
  }

  /** From now on this is what happens when the time is over. */
  onExpiry(expire: () => void): void {
    this.#expire = expire
  }

  /** The limit was kept. */
  clear(): void {
    clearTimeout(this.#timer)
  }
}
