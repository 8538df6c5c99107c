// @ts-check
// Publishes versions of keys at a steady rate and remembers what the stream acknowledged: the last
// version of each key, every sample. Each window is acknowledged as a whole before the next begins,
// and its keys differ, so the order of a key's versions is known. Must never read what jetgres shows.

import { setTimeout as delay } from 'node:timers/promises'

import { createInbox, headers } from 'nats'

/** @typedef {import('nats').NatsConnection} NatsConnection */

/** Deliveries in flight at once, at most; at a low rate what is due in so many milliseconds. */
const WINDOW = 1_000
const WINDOW_MS = 50
/** Without an answer for so long, what isn't acknowledged is published again, under its own id. */
const RETRY_MS = 1_000
/** One in so many goes to the table that keeps a row a delivery. */
export const SAMPLE = 100

export class Publisher {
  /** Acknowledged deliveries. */
  acknowledged = 0
  /** Every version from here on is not acknowledged yet. */
  next = 0
  /** The version of each sample. @type {Set<number>} */
  sampled = new Set()
  /** What the window in hand waits for, by place in it. @type {Set<number>} */
  #waiting = new Set()
  #done = () => {}

  /** @param {NatsConnection} connection @param {number} keys @param {() => number} random */
  constructor(connection, keys, random) {
    this.connection = connection
    this.random = random
    /** The last acknowledged version of each key, -1: none. */
    this.last = new Int32Array(keys).fill(-1)
    this.inbox = createInbox()
    connection.subscribe(`${this.inbox}.*`, { callback: (_, answer) => this.#acknowledge(answer) })
  }

  /** @param {() => number} rate deliveries a second, as of now @param {() => boolean} isOver */
  async run(rate, isOver) {
    let due = 0
    for (let at = performance.now(); !isOver(); ) {
      const now = performance.now()
      due += ((now - at) / 1_000) * rate()
      at = now
      if (this.acknowledged >= due) await delay(2)
      else await this.#window(Math.ceil((rate() / 1_000) * WINDOW_MS))
    }
  }

  /** @param {number} wanted */
  async #window(wanted) {
    const from = Math.trunc(this.random() * this.last.length)
    const size = Math.min(wanted, WINDOW, this.last.length)
    const window = Array.from({ length: size }, (_, i) => ({
      k: (from + i) % this.last.length,
      v: this.next + i
    }))
    this.#waiting = new Set(window.keys())
    const all = new Promise((settle) => {
      this.#done = () => settle(undefined)
    })
    while (this.#waiting.size > 0) {
      for (const i of this.#waiting) this.#publish(i, window[i])
      await Promise.race([all, delay(RETRY_MS)])
    }
    this.next += size
    this.acknowledged += size
    for (const { k, v } of window) {
      this.last[k] = v
      if (v % SAMPLE === 0) this.sampled.add(v)
    }
  }

  /** @param {number} i @param {{ k: number, v: number }} [row] */
  #publish(i, row) {
    if (!row) return
    const id = headers()
    id.set('Nats-Msg-Id', String(row.v))
    const subject = row.v % SAMPLE === 0 ? 's.sample' : 's.rest'
    const reply = `${this.inbox}.${row.v}`
    this.connection.publish(subject, JSON.stringify(row), { headers: id, reply })
  }

  /** A late answer to an earlier window's try finds nothing. @param {import('nats').Msg} answer */
  #acknowledge(answer) {
    if (!answer.string().includes('"seq"')) return
    const i = Number(answer.subject.slice(this.inbox.length + 1)) - this.next
    if (this.#waiting.delete(i) && this.#waiting.size === 0) this.#done()
  }
}
