// Work that arrives in bursts, done in order and in slices, so that sessions get their turn in
// between. nats.js hands over all that a socket held in one go, and decoding takes longer than
// reading. Has no limit of its own: whoever pushes watches the length.

import { limits } from '../limits.ts'

/** Looking at the clock costs as much as a small piece of work. */
const ITEMS_PER_LOOK = 32

interface Waiter {
  /** How many items had been pushed before it came. */
  readonly pushed: number
  readonly resolve: () => void
}

export class SlicedQueue<T> {
  readonly #handle: (item: T) => void
  readonly #sliceDone: () => void
  #items: T[] = []
  #next = 0
  #handled = 0
  #scheduled = false
  #waiters: Waiter[] = []

  /**
   * @param handle must not throw.
   * @param sliceDone called before the event loop is given back.
   */
  constructor(handle: (item: T) => void, sliceDone: () => void) {
    this.#handle = handle
    this.#sliceDone = sliceDone
  }

  get length(): number {
    return this.#items.length - this.#next
  }

  push(item: T): void {
    this.#items.push(item)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#slice())
  }

  /** Resolves when everything that was pushed before the call is handled. */
  async drained(): Promise<void> {
    if (this.length === 0) return
    const pushed = this.#handled + this.length
    await new Promise<void>((resolve) => {
      this.#waiters.push({ pushed, resolve })
    })
  }

  #slice(): void {
    const until = performance.now() + limits.decodeSliceMs
    do this.#handleSome()
    while (this.length > 0 && performance.now() < until)
    this.#wake()
    // What is handled must not stay referenced: each item pins a buffer of the socket.
    this.#items = this.#items.slice(this.#next)
    this.#next = 0
    this.#scheduled = this.length > 0
    if (this.#scheduled) setImmediate(() => this.#slice())
    this.#sliceDone()
  }

  #handleSome(): void {
    const to = Math.min(this.#next + ITEMS_PER_LOOK, this.#items.length)
    for (; this.#next < to; this.#next++) {
      this.#handle(this.#items[this.#next] as T)
      this.#handled++
    }
  }

  #wake(): void {
    while (this.#waiters[0] && this.#waiters[0].pushed <= this.#handled) {
      this.#waiters.shift()?.resolve()
    }
  }
}
