// Tells whether something was committed meanwhile. DuckDB plans a statement by the statistics of
// that moment and trusts them as long as the plan lives: run after a later commit, `id > 255` was
// seen to give nothing, ORDER BY a wrong order. So a plan serves one committed state only
// (reader.ts).

export class CommitClock {
  #value = 0

  /** Odd while a commit is under way: its rows may be visible or not. */
  get value(): number {
    return this.#value
  }

  get isStable(): boolean {
    return this.#value % 2 === 0
  }

  /** Runs the commit. */
  async tick<T>(commit: () => Promise<T>): Promise<T> {
    this.#value++
    try {
      return await commit()
    } finally {
      this.#value++
    }
  }
}
