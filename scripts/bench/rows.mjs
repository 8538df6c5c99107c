// @ts-check
// The rows every case works on: made from their number alone, so that both sides hold the same.
// About 200 bytes as JSON. Made cheaply: servers that read them share the processors with us.

import { once } from 'node:events'
import { finished } from 'node:stream/promises'

import pgCopy from 'pg-copy-streams'

const countries = ['CH', 'DE', 'FR', 'IT', 'JP', 'KE', 'NO', 'NZ', 'PE', 'US', 'VN', 'ZA']
const kinds = ['view', 'click', 'search', 'purchase', 'signup']
const browsers = ['firefox', 'chrome', 'safari', 'edge']
const sites = ['north', 'south', 'east', 'west']
const firstMs = Date.UTC(2025, 0, 1)
const rowMs = 2_500
const dayMs = 86_400_000
/** Sent at once. With more, their texts outlive the young generation, and cost half as much again. */
const sliceRows = 250

export const devices = 10_000

/** The column list of the events table. */
export const eventColumns = `
  id bigint PRIMARY KEY,
  device int,
  kind varchar,
  country varchar,
  browser varchar,
  amount double precision,
  duration int,
  ok boolean,
  ts timestamptz,
  note varchar`

export const deviceColumns = `
  id int PRIMARY KEY,
  model varchar,
  site varchar`

/** A well-mixed 32 bit number (the finalizer of MurmurHash3). @param {number} n */
export function mix(n) {
  let h = Math.imul(n ^ (n >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** @param {readonly string[]} list @param {number} n */
const pick = (list, n) => list[n % list.length] ?? ''

/**
 * Row `n`, with the key `id` (the same unless rows replace each other).
 * @param {number} n
 * @param {number} [id]
 */
export function eventRow(n, id = n) {
  const [a, b] = [mix(n + 1), mix(n + 0x9e3779b9)]
  return {
    id,
    device: a % devices,
    kind: pick(kinds, (b % 97) % 5),
    country: pick(countries, ((a >>> 8) % 144) ** 0.5 | 0),
    browser: pick(browsers, b >>> 5),
    amount: (b % 100_000) / 100,
    duration: (a >>> 3) % 3_600,
    ok: b % 50 !== 0,
    ts: isoTime(firstMs + n * rowMs),
    note: `note-${a.toString(36)}-${b.toString(36)}`
  }
}

/**
 * As JSON.stringify has it, in a quarter of its time: nothing in a row needs an escape.
 * @param {ReturnType<typeof eventRow>} row
 */
export function eventJson({ id, device, kind, country, browser, amount, duration, ok, ts, note }) {
  return (
    `{"id":${id},"device":${device},"kind":"${kind}","country":"${country}","browser":"${browser}",` +
    `"amount":${amount},"duration":${duration},"ok":${ok},"ts":"${ts}","note":"${note}"}`
  )
}

const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))
let day = { from: NaN, text: '' }

/** As Date has it, whose own takes as long as the rest of a row. @param {number} ms since 1970 */
function isoTime(ms) {
  const rest = ms % dayMs
  if (day.from !== ms - rest) {
    day = { from: ms - rest, text: new Date(ms).toISOString().slice(0, 11) }
  }
  const [seconds, millis] = [Math.floor(rest / 1_000), String(rest % 1_000).padStart(3, '0')]
  const [hour, minute] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60]
  return `${day.text}${twoDigits[hour]}:${twoDigits[minute]}:${twoDigits[seconds % 60]}.${millis}Z`
}

/** @param {number} n */
export function deviceRow(n) {
  return { id: n, model: `m${mix(n) % 40}`, site: pick(sites, mix(n + 7)) }
}

/**
 * What `make` makes of the numbers from `from` to `to`, exclusive, in slices to be sent at once.
 * @template T
 * @param {number} from
 * @param {number} to
 * @param {(n: number) => T} make
 */
export function* slices(from, to, make) {
  for (let first = from; first < to; first += sliceRows) {
    const slice = []
    const end = Math.min(to, first + sliceRows)
    for (let n = first; n < end; n++) slice.push(make(n))
    yield slice
  }
}

/**
 * Fills a table of a plain Postgres, the fast way.
 * @param {import('pg').Client} client
 * @param {string} table
 */
export function openCopy(client, table) {
  const sink = client.query(pgCopy.from(`COPY ${table} FROM STDIN`))
  const over = finished(sink)
  // Whoever waits hears of it; nobody may be waiting.
  over.catch(() => undefined)
  return {
    /** @param {object[]} rows */
    async send(rows) {
      let text = ''
      for (const row of rows) text += `${Object.values(row).join('\t')}\n`
      if (!sink.write(text)) await Promise.race([once(sink, 'drain'), over])
    },
    /** Vacuumed and analysed. */
    async end() {
      sink.end()
      await over
      await client.query(`VACUUM (ANALYZE) ${table}`)
    }
  }
}

/**
 * All of `count` rows.
 * @param {import('pg').Client} client
 * @param {string} table
 * @param {number} count
 * @param {(n: number) => object} row
 */
export async function copyIn(client, table, count, row) {
  const copy = openCopy(client, table)
  for (const rows of slices(0, count, row)) await copy.send(rows)
  await copy.end()
}
