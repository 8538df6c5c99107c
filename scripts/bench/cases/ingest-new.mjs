// @ts-check
// 1 M × 200-byte JSON, every key new; and `ingest-protobuf`, the same rows as protobuf in the same
// rounds, against JSON. The rows and the stream that both sides are left with are what `lookup` goes on
// with: they are those that it would load.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import protobuf from 'protobufjs'

import { eventColumns, eventRow } from '../rows.mjs'
import { results } from '../runner.mjs'
import { loadRelation } from '../streams.mjs'
import { ingest } from './ingest.mjs'
import { adoptEvents, bothServers } from './tables.mjs'

const schema = `syntax = "proto3";
package bench;
import "google/protobuf/timestamp.proto";
message Event {
  int64 id = 1;
  int32 device = 2;
  string kind = 3;
  string country = 4;
  string browser = 5;
  double amount = 6;
  int32 duration = 7;
  bool ok = 8;
  google.protobuf.Timestamp ts = 9;
  string note = 10;
}
`

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const rows = Math.round(1_000_000 * bench.scale)
  const row = (/** @type {number} */ n) => eventRow(n)
  const path = join(bench.cleanups.folder('schema'), 'event.proto')
  writeFileSync(path, schema)
  const stated = `PROTOBUF (message = 'bench.Event', schema.location = 'file://${path}')`
  const servers = await bothServers(bench)
  const work = { deliveries: rows, rows, row, lastKey: rows - 1 }
  const samples = await ingest(bench, servers, work, { protobuf: { encode: encoder(), stated } })
  await leaveJson(bench, servers, rows)
  const { json = [], protobuf: binary = [], consumer } = samples
  const facts = { unit: '1/s', isMoreBetter: true }
  return [
    ...results({ ...facts, case: 'ingest-new', peer: 'hand-written consumer' }, json, consumer),
    ...results({ ...facts, case: 'ingest-protobuf', peer: 'the same as JSON' }, binary, json)
  ]
}

/**
 * @param {import('../runner.mjs').Bench} bench
 * @param {import('./ingest.mjs').Servers} servers
 * @param {number} rows
 */
async function leaveJson(bench, { nats, ours }, rows) {
  // Every other round ends with protobuf.
  if (bench.runs % 2 === 0) {
    await ours.query('DROP TABLE events')
    await loadRelation(ours, nats, 'events', eventColumns, rows)
  }
  await adoptEvents(bench, rows)
}

/** @returns {(row: object) => Uint8Array} */
function encoder() {
  const root = new protobuf.Root()
  const known = protobuf.common.get('google/protobuf/timestamp.proto')
  root.addJSON(known?.nested ?? {})
  const type = protobuf.parse(schema, root).root.lookupType('bench.Event')
  return (row) => {
    const ms = Date.parse(String(/** @type {{ ts?: string }} */ (row).ts))
    const ts = { seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1_000_000 }
    return type.encode({ ...row, ts }).finish()
  }
}
