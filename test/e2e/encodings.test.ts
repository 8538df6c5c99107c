// Goal: every encoding and INCLUDE clause works from CREATE to SELECT, on both routes, and outlives a
// restart that its schema's server did not. Method: the statements of RisingWave's documentation as
// they are written, real deliveries, a small http server for the schema.

import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import avsc from 'avsc'
import { headers } from 'nats'
import t from 'tap'
import type { Test } from 'tap'

import { schemaOf } from '../decode/protobuf-fixture.ts'
import { createStream, withoutNats } from '../support/nats-server.ts'
import { bothRoutes, lastRoute, openWorld, refusal, rowsOf, STREAM, untilCount } from './world.ts'
import type { World } from './world.ts'

const MESSAGE = 'livestream.schema.LiveStreamMetrics'
const PROTO = `
syntax = "proto3";
package livestream.schema;
import "google/protobuf/timestamp.proto";
enum Kind { UNKNOWN = 0; BUFFERING = 1; }
message LiveStreamMetrics {
  string client_ip = 1;
  int64 video_bps = 2;
  uint64 total = 3;
  Kind kind = 4;
  google.protobuf.Timestamp report_timestamp = 5;
  repeated string tags = 6;
  map<string, uint64> counters = 7;
  optional double ratio = 8;
}`

const schema = await schemaOf(PROTO)

const METRICS = schema.payload(MESSAGE, {
  clientIp: '10.0.0.1',
  videoBps: '9007199254740993',
  total: '18446744073709551615',
  kind: 1,
  reportTimestamp: { seconds: 1_700_000_000, nanos: 5_000 },
  tags: ['a', 'b'],
  counters: { x: 1 }
})

const AVRO = JSON.stringify({
  type: 'record',
  name: 'Trade',
  fields: [
    { name: 'symbol', type: 'string' },
    { name: 'price', type: { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 4 } },
    { name: 'at', type: ['null', { type: 'long', logicalType: 'timestamp-micros' }] },
    { name: 'tags', type: { type: 'array', items: 'string' } },
    { name: 'venue', type: { type: 'map', values: 'long' } }
  ]
})

const TRADE = avsc.Type.forSchema(JSON.parse(AVRO) as avsc.Schema)

