// @ts-check
// What checkpoints cost at 10 M rows: batches are written as fast as the store takes them while a
// reader asks for one row all the time. Prints, for loading, scattered upserts, a deletion of half
// and new rows in its place, the longest commit and read with and without a checkpoint in them,
// the files' sizes and the memory. Exit code 1 where either waited for more than 250 ms more. By
// hand, after `npm run build`; two minutes on a quiet machine.
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

let sequence = 0
let isOver = false
/** By what was waited for; `checkpoint`: one was under way. */
const waits = { commit: [0], commitAtCheckpoint: [0], read: [0], readAtCheckpoint: [0] }
let checkpoints = 0
const reading = read()
const half = rows / 2
await phase('load', rows, (n) => n)
await phase('scattered upserts', rows / 5, (n) => (n * 7_919) % rows)
const began = performance.now()
await store.trim(schema.id, sequence - rows / 5 - half)
console.log(`half is deleted in ${Math.round(performance.now() - began)} ms`)
await phase('new rows in its place', half, (n) => rows + n)
isOver = true
await reading
const closing = performance.now()
await store.close()
console.log(`closed in ${Math.round(performance.now() - closing)} ms: ${sizes()}`)
rmSync(folder, { recursive: true })
const stalled = [
  longest(waits.commitAtCheckpoint) - longest(waits.commit),
  longest(waits.readAtCheckpoint) - longest(waits.read)
]
console.log(`a checkpoint adds at most ${stalled.map(Math.round).join(' ms to a commit, ')} ms to a read`)
process.exit(Math.max(...stalled) > stallMsMax ? 1 : 0)

/** @param {string} name @param {number} count @param {(n: number) => number} keyOf */
async function phase(name, count, keyOf) {
  for (const list of Object.values(waits)) list.length = 0
  checkpoints = 0
  const start = performance.now()
  for (let n = 0; n < count; n += batchRows) {
    const before = walBytes()
    const from = performance.now()
    await store.apply(batch(n, keyOf))
    const took = performance.now() - from
    // The checkpoint runs behind the commit that made the log too long: the next one waits for it.
    const isAfter = walBytes() < before
    if (isAfter) checkpoints++
    waits[isAfter ? 'commitAtCheckpoint' : 'commit'].push(took)
  }
  const rate = Math.round(count / (performance.now() - start))
  console.log(`${name}: ${rate} k rows/s, ${checkpoints} checkpoints, ${sizes()}`)
  for (const [what, list] of Object.entries(waits)) {
    console.log(`  ${what}: ${list.length} times, at most ${Math.round(longest(list))} ms`)
  }
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

/** @param {number[]} list */
function longest(list) {
  return list.reduce((most, ms) => Math.max(most, ms), 0)
}

function sizes() {
  const memory = Math.round(process.memoryUsage().rss / 1024 ** 2)
  return `file ${Math.round(statSync(path).size / 1e6)} MB, log ${Math.round(walBytes() / 1e6)} MB, memory ${memory} MiB`
}
