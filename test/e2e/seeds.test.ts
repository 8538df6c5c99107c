// Goal: what RisingWave's documentation of NATS shows, old and new, runs as it is written, for each
// encoding and each connect_mode. Method: its statements with the test's own hosts and keys in their
// placeholders; nats-servers without users, with users, and with operator, account and user JWTs.

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

import type { ConnectionOptions } from 'nats'
import { jwtAuthenticator } from 'nats'
import t from 'tap'
import type { Test } from 'tap'

import { schemaOf } from '../decode/protobuf-fixture.ts'
import { startJetgres } from '../support/jetgres.ts'
import { JETSTREAM, operatorKeys } from '../support/nats-operator.ts'
import { connectNats, createStream, startNats, withoutNats } from '../support/nats-server.ts'
import type { NatsServer } from '../support/nats-server.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { rowsOf, untilCount } from './world.ts'

const schema = await schemaOf(`
syntax = "proto3";
package livestream.schema;
message LiveStreamMetrics { string client_ip = 1; int64 video_bps = 2; bool muted = 3; }`)

const SUBJECT = 'live_stream_metrics'
const STREAM = 'risingwave'

const METRICS = [
  { client_ip: '10.0.0.1', video_bps: 1_200_000, muted: false },
  { client_ip: '10.0.0.2', video_bps: 900_000, muted: true }
]

const encoded = (row: (typeof METRICS)[number], encode: Encode): Uint8Array =>
  encode === 'PROTOBUF'
    ? schema.payload('livestream.schema.LiveStreamMetrics', {
        clientIp: row.client_ip,
        videoBps: String(row.video_bps),
        muted: row.muted
      })
    : Buffer.from(JSON.stringify(row))

type Encode = 'JSON' | 'PROTOBUF' | 'BYTES'

/** What stands for a placeholder of the documentation. */
interface Place {
  /** host:port */
  readonly server: string
  readonly subject: string
  readonly schemaUrl: string
  /** The options of the connect mode, in the documentation's order. */
  readonly connect: string
  /** The same with the keys of RisingWave 1.2; undefined where it had none. */
  readonly connectOld: string | undefined
}

/** Today's page: its syntax with each schema_definition, and its example. */
const TODAY: Record<Encode, readonly ((place: Place) => string)[]> = {
  JSON: [
    (place) => `CREATE TABLE IF NOT EXISTS source_name
      ( client_ip varchar PRIMARY KEY, video_bps bigint, muted boolean )
      ${withToday(place)} FORMAT PLAIN ENCODE JSON;`,
    (place) => `CREATE TABLE source_name
      ( client_ip varchar, video_bps bigint, muted boolean, PRIMARY KEY ( client_ip, muted ) )
      ${withToday(place)} FORMAT PLAIN ENCODE JSON;`,
    (place) => `CREATE SOURCE IF NOT EXISTS source_name
      ( client_ip varchar, video_bps bigint, muted boolean )
      ${withToday(place)} FORMAT PLAIN ENCODE JSON;`
  ],
  PROTOBUF: [
    (place) => `CREATE TABLE source_name
      ${withToday(place)}
      FORMAT PLAIN ENCODE PROTOBUF (
      message = 'livestream.schema.LiveStreamMetrics',
      schema.location = '${place.schemaUrl}'
      );`,
    (place) => `CREATE SOURCE source_name
      ${withToday(place)}
      FORMAT PLAIN ENCODE PROTOBUF (
      message = 'livestream.schema.LiveStreamMetrics',
      schema.location = '${place.schemaUrl}'
      );`
  ],
  BYTES: [
    (place) => `CREATE TABLE source_name ( payload bytea )
      ${withToday(place)} FORMAT PLAIN ENCODE BYTES;`,
    (place) => `CREATE SOURCE source_name ( payload bytea )
      ${withToday(place)} FORMAT PLAIN ENCODE BYTES;`
  ]
}

const withToday = (place: Place): string => `WITH (
      connector = 'nats',
      server_url='${place.server}, ${place.server}',
      subject='${place.subject}',
      stream='${STREAM}',
      -- optional parameters
      ${place.connect},
      -- delivery parameters
      scan.startup.mode=\`timestamp_millis\`,
      scan.startup.timestamp.millis='1000'
      )`

