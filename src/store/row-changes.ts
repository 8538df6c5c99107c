// What one transaction does to the rows that are kept in memory: from `committing` on they are in
// doubt, until `ended` tells how it went. Must be ended between the commit and the next transaction.

import type { Batch } from '../types/connector.ts'
import type { Change } from './resident-rows.ts'
import type { RowCache } from './row-cache.ts'

export class RowChanges {
  readonly #rows: RowCache
  readonly #changes: (readonly [number, Change | undefined])[] = []

  constructor(rows: RowCache) {
    this.#rows = rows
  }

  /** @param rows indexes of the rows of the batch that are written */
  committing(batch: Batch, rows: Int32Array): void {
    this.#changes.push([batch.relationId, this.#rows.committing(batch, rows)])
  }

  ended(isCommitted: boolean): void {
    for (const [id, change] of this.#changes) this.#rows.ended(id, change, isCommitted)
  }
}
