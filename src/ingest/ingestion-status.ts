// What one relation's ingestion says of itself. Types only.

import type { StreamPosition } from '../types/connector.ts'
import type { CatchUpFacts } from './catch-up.ts'

export type IngestionState =
  /** Not yet connected. */
  | 'starting'
  | 'catching up'
  | 'live'
  /** The server or the stream can't be reached. */
  | 'reconnecting'
  /** The store refuses, or going on would make the relation wrong. */
  | 'stalled'
  /** Asked to read nothing. */
  | 'paused'
  | 'stopped'

/** What is counted since the start of the process: an ingestion that takes another's place goes on. */
export interface IngestionCounts {
  /** Deliveries. */
  readonly received: number
  /** Rows committed. */
  readonly applied: number
  /** Deliveries that became no row, once that is committed. */
  readonly dropped: number
  /** Stream sequences that were gone before they could be read. */
  readonly gaps: number
  /** How often the stream began another life. */
  readonly restarts: number
  /** Unix time in milliseconds at which the last delivery was received. */
  readonly lastDeliveryAt: number | undefined
}

export interface IngestionStatus extends IngestionCounts, CatchUpFacts {
  readonly state: IngestionState
  /** The last committed one. */
  readonly position: StreamPosition
  /** Deliveries that the stream holds and that were not yet received; undefined while unknown. */
  readonly lag: number | undefined
  readonly lastError: string | undefined
  /** Age of the last delivery received, while others are waiting; 0 when none is. */
  readonly lagSeconds: number | undefined
  /** Deliveries a second, over the last ten seconds. */
  readonly rate: number
}
