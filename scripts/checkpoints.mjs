// @ts-check
// What checkpoints cost at 10 M rows: batches are written as fast as the store takes them while a
// reader asks for one row all the time. Prints, for loading, scattered upserts, the deletion of all
// but a tenth and new rows in their place, what a checkpoint adds to the commit behind it
// and to reads, what the tables take up in the file, and the memory. Exit code 1 where either waited
// for more than 250 ms more, or deleted space is not taken back. By hand, after `npm run build`;
// three minutes on a quiet machine.
//
//   node scripts/checkpoints.mjs [--rows=10000000] [--memory-mib=1024]

import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseArgs } from 'node:util'

import { createLogger } from '../dist/log.js'
import { Store } from '../dist/store/store.js'

const { values: flags } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000000' },
    'memory-mib': { type: 'string', default: '1024' }
  }
})
const rows = Number(flags.rows)
const batchRows = 50_000
const stallMsMax = 250
const integer = { oid: 23, typmod: -1 }
const text = { oid: 25, typmod: -1 }
const column = (/** @type {number} */ attnum, /** @type {object} */ type) =>
  /** @type {any} */ ({ attnum, name: `c${attnum}`, type, notNull: attnum === 1 })
const schema = { id: 1, columns: [column(1, integer), column(2, integer), column(3, text)], key: [1] }

const folder = mkdtempSync(join(tmpdir(), 'jetgres-checkpoints-'))
const path = join(folder, 'store.duckdb')
const log = createLogger({ level: 'warn', format: 'json' })
const memoryBytesMax = Number(flags['memory-mib']) * 1024 ** 2
const store = await Store.open({ path, log, memoryBytesMax })
await store.define(schema, '', { sequence: 0, created: 'now' })

const half = rows / 2
let sequence = 0
let isOver = false
/** In ms, by what was waited for; `…AtCheckpoint`: one was under way. */
const waits = { commit: [0], commitAtCheckpoint: [0], read: [0], readAtCheckpoint: [0] }
/** What a checkpoint added, at most: to commits and to reads. */
const added = { commit: 0, read: 0 }
const reading = read()
await phase('load', rows, (n) => n)
const loaded = await usedBytes()
await phase('scattered upserts', rows / 2, (n) => (n * 7_919) % rows)
await settled('upserts')
await timed('all but a tenth is deleted', () => store.trim(schema.id, sequence - rows / 10))
const left = await settled('deletion')
await phase('new rows in its place', half, (n) => rows + n)
const again = await settled('new rows')
isOver = true
await reading
await timed('the relation is dropped', () => store.drop(schema.id))
await timed('closed', () => store.close())
console.log(sizes())
rmSync(folder, { recursive: true })
console.log(`a checkpoint adds at most ${shown(added.commit)} to a commit, ${shown(added.read)} to a read`)
console.log(`a tenth of the rows takes ${share(left)} of all, six tenths ${share(again)}`)
const isStalled = Math.max(added.commit, added.read) > stallMsMax
process.exit(isStalled || left > loaded / 2 || again > loaded ? 1 : 0)

/** @param {string} name @param {number} count @param {(n: number) => number} keyOf */
async function phase(name, count, keyOf) {
  for (const list of Object.values(waits)) list.length = 0
  const start = performance.now()
  for (let n = 0; n < count; n += batchRows) {
    const before = walBytes()
    const from = performance.now()
    await store.apply(batch(n, keyOf))
    // The checkpoint runs behind the commit that made it due: the next one waits for it.
    waits[walBytes() < before ? 'commitAtCheckpoint' : 'commit'].push(performance.now() - from)
  }
  const rate = Math.round(count / (performance.now() - start))
  console.log(`${name}: ${rate} k rows/s, ${sizes()}`)
  for (const [what, list] of Object.entries(waits)) {
    const [most, median] = [quantile(list, 1), quantile(list, 0.5)]
    console.log(`  ${what}: ${list.length} times, median ${shown(median)}, at most ${shown(most)}`)
  }
  for (const what of /** @type {const} */ (['commit', 'read'])) {
    const more = quantile(waits[`${what}AtCheckpoint`], 1) - quantile(waits[what], 0.5)
    added[what] = Math.max(added[what], more)
  }
}

/** Until what the tables take up has not changed for a while; in bytes. @param {string} behind */
async function settled(behind) {
  const start = performance.now()
  let [least, since] = [await usedBytes(), start]
  while (performance.now() - since < 8_000) {
    await delay(200)
    const now = await usedBytes()
    if (now < least) [least, since] = [now, performance.now()]
  }
  console.log(`  behind the ${behind}: ${Math.round(least / 1e6)} MB used after ${shown(since - start)}`)
  return least
}

async function usedBytes() {
  const sql = 'SELECT (used_blocks * block_size)::DOUBLE FROM pragma_database_size()'
  const snapshot = await store.snapshot({ pinned: false })
  const cursor = await snapshot.query(sql)
  const chunk = await cursor.next()
  await snapshot.release()
  return Number(chunk?.columns[0]?.[0])
}

async function read() {
  while (!isOver) {
    const before = walBytes()
    const from = performance.now()
    const snapshot = await store.snapshot({ pinned: false })
    const cursor = await snapshot.query('SELECT c2 FROM r1 LIMIT 1')
    while (await cursor.next());
    await snapshot.release()
    waits[walBytes() < before ? 'readAtCheckpoint' : 'read'].push(performance.now() - from)
    await delay(5)
  }
}

/** @param {string} what @param {() => Promise<void>} work */
async function timed(what, work) {
  const start = performance.now()
  await work()
  console.log(`${what} in ${shown(performance.now() - start)}`)
}

/** @param {number} from @param {(n: number) => number} keyOf @returns {any} */
function batch(from, keyOf) {
  const numbers = Array.from({ length: batchRows }, (_, i) => from + i)
  const first = sequence + 1
  sequence += batchRows
  return {
    relationId: schema.id,
    count: batchRows,
    columns: [numbers.map(keyOf), numbers, numbers.map((n) => `text of number ${n}`)],
    sequences: numbers.map((_, i) => first + i),
    deleted: new Set(),
    position: { sequence, created: 'now' },
    dropped: []
  }
}

function walBytes() {
  return statSync(`${path}.wal`, { throwIfNoEntry: false })?.size ?? 0
}

/** @param {number[]} list @param {number} part of them is below it */
function quantile(list, part) {
  return list.toSorted((a, b) => a - b)[Math.ceil(list.length * part) - 1] ?? 0
}

/** @param {number} ms */
function shown(ms) {
  return `${Math.round(ms)} ms`
}

/** @param {number} bytes */
function share(bytes) {
  return `${Math.round((100 * bytes) / loaded)} %`
}

function sizes() {
  const memory = Math.round(process.memoryUsage().rss / 1024 ** 2)
  return `file ${Math.round(statSync(path).size / 1e6)} MB, log ${Math.round(walBytes() / 1e6)} MB, memory ${memory} MiB`
}
