// Waits for a condition instead of sleeping: the only way a test may wait.

import { setTimeout as delay } from 'node:timers/promises'

export interface Patience {
  readonly deadlineMs?: number
  /** What is waited for, in the message when it does not come. */
  readonly what?: string
}

const pauseMsMin = 5
const pauseMsMax = 100

/**
 * Runs `check` until it returns something other than false or undefined, and returns that.
 * A check that throws is tried again too.
 * @throws Error naming `what`, with the check's last error as cause
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { deadlineMs = 30_000, what = 'the condition' }: Patience = {}
): Promise<Exclude<T, false | undefined>> {
  const deadline = Date.now() + deadlineMs
  let last: unknown
  for (let pauseMs = pauseMsMin; ; pauseMs = Math.min(pauseMs * 2, pauseMsMax)) {
    try {
      const got = await check()
      if (got !== false && got !== undefined) return got as Exclude<T, false | undefined>
      last = undefined
    } catch (error) {
      last = error
    }
    if (Date.now() >= deadline) break
    await delay(pauseMs)
  }
  const reason = last instanceof Error ? `: ${last.message}` : ''
  throw new Error(`${what} did not come about within ${deadlineMs} ms${reason}`, { cause: last })
}
