// How many rows of each table are deleted and still take up space, and when they are worth a step that
// takes it back. Pure; must never look at a database.

import { limits } from '../limits.ts'

/** Rows of a DuckDB row group: a step that is worth it makes one of them free. */
const ROW_GROUP_ROWS = 122_880

/** Rows by table, the deleted ones with the others. */
export type RowsKept = ReadonlyMap<string, number>

interface Deleted {
  /** Less those whose space was taken back. */
  rows: number
  /** So many are worth a look, and then a step. */
  stepAt: number
}

export class DeletedRows {
  readonly #tables = new Map<string, Deleted>()

  add(table: string, rows: number): void {
    const deleted = this.#tables.get(table) ?? { rows: 0, stepAt: ROW_GROUP_ROWS }
    deleted.rows += rows
    this.#tables.set(table, deleted)
  }

  /** Of some table there are many: whether they are enough, the rows that are kept tell. */
  get areMany(): boolean {
    return [...this.#tables.values()].some(({ rows, stepAt }) => rows >= stepAt)
  }

  /** Whether they are enough of some table; of the others more are waited for. */
  areEnough(kept: RowsKept): boolean {
    for (const [table, deleted] of this.#tables) {
      deleted.stepAt = Math.max(deleted.stepAt, enough(kept.get(table) ?? 0))
    }
    return this.areMany
  }

  /**
   * After a step.
   * @returns rows whose space was taken back, of all tables
   */
  takenBack(before: RowsKept, after: RowsKept): number {
    let sum = 0
    for (const [table, deleted] of this.#tables) {
      const left = after.get(table)
      const freed = Math.max(0, (before.get(table) ?? 0) - (left ?? 0))
      sum += freed
      deleted.rows = Math.max(0, deleted.rows - freed)
      deleted.stepAt = enough(left ?? 0)
      if (freed < ROW_GROUP_ROWS / 2) putOff(deleted)
      if (left === undefined) this.#tables.delete(table)
    }
    return sum
  }

  /** The step could not be made. */
  putOff(): void {
    for (const deleted of this.#tables.values()) putOff(deleted)
  }
}

/** One that found little to do is not repeated for what it has left. */
function putOff(deleted: Deleted): void {
  deleted.stepAt = Math.max(deleted.stepAt, ROW_GROUP_ROWS + deleted.rows)
}

const enough = (kept: number): number => Math.max(ROW_GROUP_ROWS, kept * limits.vacuumShare)
