// Waits until a relation has what its stream holds, for as long as that takes; its ingestion may be
// exchanged meanwhile. Knows no sessions: who waits, and how long, is theirs to say.

import { setTimeout as sleep } from 'node:timers/promises'

import { limits } from '../limits.ts'
import type { Relation } from './relation.ts'

export type CatchUpEnd = 'caught up' | 'stalled' | 'stopped'

/** Resolves when all that the stream holds at the time of the call is committed, or can't be. */
export async function untilCaughtUp(
  relation: Relation,
  isThere: () => boolean,
  signal: AbortSignal
): Promise<CatchUpEnd> {
  let end: number | undefined
  while (isThere() && !signal.aborted) {
    const { ingestion } = relation
    if (ingestion?.status().state === 'stalled') return 'stalled'
    end ??= await ingestion?.streamEnd().catch(() => undefined)
    if (end !== undefined && ingestion?.freshness.hasReceived(end)) return committed(relation)
    await sleep(limits.catchUpPollMs, undefined, { signal }).catch(() => undefined)
  }
  return 'stopped'
}

const committed = ({ ingestion }: Relation): Promise<CatchUpEnd> =>
  ingestion!.freshness.flush().then(
    () => 'caught up',
    () => 'stalled'
  )