/** Serves the schema, as text below /schema.proto; answers where. */
async function serveSchema(t: Test): Promise<{ url: string; close: () => Promise<void> }> {
  const server = createServer((request, response) => {
    if (request.url === '/schema') response.end(schema.descriptorSet)
    else if (request.url === '/schema.proto') response.end(PROTO)
    else if (request.url === '/schema.avsc') response.end(AVRO)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const close = async (): Promise<void> => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  t.teardown(() => (server.listening ? close() : undefined))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close }
}

const fed = ({ nats }: World, subject: string, format: string): string =>
  `WITH (connector = 'nats', server_url = '127.0.0.1:${nats.port}', subject = '${subject}',
         stream = '${STREAM}', connect_mode = 'plain') ${format}`

/** The rows of a statement that is answered locally, checked against what the upstream reads. */
async function localRows(t: Test, world: World, text: string): Promise<unknown[][]> {
  const rows = await bothRoutes(t, world, text)
  t.equal(await lastRoute(world.client), 'local', text)
  return rows
}

/** As text, so that nothing is read by the rules of the driver. */
const METRICS_AS_TEXT = `
  SELECT client_ip, video_bps::text, total::text, kind, report_timestamp::text, tags::text,
         counters::text, ratio FROM `

const METRICS_ROW = [
  '10.0.0.1',
  '9007199254740993',
  '18446744073709551615',
  'BUFFERING',
  '"2023-11-14T22:13:20.000005Z"',
  '{a,b}',
  '{"x": "1"}',
  null
]

const options = { skip: withoutNats(), timeout: 110_000 }

void t.test('encodings, from CREATE to SELECT', options, async (t) => {
  const world = await openWorld(t)
  const { client, connection, jetgres, nats } = world
  const jetstream = connection.jetstream()
  const server = await serveSchema(t)

  await t.test("the documentation's statements of today, for each encoding", async (t) => {
    await createStream(connection, 'risingwave', ['live_stream_metrics'])
    await jetstream.publish('live_stream_metrics', METRICS)
    // As the documentation has it but for the addresses.
    await client.query(`
      CREATE TABLE live_stream_metrics
      WITH (
      connector = 'nats',
      server_url = '127.0.0.1:${nats.port}',
      subject = 'live_stream_metrics',
      stream = 'risingwave',
      connect_mode = 'plain'
      ) FORMAT PLAIN ENCODE PROTOBUF (
      message = '${MESSAGE}',
      schema.location = '${server.url}/schema'
      );`)
    await untilCount(client, 'live_stream_metrics', 1)
    t.same(await rowsOf(client, `${METRICS_AS_TEXT} live_stream_metrics`), [METRICS_ROW])
    t.same(await rowsOf(world.direct, `${METRICS_AS_TEXT} live_stream_metrics`), [METRICS_ROW])
    await client.query(`
      CREATE SOURCE IF NOT EXISTS source_name
      ( payload bytea )
      WITH (
         connector='nats',
         nats.server_url='127.0.0.1:${nats.port}',
         nats.subject='live_stream_metrics',
         stream = 'risingwave'
      )
      FORMAT PLAIN ENCODE BYTES;`)
    await untilCount(client, 'source_name', 1)
    const [row] = await localRows(t, world, 'SELECT payload FROM source_name')
    t.same(row?.[0], Buffer.from(METRICS))
  })

  await t.test('the older statement, with the columns that are wanted', async (t) => {
    const connector = fed(world, 'e2e.old', '')
    await jetstream.publish('e2e.old', METRICS)
    await client.query(`
      CREATE TABLE old (report_timestamp timestamptz, client_ip varchar PRIMARY KEY) ${connector}
      ROW FORMAT PROTOBUF MESSAGE '.${MESSAGE}' ROW SCHEMA LOCATION '${server.url}/schema.proto'`)
    await untilCount(client, 'old', 1)
    const text = 'SELECT client_ip, extract(epoch FROM report_timestamp)::text FROM old'
    t.same(await rowsOf(client, text), [['10.0.0.1', '1700000000.000005']])
    await jetstream.publish('e2e.old', 'no such message')
    await jetstream.publish('e2e.old', schema.payload(MESSAGE, { clientIp: 'later' }))
    await untilCount(client, 'old', 2)
    t.same(await rowsOf(client, 'SELECT client_ip FROM old ORDER BY 1'), [['10.0.0.1'], ['later']])
  })

  await t.test('CSV, text and Avro, all columns or some of them', async (t) => {
    await client.query(`CREATE TABLE lines (id int PRIMARY KEY, name varchar, at timestamptz)
      ${fed(world, 'e2e.csv', "FORMAT PLAIN ENCODE CSV (delimiter = ';', without_header = 'true')")}`)
    await client.query(`CREATE TABLE headed (name varchar, id int)
      ${fed(world, 'e2e.headed', 'FORMAT PLAIN ENCODE CSV')}`)
    await client.query(`CREATE TABLE numbers (n numeric) INCLUDE subject AS s
      ${fed(world, 'e2e.text.*', 'FORMAT PLAIN ENCODE TEXT')}`)
    const avro = `FORMAT PLAIN ENCODE AVRO (schema.location = '${server.url}/schema.avsc')`
    await client.query(`CREATE TABLE trades ${fed(world, 'e2e.avro', avro)}`)
    await client.query(`CREATE SOURCE few (at timestamp, symbol text) ${fed(world, 'e2e.avro', avro)}`)
    for (const line of ['1;"a;b";2024-01-15T10:20:30Z', '2;x', '1;later;', 'no;number']) {
      await jetstream.publish('e2e.csv', line)
    }
    await jetstream.publish('e2e.headed', 'id,name\r\n7,"say ""hi"""\r\n')
    await jetstream.publish('e2e.text.a', '12345678901234567890.5')
    await jetstream.publish('e2e.text.b', 'none')
    const trade = { symbol: 'X', price: Buffer.from([0x01, 0xe2, 0x40]), tags: ['a'], venue: { v: 1 } }
    await jetstream.publish('e2e.avro', TRADE.toBuffer({ ...trade, at: null }))
    await jetstream.publish('e2e.avro', TRADE.toBuffer({ ...trade, at: 1_700_000_000_000_001 }))
    await jetstream.publish('e2e.avro', Buffer.from([0x02]))
    await client.query('SET jetgres.consistency = stream')
    t.same(await localRows(t, world, 'SELECT id, name, at IS NULL FROM lines ORDER BY id'), [
      [1, 'later', true],
      [2, 'x', true]
    ])
    t.same(await localRows(t, world, 'SELECT * FROM headed'), [['say "hi"', 7]])
    t.same(await localRows(t, world, 'SELECT s, n FROM numbers'), [
      ['e2e.text.a', '12345678901234567890.5']
    ])
    const trades = 'SELECT symbol, price::text, tags::text, venue::text FROM trades'
    const same = ['X', '12.3456', '{a}', '{"v": 1}']
    t.same(await rowsOf(client, trades), [same, same])
    const few = 'SELECT symbol, at::text FROM few ORDER BY at'
    t.same(await rowsOf(client, few), [['X', '2023-11-14 22:13:20.000001'], ['X', null]])
    t.same(await rowsOf(world.direct, few), await rowsOf(client, few))
    await client.query('RESET jetgres.consistency')
  })

  await t.test('INCLUDE shows what NATS knows of a delivery', async (t) => {
    const before = Date.now()
    const given = headers()
    given.set('Nats-Msg-Id', 'm1')
    given.append('Trace', 'a')
    given.append('Trace', 'b')
    const first = await jetstream.publish('e2e.inc.one', '{"v": 1}', { headers: given })
    await jetstream.publish('e2e.inc.two', '{"v": 2}')
    await client.query(`
      CREATE TABLE inc (v int) INCLUDE subject INCLUDE sequence AS seq INCLUDE timestamp AS at
        INCLUDE key AS k INCLUDE header AS h INCLUDE header 'Trace' AS trace
        INCLUDE payload AS p INCLUDE partition AS part INCLUDE offset AS off
      ${fed(world, 'e2e.inc.*', 'FORMAT PLAIN ENCODE JSON')}`)
    await untilCount(client, 'inc', 2)
    const rows = await localRows(
      t,
      world,
      `SELECT v, _rw_nats_subject, k, h, trace, p, part, off = seq::text AS same FROM inc ORDER BY v`
    )
    t.same(rows, [
      [1, 'e2e.inc.one', 'm1', { Trace: ['a', 'b'], 'Nats-Msg-Id': 'm1' }, 'a', { v: 1 }, '0', true],
      [2, 'e2e.inc.two', null, {}, null, { v: 2 }, '0', true]
    ])
    const [[seq, at] = []] = await rowsOf(client, 'SELECT seq, at FROM inc ORDER BY seq LIMIT 1')
    t.equal(Number(seq), first.seq)
    const time = (at as Date).getTime()
    t.ok(time >= before - 1_000 && time <= Date.now() + 1_000, 'the time of publishing')
    const columns = await rowsOf(
      world.direct,
      `SELECT attname FROM pg_attribute WHERE attrelid = 'inc'::regclass AND attnum > 0
       ORDER BY attnum`
    )
    const names = ['v', 'off', 'part', 'p', 'trace', 'h', 'k', 'at', 'seq', '_rw_nats_subject']
    t.same(columns.flat(), names, 'in reverse order of writing')
  })

  await t.test('an included column is a key like any other', async (t) => {
    await client.query(`
      CREATE TABLE latest (v int, PRIMARY KEY (place)) INCLUDE subject AS place
      ${fed(world, 'e2e.latest.*', 'FORMAT PLAIN ENCODE JSON')}`)
    for (const [place, v] of [['a', 1], ['b', 2], ['a', 3]] as const) {
      await jetstream.publish(`e2e.latest.${place}`, JSON.stringify({ v }))
    }
    await untilCount(client, 'latest', 2)
    const text = 'SELECT place, v FROM latest ORDER BY place'
    t.same(await localRows(t, world, text), [['e2e.latest.a', 3], ['e2e.latest.b', 2]])
  })

  await t.test('a table says which delivery of a key is its row', async (t) => {
    const tables = [
      ['newest', 'ON CONFLICT DO UPDATE FULL', [[1, 2, 'late'], [2, 1, 'new']]],
      ['oldest', 'APPEND ONLY ON CONFLICT DO NOTHING', [[1, 5, 'a'], [2, 1, 'new']]],
      ['highest', 'WITH VERSION COLUMN (ver)', [[1, 7, 'b'], [2, 1, 'new']]]
    ] as const
    for (const [name, clause] of tables) {
      await client.query(`CREATE TABLE ${name} (id int PRIMARY KEY, ver int, v varchar) ${clause}
        ${fed(world, 'e2e.ver', 'FORMAT PLAIN ENCODE JSON')}`)
    }
    await client.query('SET jetgres.consistency = stream')
    const deliveries = [[1, 5, 'a'], [1, 7, 'b'], [1, 2, 'late'], [2, 1, 'new']]
    for (const [id, ver, v] of deliveries) {
      await jetstream.publish('e2e.ver', JSON.stringify({ id, ver, v }))
      for (const [name] of tables) await rowsOf(client, `SELECT count(*) FROM ${name}`)
    }
    for (const [name, , rows] of tables) {
      t.same(await rowsOf(client, `SELECT id, ver, v FROM ${name} ORDER BY id`), rows, name)
    }
    await client.query('RESET jetgres.consistency')
    const create = `CREATE TABLE bad (id int PRIMARY KEY, v varchar) WITH VERSION COLUMN (v)
      ${fed(world, 'e2e.ver', 'FORMAT PLAIN ENCODE JSON')}`
    t.match(await refusal(client, create), {
      code: '0A000',
      message: 'column "v" of type character varying cannot be a version'
    })
  })

  await t.test('what does not fit a schema leaves nothing behind', async (t) => {
    const format = (message: string, path: string): string =>
      `FORMAT PLAIN ENCODE PROTOBUF (message = '${message}', schema.location = '${path}')`
    const create = (columns: string, message = MESSAGE, path = `${server.url}/schema`): string =>
      `CREATE TABLE bad ${columns} ${fed(world, 'e2e.bad', format(message, path))}`
    const cases: [string, string, RegExp, string][] = [
      [create('(client_ip int)'), '42P16', /^Data type mismatch for column "client_ip"/, 'client_ip'],
      [create('(video_bps int)'), '42P16',
        /Defined in SQL as "integer", but found in the source as "bigint"$/, 'video_bps'],
      [create('(nothing int)'), '42703', /"nothing" is defined in SQL but not found/, 'nothing'],
      [create('', 'no.Such'), '42704', /^cannot find message `no.Such` in schema$/, "'no.Such'"],
      [create('', MESSAGE, `${server.url}/none`), 'HV00R', /does not exist$/, `'${server.url}`],
      [create('', MESSAGE, 's3://b/k'), '0A000', /scheme s3 are not supported/, "'s3:"]
    ]
    for (const [text, code, message, at] of cases) {
      const told = await refusal(client, text)
      t.match(told, { code, message }, text)
      t.ok(told.at?.startsWith(at), `at ${told.at?.slice(0, 30)}`)
    }
    t.same(await rowsOf(client, "SELECT to_regclass('bad')"), [[null]])
  })

  await t.test('a file of the server is for those who may read it', async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'jetgres-schema-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    await writeFile(join(folder, 'schema.pb'), schema.descriptorSet)
    const location = pathToFileURL(join(folder, 'schema.pb')).href
    const create = `CREATE TABLE from_file ${fed(world, 'e2e.file', `FORMAT PLAIN ENCODE PROTOBUF
      (message = '${MESSAGE}', schema.location = '${location}')`)}`
    await client.query('CREATE ROLE plain; GRANT CREATE ON SCHEMA public TO plain; SET ROLE plain')
    t.match(await refusal(client, create), {
      code: '42501',
      message: 'permission denied to read a schema from a file'
    })
    await client.query('RESET ROLE')
    await client.query(create)
    t.same(await rowsOf(client, 'SELECT * FROM from_file'), [])
  })

  await t.test('a restart needs no server of schemas', async (t) => {
    await server.close()
    await client.end()
    await jetgres.restart()
    const again = await jetgres.connect()
    await jetstream.publish('live_stream_metrics', schema.payload(MESSAGE, { clientIp: 'new' }))
    await untilCount(again, 'live_stream_metrics', 2)
    t.same(await rowsOf(again, `${METRICS_AS_TEXT} live_stream_metrics ORDER BY client_ip`), [
      METRICS_ROW,
      ['new', '0', '0', 'UNKNOWN', null, '{}', '{}', null]
    ])
  })
})
