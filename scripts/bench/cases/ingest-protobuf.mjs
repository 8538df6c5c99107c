// @ts-check
// The rows of `ingest-new` as protobuf, against the same rows as JSON in the same server.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import protobuf from 'protobufjs'

import { eventColumns, eventRow } from '../rows.mjs'
import { alternate, results } from '../runner.mjs'
import { connect, Jetgres, startNats } from '../servers.mjs'
import { caughtUp, createRelation, makeStream, publish } from '../streams.mjs'
import { lastKey } from './ingest.mjs'

const schema = `syntax = "proto3";
package bench;
message Event {
  int64 id = 1;
  int32 device = 2;
  string kind = 3;
  string country = 4;
  string browser = 5;
  double amount = 6;
  int32 duration = 7;
  bool ok = 8;
  string ts = 9;
  string note = 10;
}
`
const columns = eventColumns.replace('ts timestamptz', 'ts varchar')

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { cleanups, say } = bench
  const rows = Math.round(1_000_000 * bench.scale)
  const path = join(cleanups.folder('schema'), 'event.proto')
  writeFileSync(path, schema)
  const type = protobuf.parse(schema).root.lookupType('bench.Event')
  const nats = await startNats(cleanups)
  const jetgres = await Jetgres.start(cleanups, bench)
  const client = await connect(cleanups, jetgres)
  const row = (/** @type {number} */ n) => eventRow(n, n === rows - 1 ? lastKey : n)
  say(`  publishing ${rows} deliveries of each kind`)
  for (const name of ['json', 'protobuf']) await makeStream(nats, name)
  await publish(nats, 'json', rows, row)
  await publish(nats, 'protobuf', rows, row, (each) => type.encode(type.fromObject(each)).finish())

  const encodings = {
    json: 'JSON',
    protobuf: `PROTOBUF (message = 'bench.Event', schema.location = 'file://${path}')`
  }
  const measure = async (/** @type {keyof typeof encodings} */ name) => {
    const from = performance.now()
    await client.query(createRelation(nats, 'events', columns, name, encodings[name]))
    const last = `SELECT id FROM events WHERE id = ${lastKey}`
    const to = await caughtUp(client, last, (found) => found.length === 1)
    const [{ count }] = (await client.query('SELECT count(*) FROM events')).rows
    if (Number(count) !== rows) throw new Error(`${count} rows, not ${rows}`)
    await client.query('DROP TABLE events')
    return { 'deliveries/s': (rows / (to - from)) * 1_000 }
  }
  const sides = { jetgres: () => measure('protobuf'), json: () => measure('json') }
  const samples = await alternate(bench, sides, { isWarm: true })
  const facts = { case: 'ingest-protobuf', unit: '1/s', isMoreBetter: true, peer: 'the same as JSON' }
  return results(facts, samples.jetgres, samples.json)
}
