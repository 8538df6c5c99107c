// Holds deliveries back until it is known that the server passed nothing over in front of them.
// nats-server moves a consumer ahead when one subject is purged or rolled up (stream-facts.ts). The
// consumer's numbers stay contiguous, only stream sequences jump; but jumps are normal where
// deliveries were removed or belong to others. So jumps are checked, in one of two ways:
//
//   together      by a canary: a second consumer, made before the reader's, beginning where that
//                 begins, which nobody reads. A purge moves consumers in the order they were made, so
//                 whatever moved the reader had moved the canary; one that hasn't moved clears
//                 all that came before it was asked.
//   one by one    once it has moved, where replicas move their consumers each in its own time, and
//                 where a jump would be a loss: the stream is asked what it holds in each jump.
//                 Sound because sequences only grow: what lies between two deliveries can be
//                 removed, never added. What it still holds is read from it there and then.

import { setTimeout as sleep } from 'node:timers/promises'

import { limits } from '../limits.ts'
import type { Delivery } from './delivery.ts'

export interface JumpGuardOptions {
  /** Whether the canary has been moved since it was made; undefined where there is none. */
  readonly hasMoved: (() => Promise<boolean>) | undefined
  /** The first delivery of ours that the stream holds from this sequence on, if there is one. */
  readonly look: (from: number) => Promise<number | undefined>
  /** Called once, when the canary has: from now on jumps are looked at one by one. */
  readonly onMoved: () => void
  /** What it holds from this sequence on and before this delivery; undefined: it must be delivered. */
  readonly fill: (from: number, before: Delivery) => Promise<readonly Delivery[] | undefined>
  /** In the order of the stream. */
  readonly release: (delivery: Delivery) => void
  /** Called once, where a hole is not to be filled; nothing is released afterwards. */
  readonly onPassedOver: (sequence: number) => void
  readonly onFailure: (error: unknown) => void
}

interface Held {
  readonly delivery: Delivery
  /** First sequence that isn't accounted for; undefined where there was no jump. */
  readonly from: number | undefined
}

export class JumpGuard {
  readonly #options: JumpGuardOptions
  readonly #held: Held[] = []
  #canaryLives: boolean
  #running = false
  #closed = false

  constructor(options: JumpGuardOptions) {
    this.#options = options
    this.#canaryLives = options.hasMoved !== undefined
  }

  get length(): number {
    return this.#held.length
  }

  /** Whether jumps are cleared together: else it is worth making another canary. */
  get isCheap(): boolean {
    return this.#canaryLives
  }

  /** @param from the sequence expected next, where the delivery is beyond it. */
  pass(delivery: Delivery, from?: number): void {
    if (from === undefined && this.#held.length === 0) return this.#options.release(delivery)
    this.#held.push({ delivery, from })
    if (!this.#running) void this.#run()
  }

  /** The canary is asked though nothing came: what the stream ends with may be passed over too. */
  async check(): Promise<void> {
    if (!this.#canaryLives || !(await this.#options.hasMoved?.())) return
    if (this.#canaryLives && !this.#closed) this.#options.onMoved()
    this.#canaryLives = false
  }

  /** Drops what is held: it is read again. */
  close(): void {
    this.#closed = true
    this.#held.length = 0
  }

  async #run(): Promise<void> {
    this.#running = true
    try {
      while (this.#held.length > 0) {
        const count = this.#held.length
        await this.check()
        if (this.#canaryLives) this.#release(count)
        else await this.#lookAtEach()
        await sleep(limits.jumpCheckSpacingMs)
      }
    } catch (error) {
      if (!this.#closed) this.#options.onFailure(error)
      this.close()
    }
    this.#running = false
  }

  #release(count: number): void {
    if (this.#closed) return
    for (const { delivery } of this.#held.splice(0, count)) this.#options.release(delivery)
  }

  async #lookAtEach(): Promise<void> {
    const batch = this.#held.slice(0, limits.jumpLooksMax)
    const found = await Promise.all(
      batch.map(async ({ from }) => (from === undefined ? undefined : this.#options.look(from)))
    )
    const passed = batch.findIndex(({ delivery }, i) => (found[i] ?? Infinity) < delivery.sequence)
    this.#release(passed < 0 ? batch.length : passed)
    const behind = batch[passed]
    if (behind && !this.#closed) await this.#fill(found[passed] as number, behind.delivery)
  }

  async #fill(from: number, before: Delivery): Promise<void> {
    const between = await this.#options.fill(from, before)
    if (this.#closed) return
    if (between) {
      for (const delivery of between) this.#options.release(delivery)
      return this.#release(1)
    }
    this.close()
    this.#options.onPassedOver(from)
  }
}