/** The page of RisingWave 1.2, which names no stream: it is the subject's. */
const OLD: readonly ((place: Place) => string)[] = ['TABLE', 'SOURCE'].map(
  (kind) => (place: Place) => `CREATE ${kind} IF NOT EXISTS source_name 
( client_ip varchar ${kind === 'TABLE' ? 'PRIMARY KEY' : ''}, video_bps bigint, muted boolean )
WITH (
   connector='nats',
   nats.server_url='${place.server}',
   nats.subject='old_${SUBJECT}'

   -- Optional parameters
   ${place.connectOld}
)
FORMAT PLAIN ENCODE JSON;`
)

const keys = operatorKeys(JETSTREAM)

interface Mode extends Pick<Place, 'connect' | 'connectOld'> {
  /** Of the server. */
  readonly configText: string
  /** How the test itself gets in. */
  readonly own: ConnectionOptions
}

const MODES: Record<string, Mode> = {
  plain: {
    configText: '',
    own: {},
    connect: `connect_mode='plain'`,
    connectOld: ''
  },
  user_and_password: {
    configText: `authorization {
      users: [{ user: "amy", password: "p'w, d" }, { user: "bob", password: "b" }]
    }`,
    own: { user: 'bob', pass: 'b' },
    connect: `connect_mode='user_and_password', username='amy', password='p''w, d'`,
    connectOld: `, nats.user='amy', nats.password='p''w, d'`
  },
  credential: {
    configText: keys.config,
    own: { authenticator: jwtAuthenticator(keys.jwt, Buffer.from(keys.seed)) },
    connect: `connect_mode='credential', jwt=\`${keys.jwt}\`, nkey=\`${keys.seed}\``,
    connectOld: undefined
  }
}

async function serveSchema(t: Test): Promise<string> {
  const server = createServer((request, response) => {
    if (request.url === '/schema') response.end(schema.descriptorSet)
    else response.writeHead(404).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/schema`
}

const subjectOf = (encode: Encode): string =>
  encode === 'PROTOBUF' ? SUBJECT : `${encode.toLowerCase()}_${SUBJECT}`

/** A server with the documentation's stream, and the metrics in every encoding. */
async function startMode(t: Test, mode: string): Promise<NatsServer> {
  const { configText, own } = MODES[mode]!
  const nats = await startNats(t, { configText })
  const connection = await connectNats(t, nats, own)
  const old = `old_${SUBJECT}`
  const encodes: Encode[] = ['JSON', 'PROTOBUF', 'BYTES']
  await createStream(connection, STREAM, encodes.map(subjectOf))
  await createStream(connection, old, [old])
  const jetstream = connection.jetstream()
  for (const row of METRICS) {
    for (const encode of encodes) {
      await jetstream.publish(subjectOf(encode), encoded(row, encode))
    }
    await jetstream.publish(old, encoded(row, 'JSON'))
  }
  return nats
}

const COLUMNS = 'SELECT client_ip, video_bps::int, muted FROM source_name ORDER BY 1'
const WANT = METRICS.map(Object.values)

const skip = { skip: withoutNats() }

for (const mode of Object.keys(MODES)) {
  void t.test(`the documentation's statements run with connect_mode ${mode}`, skip, async (t) => {
    const [nats, postgres, schemaUrl] = await Promise.all([
      startMode(t, mode),
      startPostgres(t),
      serveSchema(t)
    ])
    const jetgres = await startJetgres(t, { upstream: postgres.url })
    const client = await jetgres.connect()
    const { connect, connectOld } = MODES[mode]!
    const check = async (sql: string, encode: Encode): Promise<void> => {
      await client.query(sql)
      await untilCount(client, 'source_name', METRICS.length)
      const rows =
        encode === 'BYTES'
          ? await rowsOf(client, `SELECT convert_from(payload, 'UTF8')::jsonb FROM source_name`)
          : await rowsOf(client, COLUMNS)
      t.same(rows, encode === 'BYTES' ? METRICS.map((row) => [row]) : WANT, sql)
      await client.query(`DROP ${/TABLE|SOURCE/.exec(sql)![0]} source_name`)
    }
    const place = { server: `127.0.0.1:${nats.port}`, schemaUrl, connect, connectOld }
    for (const [encode, statements] of Object.entries(TODAY) as [Encode, typeof OLD][]) {
      for (const statement of statements) {
        await check(statement({ ...place, subject: subjectOf(encode) }), encode)
      }
    }
    for (const statement of connectOld === undefined ? [] : OLD) {
      await check(statement({ ...place, subject: '' }), 'JSON')
    }
    const secrets = [keys.jwt, keys.seed, "p'w, d", "p''w, d"]
    const said = JSON.stringify(jetgres.lines) + jetgres.output
    t.notOk(secrets.some((secret) => said.includes(secret)), 'no secret in the log')
  })
}
