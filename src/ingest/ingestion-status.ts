// What one relation's ingestion says of itself. Types only.

import type { StreamPosition } from '../types/connector.ts'

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

export interface IngestionStatus {
  readonly state: IngestionState
  /** The last committed one. */
  readonly position: StreamPosition
  /** Deliveries since start. */
  readonly received: number
  /** Rows committed since start. */
  readonly applied: number
  /** Deliveries since start that became no row, once that is committed. */
  readonly dropped: number
  /** Stream sequences since start that were gone before they could be read. */
  readonly gaps: number
  /** Deliveries that the stream holds and that were not yet received; undefined while unknown. */
  readonly lag: number | undefined
  readonly lastError: string | undefined
  /** How often the stream began another life. */
  readonly restarts: number
  /** Age of the last delivery received, while others are waiting; 0 when none is. */
  readonly lagSeconds: number | undefined
  /** Deliveries a second, over the last ten seconds. */
  readonly rate: number
  /** Unix time in milliseconds at which the last delivery was received. */
  readonly lastDeliveryAt: number | undefined
}
