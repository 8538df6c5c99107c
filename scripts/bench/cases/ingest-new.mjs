// @ts-check
// 1 M × 200-byte JSON, every key new; and `ingest-protobuf`, the same rows as protobuf in the same
// rounds, against JSON.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import protobuf from 'protobufjs'

import { eventRow } from '../rows.mjs'
import { results } from '../runner.mjs'
import { ingest, lastKey } from './ingest.mjs'

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
  const row = (/** @type {number} */ n) => eventRow(n, n === rows - 1 ? lastKey : n)
  const path = join(bench.cleanups.folder('schema'), 'event.proto')
  writeFileSync(path, schema)
  const stated = `PROTOBUF (message = 'bench.Event', schema.location = 'file://${path}')`
  const work = { deliveries: rows, rows, row }
  const samples = await ingest(bench, work, { protobuf: { encode: encoder(), stated } })
  const { json = [], protobuf: binary = [], consumer } = samples
  const facts = { unit: '1/s', isMoreBetter: true }
  return [
    ...results({ ...facts, case: 'ingest-new', peer: 'hand-written consumer' }, json, consumer),
    ...results({ ...facts, case: 'ingest-protobuf', peer: 'the same as JSON' }, binary, json)
  ]
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
