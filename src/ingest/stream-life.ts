// Whether a stream is the one whose sequences a position counts: by its name alone it may have been
// deleted and made again, restored, or have lost its end and grown again. Must never take another
// stream for the same.

import type { StreamInfo } from './jetstream.ts'

const LIFE_MARK = '#'

/** Between the clocks of the servers of a cluster. */
const SKEW_MS = 10_000

/** A stream that was restored keeps its `created`, yet its sequences mean something else now. */
export const anotherLife = (info: StreamInfo): string => `${info.created}${LIFE_MARK}${Date.now()}`

/** @param created of the position: the stream's own, or what `anotherLife` made of it */
export const saysSame = (info: StreamInfo, created: string): boolean =>
  info.created === created.split(LIFE_MARK)[0]

/** As far as the stream's facts tell. @param created as above */
export const isSameLife = (info: StreamInfo, created: string): boolean =>
  saysSame(info, created) || outlivesCreation(info)

/**
 * Whether the stream is older than its `created` says, which then tells nothing: nats-server 2.9
 * takes the time of an edit for it once it has restarted (seen of 2.9.10). Mirrored and sourced
 * deliveries keep the times they have elsewhere.
 */
function outlivesCreation({ created, config, state }: StreamInfo): boolean {
  if (config.mirror !== undefined || (config.sources ?? []).length > 0) return false
  const first = Date.parse(state.first_ts ?? '')
  // An empty stream's is of the year 1.
  return first > 0 && first < Date.parse(created) - SKEW_MS
}
