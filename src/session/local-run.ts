// Runs a local portal once: time limit, cancellation, and what a failure means. A SELECT that fails
// before its first row is relayed, so that Postgres says what it says (invariant 1).

import { toPgError } from '../errors.ts'
import type { PgError } from '../errors.ts'
import type { Conversation } from './conversation.ts'
import type { LocalPortal, RunResult } from './local-portal.ts'
import type { UpstreamError } from './upstream-error.ts'
import { Watch } from './watch.ts'

export type LocalResult =
  RunResult | { readonly relay: string } | { readonly error: PgError | UpstreamError }

/**
 * Answers at once where nothing has to be waited for; undefined: it is to be run. `before` runs just
 * before the first rows are sent.
 */
export function answerNow(
  c: Conversation,
  portal: LocalPortal,
  rowsMax: number,
  before: () => void = () => undefined
): RunResult | undefined {
  const answer = portal.answerNow(rowsMax)
  if (!answer) return undefined
  before()
  c.output.write(answer.frames)
  c.lastRoute = { to: 'local' }
  const { rows } = answer
  return { rows, complete: rowsMax === 0 || rows < rowsMax }
}

/** As answerNow, for what takes its time; `text` is the client's statement. */
export async function runLocal(
  c: Conversation,
  portal: LocalPortal,
  text: string,
  rowsMax: number,
  before: () => void = () => undefined
): Promise<LocalResult> {
  const timeout = portal.plan.facts.statementTimeoutMs
  const timer =
    timeout > 0 ? setTimeout(() => portal.stop('statement timeout'), timeout) : undefined
  const watch = new Watch(c, portal, text)
  const since = performance.now()
  c.running(portal)
  const result = await run(c, portal, rowsMax, before)
  clearTimeout(timer)
  const told = await watch.end()
  c.running(undefined)
  if (!('relay' in result)) c.context.activity.took('local', performance.now() - since, text, c.pid)
  if (told) await portal.close()
  return told ? { error: told } : result
}

async function run(
  c: Conversation,
  portal: LocalPortal,
  rowsMax: number,
  before: () => void
): Promise<LocalResult> {
  try {
    await portal.refresh()
  } catch (error) {
    // Relayed, it would wait for the same and fail the same way.
    return { error: toPgError(error) }
  }
  try {
    const answer = answerNow(c, portal, rowsMax, before)
    if (answer) return answer
    await portal.open()
    const result = await portal.run(c.output, rowsMax, before)
    c.lastRoute = { to: 'local' }
    return result
  } catch (error) {
    await portal.close()
    const result = failure(portal, error)
    if ('error' in result) c.lastRoute = { to: 'local' }
    return result
  }
}

function failure(portal: LocalPortal, error: unknown): LocalResult {
  if (portal.stopped) return { error: portal.stopError() }
  if (portal.hasSent) return { error: toPgError(error) }
  const message = error instanceof Error ? error.message : String(error)
  return { relay: `local execution failed: ${message.split('\n', 1)[0]}` }
}
