// Rows that a statement reads beside the store's: tables of one connection's own, which end with it.
// Owns which of them are there. Must never be given rows without a bound: they are in DuckDB's memory.

import type { DuckDBConnection } from '@duckdb/node-api'
import { bindParameters } from './duck-types.ts'
import type { Parameter } from './duck-types.ts'

export interface LentTable {
  /** In the connection's temporary schema. */
  readonly name: string
  /** The SELECT that makes its rows of the parameters. */
  readonly sql: string
  readonly parameters: readonly Parameter[]
}

/** All that one statement reads. The same object stands for the same rows. */
export interface LentTables {
  readonly tables: readonly LentTable[]
  /** What they take in our memory, by a generous estimate. */
  readonly bytes: number
}

export class OwnTables {
  readonly #connection: DuckDBConnection
  #lent: LentTables | undefined
  /** Tables that are there, or may be. */
  #names: readonly string[] = []

  constructor(connection: DuckDBConnection) {
    this.#connection = connection
  }

  /**
   * Makes these tables in the place of those before, `check` between them; false: they are there.
   * Rejects with what DuckDB says.
   */
  async make(lent: LentTables, check: () => void): Promise<boolean> {
    if (this.#lent === lent) return false
    this.#lent = undefined
    await this.#drop()
    this.#names = lent.tables.map(({ name }) => name)
    for (const table of lent.tables) {
      check()
      await this.#create(table)
    }
    this.#lent = lent
    return true
  }

  async #drop(): Promise<void> {
    for (const name of this.#names) await this.#connection.run(`DROP TABLE IF EXISTS ${name}`)
    this.#names = []
  }

  async #create({ name, sql, parameters }: LentTable): Promise<void> {
    const statement = await this.#connection.prepare(`CREATE TEMPORARY TABLE ${name} AS ${sql}`)
    try {
      bindParameters(statement, parameters)
      await statement.run()
    } finally {
      statement.destroySync()
    }
  }
}
