// How our statements ask the upstream something inside the client's batch.

import type { Conversation } from '../conversation.ts'
import { askOnce, textRowsOf } from '../facts.ts'
import { UpstreamError } from '../upstream-error.ts'

const PRIVATE = 'jetgres statement'

/**
 * Runs one statement on the session's connection; rows as text.
 * @throws UpstreamError
 */
export async function askUpstream(
  c: Conversation,
  sql: string,
  values: readonly (string | null)[] = [],
  moved?: (position: number) => number
): Promise<(string | null)[][]> {
  const { frames, error } = await c.ask(askOnce(sql, values, PRIVATE))
  if (error) throw new UpstreamError(error, moved)
  return textRowsOf(frames)
}
