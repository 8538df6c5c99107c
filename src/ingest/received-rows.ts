// What a look-up sees of rows that were received and wait for their commit, so that it need not wait
// for one. Owns the promise that goes with it: what was shown is shown again, by whoever reads the
// relation next. Must never show a row that a commit would not put there as it is.

import { RowFields } from '../store/row-fields.ts'
import type { Fields, RowKey } from '../store/row-slab.ts'
import type { RelationSchema } from '../types/value.ts'
import type { Committer } from './committer.ts'
import type { PendingRow } from './pending.ts'
import type { ShownMark } from './shown-marks.ts'

export class ReceivedRows {
  readonly #schema: RelationSchema
  readonly #committer: Committer
  readonly #mark: ShownMark
  /** Where the ingestion before this one had shown rows, in this process or a killed one. */
  #shownBefore: ShownMark['position']
  #encoder: RowFields | undefined

  constructor(schema: RelationSchema, committer: Committer, mark: ShownMark) {
    this.#schema = schema
    this.#committer = committer
    this.#mark = mark
    this.#shownBefore = mark.position
  }

  /** The sequence up to which everything must be received before the relation is read. */
  get owed(): number | undefined {
    const { open } = this.#committer
    const before = this.#shownBefore
    if (before?.created !== open.created || before.sequence <= open.sequence) return undefined
    return before.sequence
  }

  forgive(): void {
    this.#shownBefore = undefined
  }

  /**
   * The newest of the key's rows that wait: its fields as row-fields.ts writes them, good until the next
   * call; null: it is to go; undefined: none waits, or only the store can tell what becomes of it.
   */
  find(key: RowKey): Fields | null | undefined {
    if (this.#schema.onConflict) return undefined
    const row = this.#committer.newest(key)
    const fields = row && (row.isDeleted ? null : this.#fields(row))
    if (fields === undefined) return undefined
    return this.#mark.raise(this.#committer.open) ? fields : undefined
  }

  #fields({ columns, row }: PendingRow): Fields | undefined {
    this.#encoder ??= new RowFields(this.#schema.columns.map((column) => column.type))
    const end = this.#encoder.encode(columns, row)
    return end < 0 ? undefined : { bytes: this.#encoder.buffer, start: 0, end }
  }
}
