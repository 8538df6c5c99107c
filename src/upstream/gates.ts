// Gates: advisory locks that hold a session's backend at a place where it can be cancelled, and let it
// go at once. Owns the one maintenance connection of a database that shuts and opens them; knows no
// sessions. While that connection is lost, all gates are open.

import { randomBytes } from 'node:crypto'

import type pg from 'pg'

/** A shut gate. */
export interface Gate {
  /** What a backend has to lock, shared, to wait at it: a bigint as text. */
  readonly key: string
  /** Lets who waits go on; never rejects. */
  open(): Promise<void>
}

export class Gates {
  readonly #connect: () => Promise<pg.PoolClient>
  #client: Promise<pg.PoolClient> | undefined
  /** Gates that are shut, or about to be. */
  #shut = 0

  constructor(connect: () => Promise<pg.PoolClient>) {
    this.#connect = connect
  }

  /** @throws what the connection says */
  async shut(): Promise<Gate> {
    this.#shut++
    const from = (this.#client ??= this.#take())
    // Random: another jetgres may shut its own in the same database.
    const key = randomBytes(8).readBigInt64BE().toString()
    try {
      const client = await from
      await client.query('SELECT pg_catalog.pg_try_advisory_lock($1)', [key])
      return { key, open: () => this.#open(from, client, key) }
    } catch (error) {
      this.#left(from, true)
      throw error
    }
  }

  async #open(from: Promise<pg.PoolClient>, client: pg.PoolClient, key: string): Promise<void> {
    try {
      await client.query('SELECT pg_catalog.pg_advisory_unlock($1)', [key])
      this.#left(from, false)
    } catch {
      this.#left(from, true)
    }
  }

  async #take(): Promise<pg.PoolClient> {
    const client = await this.#connect()
    client.on('error', this.#lost)
    return client
  }

  /** The next query says so. */
  readonly #lost = (): void => undefined

  #left(from: Promise<pg.PoolClient>, hasFailed: boolean): void {
    this.#shut--
    if (hasFailed ? this.#client === from : this.#shut === 0) this.#giveBack(hasFailed)
  }

  #giveBack(isBroken: boolean): void {
    const from = this.#client
    this.#client = undefined
    from?.then(
      (client) => {
        client.off('error', this.#lost)
        client.release(isBroken)
      },
      () => undefined
    )
  }
}
