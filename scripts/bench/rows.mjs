// @ts-check
// The rows every case works on: made from their number alone, so that both sides hold the same.
// About 200 bytes as JSON.

import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'

import pgCopy from 'pg-copy-streams'

const countries = ['CH', 'DE', 'FR', 'IT', 'JP', 'KE', 'NO', 'NZ', 'PE', 'US', 'VN', 'ZA']
const kinds = ['view', 'click', 'search', 'purchase', 'signup']
const browsers = ['firefox', 'chrome', 'safari', 'edge']
const sites = ['north', 'south', 'east', 'west']
const firstMs = Date.UTC(2025, 0, 1)
const rowMs = 2_500

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
    ts: new Date(firstMs + n * rowMs).toISOString(),
    note: `note-${a.toString(36)}-${b.toString(36)}`
  }
}

/** @param {number} n */
export function deviceRow(n) {
  return { id: n, model: `m${mix(n) % 40}`, site: pick(sites, mix(n + 7)) }
}

/**
 * Fills a table of a plain Postgres, the fast way.
 * @param {import('pg').Client} client
 * @param {string} table
 * @param {number} count
 * @param {(n: number) => object} row
 */
export async function copyIn(client, table, count, row) {
  const sink = client.query(pgCopy.from(`COPY ${table} FROM STDIN`))
  function* lines() {
    const chunk = 500
    for (let from = 0; from < count; from += chunk) {
      let text = ''
      const to = Math.min(count, from + chunk)
      for (let n = from; n < to; n++) text += `${Object.values(row(n)).join('\t')}\n`
      yield text
    }
  }
  await pipeline(Readable.from(lines()), sink)
  await client.query(`VACUUM (ANALYZE) ${table}`)
}
