// Goal: 1,000 hostile payloads that come by a real stream end as exactly the rows that the rules give,
// or as dropped deliveries with a reason, while other relations keep their freshness. Method: the
// generators of test/decode (SEED printed), one relation an encoding, read back as text by the
// stream's sequence; a relation beside them is read all the while.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { JetStreamClient } from 'nats'
import type pg from 'pg'
import t from 'tap'

import {
  AVRO_SCHEMA,
  JSON_FIELDS,
  TEXT_FIELDS,
  avroPayload,
  csvPayload,
  jsonPayload
} from '../decode/payloads.ts'
import type { Payload } from '../decode/payloads.ts'
import { PROTO_TEXT, protoBytes, readRow } from '../decode/proto-oracle.ts'
import { openWorld, rowsOf, STREAM } from '../e2e/world.ts'
import { withoutNats } from '../support/nats-server.ts'
import { random } from '../support/random.ts'
import type { Random } from '../support/random.ts'

/** A stalled relation would be noticed by then. */
const FRESH_MS = 10_000
/** Keys lie so far apart that no few damaged bytes make one payload's key another's. */
const KEYS_APART = 5_000_011

interface Target {
  readonly name: string
  readonly count: number
  readonly columns: string
  readonly encode: string
  /** What is compared, besides the sequence. */
  readonly shown: readonly string[]
  readonly make: (seeds: Random, id: number) => Payload
}

const listed = (fields: readonly { readonly name: string; readonly sql: string }[]): string =>
  `(id int PRIMARY KEY, ${fields.map(({ name, sql }) => `${name} ${sql}`).join(', ')})`

const namesOf = (fields: readonly { readonly name: string }[]): string[] => [
  'id',
  ...fields.map(({ name }) => name)
]

function targets(url: string): Target[] {
  return [
    {
      name: 'json_rows',
      count: 400,
      columns: listed(JSON_FIELDS),
      encode: 'JSON',
      shown: namesOf(JSON_FIELDS),
      make: jsonPayload
    },
    {
      name: 'csv_rows',
      count: 200,
      columns: listed(TEXT_FIELDS),
      encode: "CSV (without_header = 'true')",
      shown: namesOf(TEXT_FIELDS),
      make: csvPayload
    },
    {
      name: 'avro_rows',
      count: 200,
      columns: '(*, PRIMARY KEY (id))',
      encode: `AVRO (schema.location = '${url}/avro')`,
      shown: ['id', 's', 'd', 'price', 'tags', 'more', 'tree'],
      make: avroPayload
    },
    {
      name: 'proto_rows',
      count: 200,
      columns: '',
      encode: `PROTOBUF (message = 'fuzz.Row', schema.location = '${url}/proto')`,
      shown: ['id', 's'],
      make: protoPayload
    }
  ]
}

function protoPayload(seeds: Random): Payload {
  const bytes = protoBytes(seeds)
  const read = readRow(bytes)
  if (!read) return { bytes, want: 'dropped', how: 'no message' }
  return { bytes, want: [String(read.id), read.s.includes('\0') ? null : read.s], how: 'a message' }
}

/** Publishes them all; what must become of each, by its sequence in the stream. */
async function publish(
  jetstream: JetStreamClient,
  { name, count, make }: Target,
  seeds: Random
): Promise<Map<number, Payload>> {
  const sent = new Map<number, Payload>()
  for (let id = 1; id <= count; id++) {
    const payload = make(seeds, id * KEYS_APART)
    const { seq } = await jetstream.publish(`e2e.${name}`, payload.bytes)
    sent.set(seq, payload)
  }
  return sent
}

/** Every value as the server wrote it. */
const AS_SENT = { getTypeParser: () => (text: string | Buffer) => text }

/** Rows by sequence, each column as its text. */
async function shownBy(client: pg.Client, { name, shown }: Target): Promise<Map<number, unknown[]>> {
  const text = `SELECT seq, ${shown.join(', ')} FROM ${name}`
  const { rows } = await client.query<unknown[]>({ text, rowMode: 'array', types: AS_SENT })
  return new Map(rows.map(([seq, ...rest]) => [Number(seq), rest]))
}

function faultOf({ want }: Payload, row: readonly unknown[] | undefined): string | undefined {
  if (want === 'dropped') return row ? 'it was taken' : undefined
  if (!row) return want ? 'it was dropped' : undefined
  const other = want?.findIndex((text, i) => text !== undefined && text !== row[i]) ?? -1
  return other === -1 ? undefined : `${String(row[other])} is not ${String(want?.[other])}`
}

void t.test('hostile payloads', { skip: withoutNats(), timeout: 280_000 }, async (t) => {
  const seeds = random(t)
  const { client, connection, nats } = await openWorld(t)
  const jetstream = connection.jetstream()
  const server = createServer((request, response) => {
    response.end(request.url === '/avro' ? AVRO_SCHEMA : PROTO_TEXT)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const all = targets(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  const fed = (name: string, encode: string): string =>
    `WITH (connector = 'nats', server_url = '127.0.0.1:${nats.port}', subject = 'e2e.${name}',
           stream = '${STREAM}') FORMAT PLAIN ENCODE ${encode}`
  for (const { name, columns, encode } of all) {
    await client.query(`CREATE TABLE ${name} ${columns} INCLUDE sequence AS seq ${fed(name, encode)}`)
  }
  await client.query(`CREATE TABLE beside (n int) ${fed('beside', 'JSON')}`)
  await client.query("SET jetgres.consistency = 'stream'; SET TimeZone = 'UTC'")
  for (const [n, target] of all.entries()) {
    await t.test(target.name, async (t) => {
      const sent = await publish(jetstream, target, seeds)
      await jetstream.publish('e2e.beside', JSON.stringify({ n }))
      const before = performance.now()
      t.same(await rowsOf(client, 'SELECT count(*)::int FROM beside'), [[n + 1]])
      t.ok(performance.now() - before < FRESH_MS, 'a relation beside it is fresh')
      const rows = await shownBy(client, target)
      const faults = [...sent].flatMap(([seq, payload]) => {
        const fault = faultOf(payload, rows.get(seq))
        const told = payload.bytes.subarray(0, 500).toString('latin1')
        return fault === undefined ? [] : [`${payload.how}: ${fault}: ${told}`]
      })
      t.same(faults.slice(0, 3), [], `${faults.length} of ${sent.size}`)
      t.ok(rows.size > 0 && rows.size < sent.size, `${rows.size} of ${sent.size} are rows`)
      t.equal(await droppedOf(client, target.name), sent.size - rows.size, 'all others are counted')
    })
  }
})

async function droppedOf(client: pg.Client, name: string): Promise<number> {
  const { rows } = await client.query<Record<string, string>>('SHOW jetgres.relations')
  return Number(rows.find((row) => row['Name'] === `public.${name}`)?.['Dropped'])
}
