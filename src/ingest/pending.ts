// Rows on their way to one commit, column by column, as the store wants them. Owns their count and
// the memory they are taken for; must never talk to the store.

import { limits } from '../limits.ts'
import { keyReader } from '../store/batch-rows.ts'
import type { RowKey } from '../store/row-slab.ts'
import type { Batch, DroppedDelivery, Gap, StreamPosition } from '../types/connector.ts'
import type { RelationSchema, Value } from '../types/value.ts'
import type { Delivery } from './delivery.ts'

/** What a row costs besides its payload: boxed values, its place in the columns. */
const ROW_OVERHEAD_BYTES = 64

/** Where a row stands. */
export interface PendingRow {
  readonly columns: readonly (readonly Value[])[]
  readonly row: number
  /** Its key's row is to go. */
  readonly isDeleted: boolean
}

export class PendingBatch {
  readonly created: string
  readonly #schema: RelationSchema
  /** The last row of each key, of the first so many rows; read when somebody asks. */
  readonly #byKey = new Map<RowKey, number>()
  #keysRead = 0
  readonly #columns: Value[][]
  readonly #fullAt: number
  readonly #sequences: number[] = []
  readonly #deleted = new Set<number>()
  readonly #dropped: DroppedDelivery[] = []
  readonly #gaps: Gap[] = []
  readonly #since = performance.now()
  #sequence: number
  #bytes = 0
  #moved = false
  #cutsBehind: number | undefined

  /** @param fullAt deliveries that it is full with. */
  constructor(
    schema: RelationSchema,
    position: StreamPosition,
    fullAt: number = limits.commitRows
  ) {
    this.#fullAt = fullAt
    this.#schema = schema
    this.#columns = schema.columns.map(() => [])
    this.created = position.created
    this.#sequence = position.sequence
  }

  /** The highest sequence that this batch covers. */
  get sequence(): number {
    return this.#sequence
  }

  get deliveries(): number {
    return this.#sequences.length + this.#dropped.length
  }

  get dropped(): number {
    return this.#dropped.length
  }

  get bytes(): number {
    return this.#bytes
  }

  /** When it was begun, on performance.now()'s clock. */
  get since(): number {
    return this.#since
  }

  /** Nothing to write, not even a position. */
  get empty(): boolean {
    return this.deliveries === 0 && this.#gaps.length === 0 && !this.#moved
  }

  /** There is nothing to be gained by waiting for more. */
  get full(): boolean {
    return (
      this.deliveries >= this.#fullAt ||
      this.#bytes >= limits.commitBytes ||
      this.#dropped.length >= limits.droppedKeptPerRelation ||
      this.#gaps.length >= limits.gapsKeptPerRelation
    )
  }

  /** `deleted`: the row holds only the key of one that is to go. */
  add(row: readonly Value[], delivery: Delivery, deleted = false): void {
    if (deleted) this.#deleted.add(this.#sequences.length)
    const columns = this.#columns
    for (let i = 0; i < columns.length; i++) (columns[i] as Value[]).push(row[i] as Value)
    this.#sequences.push(delivery.sequence)
    this.#cover(delivery.sequence, delivery.payload.length)
  }

  /** The last row of this key, or the end of one. */
  newest(key: RowKey): PendingRow | undefined {
    if (this.#keysRead < this.#sequences.length) this.#readKeys()
    const row = this.#byKey.get(key)
    if (row === undefined) return undefined
    return { columns: this.#columns, row, isDeleted: this.#deleted.has(row) }
  }

  #readKeys(): void {
    const keyOf = keyReader(this.#schema, { columns: this.#columns })
    for (; this.#keysRead < this.#sequences.length; this.#keysRead++) {
      this.#byKey.set(keyOf(this.#keysRead), this.#keysRead)
    }
  }

  drop(error: string, delivery: Delivery): void {
    // A copy: the payload lies in the socket's buffer, which would stay alive as a whole.
    const payload = Uint8Array.from(delivery.payload.subarray(0, limits.droppedPayloadBytesKept))
    const { sequence, subject } = delivery
    this.#dropped.push({ sequence, subject, error, payload })
    this.#cover(sequence, payload.length)
  }

  /** The position covers it: it is counted once. */
  gap(gap: Gap): void {
    this.#gaps.push(gap)
    this.#cover(gap.last, 0)
  }

  /**
   * Writes the position even if no row comes: the stream has begun another life.
   * @param cutsBehind takes away what the one before had behind this sequence
   */
  move(cutsBehind?: number): void {
    this.#moved = true
    this.#cutsBehind = cutsBehind
  }

  toBatch(relationId: number): Batch {
    return {
      relationId,
      count: this.#sequences.length,
      columns: this.#columns,
      sequences: this.#sequences,
      deleted: this.#deleted,
      position: { sequence: this.#sequence, created: this.created },
      dropped: this.#dropped,
      gaps: this.#gaps,
      cutsBehind: this.#cutsBehind
    }
  }

  #cover(sequence: number, bytes: number): void {
    this.#sequence = sequence
    this.#bytes += bytes + ROW_OVERHEAD_BYTES
  }
}
