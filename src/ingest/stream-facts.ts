// What a stream's configuration and its server's version mean for who reads it. Pure.

import type { StreamInfo } from './jetstream.ts'
import { subjectCovers } from './subjects.ts'

/** One delivery kept a subject: what is replaced is no loss. */
export const isCompacted = (info: StreamInfo): boolean =>
  (info.config.max_msgs_per_subject ?? 0) > 0

/** Whether the filters let everything through that the stream can hold. */
export function coversAll(filters: readonly string[], { config }: StreamInfo): boolean {
  if (config.mirror !== undefined || (config.sources ?? []).length > 0) return false
  const held = config.subjects ?? []
  return held.length > 0 && held.every((subject) => filters.some((f) => subjectCovers(f, subject)))
}

/**
 * Whether a jump in the sequences that come by these filters, none for all there is, is a loss: else
 * it is what belongs to others, or what was replaced.
 */
export const jumpsAreGaps = (info: StreamInfo, filters: readonly string[]): boolean =>
  (filters.length === 0 || coversAll(filters, info)) && !isCompacted(info)

/** limits, interest or workqueue. */
export const retentionOf = (info: StreamInfo): string => info.config.retention ?? 'limits'

/**
 * Whether what the stream no longer holds was lost to a reader of these subjects. On a stream that
 * removes what was acknowledged, others' deliveries go as they please.
 */
export const countsAsLost = (info: StreamInfo, filters: readonly string[]): boolean =>
  !isCompacted(info) && (retentionOf(info) === 'limits' || coversAll(filters, info))

/**
 * Whether a server may move a consumer past deliveries that it still holds, when another subject is
 * purged: before 2.10 any consumer (nats-server #3838), with several filters any server known
 * (#8571).
 */
export function mayPassOver(version: string | undefined, filters: readonly string[]): boolean {
  if (filters.length > 1) return true
  return !takesFilters(version)
}

/** Whether a server knows several filters of one consumer: from 2.10 on. */
export function takesFilters(version: string | undefined): boolean {
  const [major = 0, minor = 0] = (version ?? '').split('.').map(Number)
  return major > 2 || (major === 2 && minor >= 10)
}
