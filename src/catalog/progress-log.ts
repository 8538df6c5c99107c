// How far relations that catch up have come, in the log: one line for all of them, now and then, so
// that a start after a long rest is not silent. Looks and tells, nothing else.

import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { Relation } from './relation.ts'

export class ProgressLog {
  readonly #timer: NodeJS.Timeout

  constructor(relations: () => readonly Relation[], log: Logger) {
    const tell = (): void => {
      const facts = progressOf(relations())
      if (facts) log.info(facts, 'relations catch up')
    }
    this.#timer = setInterval(tell, limits.progressLogMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

/** Undefined where nothing waits. The one named has most before it. */
export function progressOf(relations: readonly Relation[]): object | undefined {
  const behind = relations
    .map((relation) => ({ relation: relation.label, ...relation.status() }))
    .filter(({ state, lag = 0 }) => state === 'catching up' && lag > 0)
    .sort((a, b) => (b.lag ?? 0) - (a.lag ?? 0))
  const [last] = behind
  if (!last) return undefined
  const { relation, progress, secondsLeft } = last
  const deliveries = behind.reduce((sum, { lag = 0 }) => sum + lag, 0)
  return {
    behind: behind.length,
    deliveries,
    relation,
    progress,
    secondsLeft: secondsLeft === undefined ? undefined : Math.ceil(secondsLeft)
  }
}
