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
 * Whether a server may pass deliveries over that it still holds: by a purge of another subject, before
 * 2.10 for any consumer (nats-server #3838), with several filters any server known (#8571); or
 * because it could not read them at that moment, before 2.10.16 (its commit 4b86d2f8e).
 */
export function mayPassOver(version: string | undefined, filters: readonly string[]): boolean {
  return filters.length > 1 || isBefore(version, [2, 10, 16])
}

/** Whether a server knows several filters of one consumer: from 2.10 on. */
export const takesFilters = (version: string | undefined): boolean => !isBefore(version, [2, 10, 0])

function isBefore(version: string | undefined, since: readonly number[]): boolean {
  const parts = (version ?? '').split('.').map((part) => parseInt(part, 10) || 0)
  const differs = since.findIndex((part, i) => (parts[i] ?? 0) !== part)
  return differs >= 0 && (parts[differs] ?? 0) < (since[differs] as number)
}
