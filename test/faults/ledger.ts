// What the ingestion faults are judged by: a publisher that remembers every delivery the stream has
// acknowledged, a reader that looks at the table all the time, and the comparison of both.

import { setTimeout as sleep } from 'node:timers/promises'

import type { NatsConnection } from 'nats'
import type pg from 'pg'

import { rowsOf } from '../e2e/world.ts'
import { eventually } from '../support/eventually.ts'
import type { Random } from '../support/random.ts'

const ACK_MS = 1_000
const RETRY_MS = 20

/** Publishes { k, v } with v counting up; a window at a time, each until it is acknowledged. */
export class Publisher {
  readonly #connection: NatsConnection
  readonly #subject: string
  readonly #seeds: Random
  readonly #keys: number
  /** v of each acknowledged delivery, by stream sequence. */
  readonly bySequence = new Map<number, { k: number; v: number }>()
  #next = 0
  #over = false
  #running: Promise<void> = Promise.resolve()

  constructor(connection: NatsConnection, subject: string, seeds: Random, keys: number) {
    this.#connection = connection
    this.#subject = subject
    this.#seeds = seeds
    this.#keys = keys
  }

  get published(): number {
    return this.bySequence.size
  }

  /** The highest v that is acknowledged. */
  get newest(): number {
    return this.#next - 1
  }

  /** @param window deliveries in flight at once; @param pauseMs between two windows */
  start(window: number, pauseMs: number): void {
    this.#over = false
    this.#running = this.#run(window, pauseMs)
  }

  async stop(): Promise<void> {
    this.#over = true
    await this.#running
  }

  /** What is published from now on is in another life of the stream. */
  forget(): void {
    this.bySequence.clear()
  }

  async #run(window: number, pauseMs: number): Promise<void> {
    while (!this.#over) {
      const batch = Array.from({ length: window }, (_, i) => this.#next + i)
      await Promise.all(batch.map((v) => this.#publish(v)))
      this.#next += window
      await sleep(pauseMs)
    }
  }

  /** The same id with each try, so that a try whose answer was lost is not stored twice. */
  async #publish(v: number): Promise<void> {
    const k = this.#seeds.int(0, this.#keys - 1)
    const jetstream = this.#connection.jetstream({ timeout: ACK_MS })
    for (;;) {
      try {
        const payload = JSON.stringify({ k, v })
        const { seq } = await jetstream.publish(this.#subject, payload, { msgID: String(v) })
        this.bySequence.set(seq, { k, v })
        return
      } catch {
        await sleep(RETRY_MS)
      }
    }
  }
}

/** Between two reads of the whole table. */
const LOOK_UPS = 50

/** Looks all the time: how long nothing new came, and whether any key's version went back. */
export class Watcher {
  readonly #connect: () => Promise<pg.Client>
  readonly #latest = new Map<number, number>()
  #newest = -1
  #newestAt = performance.now()
  #over = false
  #lookUps = 0
  #running: Promise<void> = Promise.resolve()
  /** Longest time without a new version since the last `reset`. */
  silenceMs = 0
  readonly wentBack: string[] = []

  constructor(connect: () => Promise<pg.Client>) {
    this.#connect = connect
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(): Promise<void> {
    this.#over = true
    await this.#running
  }

  reset(): void {
    this.silenceMs = 0
    this.#newestAt = performance.now()
  }

  async #run(): Promise<void> {
    let client: pg.Client | undefined
    while (!this.#over) {
      try {
        client ??= await this.#connect()
        this.#compare(await rowsOf(client, 'SELECT k, v FROM last'))
        for (let n = 0; n < LOOK_UPS; n++) await this.#lookUp(client)
      } catch {
        await client?.end().catch(() => undefined)
        client = undefined
      }
      await sleep(10)
    }
    await client?.end()
  }

  /** What has come since is not committed yet: a look-up shows it all the same. */
  async #lookUp(client: pg.Client): Promise<void> {
    const keys = [...this.#latest.keys()]
    const key = keys[this.#lookUps++ % Math.max(1, keys.length)] ?? 0
    this.#compare(await rowsOf(client, `SELECT k, v FROM last WHERE k = ${key}`))
  }

  #compare(rows: unknown[][]): void {
    for (const [key, version] of rows) {
      const [k, v] = [Number(key), Number(version)]
      const before = this.#latest.get(k) ?? -1
      if (v < before) this.wentBack.push(`key ${k}: ${v} after ${before}`)
      this.#latest.set(k, v)
      if (v > this.#newest) this.#advance(v)
    }
    this.silenceMs = Math.max(this.silenceMs, performance.now() - this.#newestAt)
  }

  #advance(v: number): void {
    const now = performance.now()
    this.silenceMs = Math.max(this.silenceMs, now - this.#newestAt)
    this.#newest = v
    this.#newestAt = now
  }
}

export interface Verdict {
  readonly lost: number
  readonly doubled: number
  readonly wrong: number
}

/**
 * Compares "every" (a row a delivery) and "last" (a row a key) with what was acknowledged. What was
 * gone before a table's own reader came to it, by jetgres.gaps, is no loss in that table.
 */
export async function judge(client: pg.Client, publisher: Publisher): Promise<Verdict> {
  const want = new Set((await expectedIn('every', client, publisher)).map(({ v }) => v))
  const latest = new Map<number, number>()
  for (const { k, v } of await expectedIn('last', client, publisher)) latest.set(k, v)
  const isAllThere = async (): Promise<boolean> =>
    (await missingOf(client, want)) + (await wrongOf(client, latest)) === 0
  await eventually(isAllThere, {
    deadlineMs: 30_000,
    what: 'every acknowledged delivery'
  }).catch(() => undefined)
  const got = (await rowsOf(client, 'SELECT v FROM every')).map(([v]) => Number(v))
  return {
    lost: await missingOf(client, want),
    doubled: got.length - new Set(got).size,
    wrong: await wrongOf(client, latest)
  }
}

async function expectedIn(table: 'every' | 'last', client: pg.Client, publisher: Publisher) {
  const gaps = await rowsOf(
    client,
    `SELECT first_sequence, last_sequence FROM jetgres.gaps WHERE name = '${table}'`
  )
  const isGone = (sequence: number): boolean =>
    gaps.some(([first, last]) => Number(first) <= sequence && sequence <= Number(last))
  return [...publisher.bySequence]
    .filter(([sequence]) => !isGone(sequence))
    .sort(([a], [b]) => a - b)
    .map(([, row]) => row)
}

async function wrongOf(client: pg.Client, latest: ReadonlyMap<number, number>): Promise<number> {
  const rows = await rowsOf(client, 'SELECT k, v FROM last')
  const last = new Map(rows.map(([k, v]) => [k, Number(v)]))
  return [...latest].filter(([k, v]) => last.get(k) !== v).length
}

async function missingOf(client: pg.Client, want: ReadonlySet<number>): Promise<number> {
  const got = new Set((await rowsOf(client, 'SELECT v FROM every')).map(([v]) => Number(v)))
  return [...want].filter((v) => !got.has(v)).length
}
