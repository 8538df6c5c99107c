// Those who wait until a sequence has been received, each for a limited time.

interface Waiter {
  readonly sequence: number
  readonly resolve: (isThere: boolean) => void
  readonly timer: NodeJS.Timeout
}

export class SequenceWaiters {
  readonly #waiters = new Set<Waiter>()

  /** Resolves to false when it takes longer than this many milliseconds. */
  wait(sequence: number, deadlineMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#settle(waiter, false), deadlineMs)
      const waiter: Waiter = { sequence, resolve, timer }
      this.#waiters.add(waiter)
    })
  }

  received(sequence: number): void {
    for (const waiter of this.#waiters) {
      if (sequence >= waiter.sequence) this.#settle(waiter, true)
    }
  }

  #settle(waiter: Waiter, isThere: boolean): void {
    clearTimeout(waiter.timer)
    this.#waiters.delete(waiter)
    waiter.resolve(isThere)
  }
}
