// @ts-check
// The peer of ingestion: the best consumer we can write by hand, a process of its own. It reads
// with jetgres's own NATS reader and settings; decodes the next batch while Postgres writes the
// last; keeps each key's last row of a batch; writes rows and position in one prepared statement, so that
// commits need not wait for the disk: after a crash it would go on from the position it finds.
//
//   consumer.mjs NATS_URL STREAM SOCKET_DIR PORT TABLE
// A number by IPC is the first sequence to read; SIGTERM ends it.

import { connect } from 'nats'
import pg from 'pg'

import { createConsumer } from '../../dist/ingest/jetstream.js'
import { PullSession } from '../../dist/ingest/pull-session.js'

const batchRows = 10_000
/** Decoded batches that wait for Postgres; beyond it the stream isn't read. */
const fullMax = 3
/** Rows wait this long for a fuller batch while the stream holds more. */
const lingerMs = 20
/** Between a session's end and the next one's begin. */
const reopenMs = 100

const [natsUrl = '', stream = '', host = '', port, table = ''] = process.argv.slice(2)

const columns = {
  id: 'bigint',
  device: 'int',
  kind: 'varchar',
  country: 'varchar',
  browser: 'varchar',
  amount: 'float8',
  duration: 'int',
  ok: 'boolean',
  ts: 'timestamptz',
  note: 'varchar'
}
const names = Object.keys(columns)
const isText = Object.values(columns).map((type) => type === 'varchar' || type === 'timestamptz')
const arrays = Object.values(columns).map((type, n) => `$${n + 1}::${type}[]`)
const updates = names.slice(1).map((name) => `${name} = excluded.${name}`)
const upsert = `WITH moved AS (
  INSERT INTO consumer_position VALUES ('${table}', $${names.length + 1})
  ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence)
INSERT INTO ${table} (${names.join(', ')}) SELECT * FROM unnest(${arrays.join(', ')})
ON CONFLICT (id) DO UPDATE SET ${updates.join(', ')}`

/** @typedef {Record<string, string | number | boolean | null>} Row */
/** @typedef {{ payload: Uint8Array, sequence: number, pending: number }} Delivery */

const nats = await connect({ servers: natsUrl })
const postgres = new pg.Client({ host, port: Number(port), user: 'postgres', database: 'postgres' })
await postgres.connect()
await postgres.query('SET synchronous_commit = off')
await postgres.query(`CREATE TABLE IF NOT EXISTS consumer_position (
  name text PRIMARY KEY, sequence bigint)`)

/** One statement's rows by key, of which the last wins, and the position behind them. */
class Batch {
  /** @type {Map<unknown, Row>} */
  rows = new Map()
  sequence = 0
}

/** Full batches, oldest first. @type {Batch[]} */
const full = []
let open = new Batch()
let isWriting = false
/** @type {PullSession | undefined} */
let session
/** The last sequence that came. */
let received = 0
/** @type {NodeJS.Timeout | undefined} */
let lingering

process.on('message', (message) => void start(Number(message)))
process.on('SIGTERM', () => process.exit(0))
process.on('disconnect', () => process.exit(0))
process.send?.('ready')

/**
 * Reads for good: where a session ends, as it does when the server fell silent, another one goes on.
 * @param {number} from the first sequence to read
 */
async function start(from) {
  received = from - 1
  for (let life = 0; ; life++) {
    const reading = read(`consumer_${process.pid}_${life}`, received + 1)
    console.error('reading goes on behind', await reading.catch((error) => error))
    await new Promise((done) => setTimeout(done, reopenMs))
  }
}

/** Until its session ends. @param {string} name @param {number} from */
async function read(name, from) {
  const request = { stream, name, filters: [stream], inactiveMs: 300_000 }
  const start = { deliver_policy: /** @type {const} */ ('by_start_sequence'), opt_start_seq: from }
  const consumer = await createConsumer(nats, { ...request, start })
  session = new PullSession({
    connection: nats,
    stream,
    consumer: consumer.name,
    paused: full.length >= fullMax,
    onDelivery: (/** @type {Delivery} */ delivery) => take(delivery),
    onIdle: () => write()
  })
  return session.ended
}

/** @param {Delivery} delivery */
function take({ payload, sequence, pending }) {
  const { buffer, byteOffset, length } = payload
  /** @type {Row} */
  const row = JSON.parse(Buffer.from(buffer, byteOffset, length).toString())
  open.rows.set(row.id, row)
  open.sequence = received = sequence
  if (open.rows.size >= batchRows) closeBatch()
  if (full.length > 0 || pending === 0) write()
  else lingering ??= setTimeout(write, lingerMs)
}

function closeBatch() {
  full.push(open)
  open = new Batch()
  if (full.length >= fullMax) session?.pause()
}

/** The oldest batch, and when that is written the next, until nothing waits. */
function write() {
  clearTimeout(lingering)
  lingering = undefined
  if (isWriting) return
  if (full.length === 0 && open.rows.size > 0) closeBatch()
  const batch = full.shift()
  if (!batch) return
  if (full.length < fullMax) session?.resume()
  isWriting = true
  const values = [...encode([...batch.rows.values()]), batch.sequence]
  postgres.query({ name: 'upsert', text: upsert, values }).then(written, failed)
}

function written() {
  isWriting = false
  if (full.length > 0 || open.rows.size > 0) write()
}

/** @param {unknown} error */
function failed(error) {
  console.error(error)
  process.exit(1)
}

/** One array literal a column: much faster than pg's own encoding of arrays. @param {Row[]} rows */
function encode(rows) {
  return names.map((name, column) => {
    const items = rows.map((row) => encodeValue(row[name] ?? null, isText[column] ?? true))
    return `{${items.join(',')}}`
  })
}

/** @param {string | number | boolean | null} value @param {boolean} isQuoted */
function encodeValue(value, isQuoted) {
  if (value === null) return 'NULL'
  if (!isQuoted) return String(value)
  return `"${String(value).replace(/["\\]/g, '\\$&')}"`
}
