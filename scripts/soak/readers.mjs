// @ts-check
// Readers that look all the time, each by a route of its own, and know what any of them has seen:
// whatever a read began after must be in it. Owns that memory and the longest silence; must never
// know what was published.

import { setTimeout as delay } from 'node:timers/promises'

/** @typedef {import('pg').Client} Client */
/** @typedef {import('pg').QueryConfig} QueryConfig */

const SLICE = 1_000
const PAUSE_MS = 20
const RECONNECT_MS = 100
/** Of each kind of message. */
const EXAMPLES_MAX = 20

/** A function that Postgres alone can answer: the statement is relayed. */
const RELAYED = 'pg_backend_pid() > 0'

/** @param {number} first */
function slice(first, also = 'true') {
  return `SELECT k, v FROM latest WHERE k BETWEEN ${first} AND ${first + SLICE - 1} AND ${also}`
}

export class Readers {
  /** Versions that went back, or keys that vanished. @type {string[]} */
  wentBack = []
  /** How often each message was answered. @type {Map<string, number>} */
  errors = new Map()
  looks = { local: 0, lookup: 0, relayed: 0, newest: 0 }
  /** Longest time without a newer version, since the last `reset`. */
  silenceMs = 0
  #newest = -1
  #newestAt = performance.now()
  #over = false
  /** @type {Promise<void>[]} */
  #running = []

  /** @param {() => Promise<Client>} connect @param {number} keys @param {() => number} random */
  constructor(connect, keys, random) {
    this.connect = connect
    this.random = random
    /** The highest version of each key that any read has shown. */
    this.seen = new Int32Array(keys).fill(-1)
  }

  /** How the two routes' statements are answered, by jetgres's own word. */
  async routes() {
    const client = await this.connect()
    const routes = []
    for (const text of [slice(0), slice(0, RELAYED)]) {
      await client.query(text)
      const { rows } = await client.query('SHOW jetgres.last_route')
      routes.push(String(Object.values(rows[0])[0]))
    }
    await client.end()
    return routes
  }

  start() {
    this.#running = [
      this.#look('local', SLICE, (first) => slice(first)),
      this.#look('relayed', SLICE, (first) => slice(first, RELAYED)),
      this.#look('lookup', 1, (first) => ({
        name: 'lookup',
        text: 'SELECT k, v FROM latest WHERE k = $1',
        values: [first]
      })),
      this.#loop('newest', async (client) => {
        const { rows } = await client.query('SELECT max(v) FROM latest')
        this.#notice(Number(rows[0].max ?? -1))
      })
    ]
  }

  async stop() {
    this.#over = true
    await Promise.all(this.#running)
  }

  get newest() {
    return this.#newest
  }

  reset() {
    this.silenceMs = 0
    this.#newestAt = performance.now()
  }

  /**
   * @param {'local' | 'lookup' | 'relayed'} name
   * @param {number} size
   * @param {(first: number) => string | QueryConfig} statement
   */
  #look(name, size, statement) {
    return this.#loop(name, async (client) => {
      const first = Math.trunc(this.random() * Math.max(1, this.seen.length - size))
      const before = this.seen.slice(first, first + size)
      const { rows } = await client.query(statement(first))
      const found = new Map(rows.map(({ k, v }) => [k, v]))
      before.forEach((version, i) => this.#compare(name, first + i, version, found.get(first + i)))
    })
  }

  /** @param {string} name @param {number} key @param {number} before @param {number} [now] */
  #compare(name, key, before, now = -1) {
    if (now < before && this.wentBack.length < EXAMPLES_MAX) {
      this.wentBack.push(`${name}: key ${key} was ${before}, then ${now}`)
    }
    this.seen[key] = Math.max(this.seen[key] ?? -1, now)
  }

  /** @param {number} newest */
  #notice(newest) {
    const now = performance.now()
    this.silenceMs = Math.max(this.silenceMs, now - this.#newestAt)
    if (newest <= this.#newest) return
    this.#newest = newest
    this.#newestAt = now
  }

  /** @param {keyof Readers['looks']} name @param {(client: Client) => Promise<void>} look */
  async #loop(name, look) {
    /** @type {Client | undefined} */
    let client
    while (!this.#over) {
      try {
        client ??= await this.connect()
        await look(client)
        this.looks[name]++
        await delay(PAUSE_MS)
      } catch (error) {
        this.#count(error)
        await client?.end().catch(() => undefined)
        client = undefined
        await delay(RECONNECT_MS)
      }
    }
    await client?.end()
  }

  /** @param {unknown} error */
  #count(error) {
    const { code, message } = /** @type {{ code?: string, message: string }} */ (error)
    const kind = `${code ?? ''} ${message}`.trim()
    this.errors.set(kind, (this.errors.get(kind) ?? 0) + 1)
  }
}
