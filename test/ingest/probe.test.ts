// Goal: whatever is wrong with a connector is told at CREATE with its own SQLSTATE and words, and
// the start position becomes the right sequence. Method: real nats-servers, one for each set-up.

import { readFile } from 'node:fs/promises'

import { nkeys } from 'nats'
import t from 'tap'
import type { Test } from 'tap'

import { PgError } from '../../src/errors.ts'
import { probe } from '../../src/ingest/probe.ts'
import type { NatsConnector } from '../../src/types/connector.ts'
import { certificateAuthority } from '../support/certificates.ts'
import { freePort } from '../support/free-port.ts'
import { operatorKeys } from '../support/nats-operator.ts'
import type { KeyPair } from '../support/nats-operator.ts'
import {
  connectNats,
  createStream,
  publishJson,
  startNats,
  startStream,
  withoutNats
} from '../support/nats-server.ts'
import type { StreamOptions } from '../support/nats-server.ts'

const skip = withoutNats()

const connectorTo = (port: number, change: Partial<NatsConnector> = {}): NatsConnector => ({
  servers: [`127.0.0.1:${port}`],
  subjects: ['orders.>'],
  stream: 'ORDERS',
  authentication: { mode: 'plain' },
  start: { mode: 'earliest' },
  ...change
})

const startOrders = (t: Test, options: StreamOptions) =>
  startStream(t, 'ORDERS', ['orders.>'], options)

async function refuses(
  t: Test,
  connector: NatsConnector,
  code: string,
  message: RegExp
): Promise<PgError> {
  const error = await probe(connector).then(
    () => undefined,
    (e: unknown) => e
  )
  if (!(error instanceof PgError)) throw new Error(`expected a PgError, got ${String(error)}`)
  t.equal(error.code, code, error.message)
  t.match(error.message, message)
  return error
}

void t.test('says what is wrong with the server', { skip }, async (t) => {
  const nowhere = connectorTo(await freePort())
  const error = await refuses(t, nowhere, 'HV00N', /^could not connect to NATS server "127/)
  t.match(error.detail, /ECONNREFUSED/)
  await refuses(t, connectorTo(1, { servers: ['http://x'] }), '22023', /invalid NATS server URL/)

  const off = await startNats(t, { jetstream: false })
  await refuses(t, connectorTo(off.port), 'HV00N', /^JetStream is not enabled/)
  const plain = connectorTo(off.port, { servers: [`tls://127.0.0.1:${off.port}`] })
  await refuses(t, plain, 'HV00N', /could not connect/)
})

void t.test('does not wait for ever on a server that hangs', { skip }, async (t) => {
  const server = await startNats(t)
  server.pause()
  const before = Date.now()
  await refuses(t, connectorTo(server.port), 'HV00N', /did not answer in time$/)
  t.ok(Date.now() - before < 30_000)
})

void t.test('says what is wrong with the credentials', { skip }, async (t) => {
  const { server } = await startOrders(t, {
    server: { auth: { user: 'bob', password: 'pw' } },
    login: { user: 'bob', pass: 'pw' }
  })
  const as = (username: string, password: string) =>
    connectorTo(server.port, {
      authentication: { mode: 'user_and_password', username, password }
    })
  t.equal((await probe(as('bob', 'pw'))).position.sequence, 0)
  const wrong = await refuses(t, as('bob', 'secret!'), '28P01', /refused user "bob"$/)
  t.notMatch(JSON.stringify([wrong.message, wrong.detail, wrong.hint]), /secret!/)
  await refuses(t, connectorTo(server.port), '28000', /requires authentication/)

  const inUrl = [`nats://bob:pw@127.0.0.1:${server.port}`]
  t.equal((await probe(connectorTo(0, { servers: inUrl }))).position.sequence, 0, 'user info in the URL')
  const badUrl = connectorTo(0, { servers: [`nats://bob:secret!@127.0.0.1:${server.port}`] })
  const shown = await refuses(t, badUrl, '28000', /./)
  t.notMatch(shown.message, /secret!/)
})

void t.test('accepts a jwt with its nkey seed, and tells a bad one', { skip }, async (t) => {
  const keys = operatorKeys()
  const server = await startNats(t, { jetstream: false, configText: keys.config })
  const credential = (jwt: string, nkey: string) =>
    connectorTo(server.port, { authentication: { mode: 'credential', jwt, nkey } })
  // The account has no JetStream: to be told so is proof that the credential was accepted.
  await refuses(t, credential(`${keys.jwt}\n`, ` ${keys.seed}\n`), 'HV00N', /JetStream is not/)
  await refuses(t, credential(keys.jwt, keys.otherSeed), '28000', /refused the credential/)
  await refuses(t, credential(keys.jwt, 'SUNONSENSE'), '22023', /invalid NATS nkey seed/)
})

void t.test('accepts a token, an nkey alone, and tells bad ones', { skip }, async (t) => {
  const user = nkeys.createUser() as KeyPair
  const seed = (pair: KeyPair) => Buffer.from(pair.getSeed()).toString()
  const { server: byToken } = await startOrders(t, {
    server: { configText: 'authorization { token: "right" }' },
    login: { token: 'right' }
  })
  const token = (text: string) =>
    connectorTo(byToken.port, { authentication: { mode: 'token', token: text } })
  t.equal((await probe(token('right'))).position.sequence, 0)
  const wrong = await refuses(t, token('wrong!'), '28000', /refused the token$/)
  t.notMatch(JSON.stringify([wrong.message, wrong.detail, wrong.hint]), /wrong!/)

  const users = `authorization { users: [{ nkey: ${user.getPublicKey()} }] }`
  const byKey = await startNats(t, { configText: users })
  const nkey = (pair: KeyPair) =>
    connectorTo(byKey.port, { authentication: { mode: 'nkey', nkey: seed(pair) } })
  await refuses(t, nkey(user), 'HV00R', /^stream "ORDERS" not found$/)
  await refuses(t, nkey(nkeys.createUser() as KeyPair), '28000', /refused the nkey$/)
})

void t.test('trusts by the certificates given, and shows its own', { skip }, async (t) => {
  const authority = await certificateAuthority(t)
  const [own, client] = [
    await authority.issue('server', { names: ['127.0.0.1'] }),
    await authority.issue('client')
  ]
  const server = await startNats(t, {
    configText: `tls { cert_file: "${own.cert}", key_file: "${own.key}",
                       ca_file: "${authority.cert}", verify: true }`
  })
  const pem = (path: string) => readFile(path, 'utf8')
  const [ca, cert, key] = await Promise.all([authority.cert, client.cert, client.key].map(pem))
  const by = (tls: NatsConnector['tls']) => connectorTo(server.port, tls ? { tls } : {})
  // That the stream is missing is proof of a connection.
  await refuses(t, by({ ca: ca!, cert: cert!, key: key! }), 'HV00R', /^stream "ORDERS" not found$/)
  await refuses(t, by({ ca: ca! }), 'HV00N', /could not connect/)
  await refuses(t, by({ cert: cert!, key: key! }), 'HV00N', /could not connect/)
  await refuses(t, by({ ca: cert!, cert: cert!, key: key! }), 'HV00N', /could not connect/)
})

void t.test('says what is wrong with the stream', { skip }, async (t) => {
  const { server, admin } = await startStream(t, 'ORDERS', ['orders.>', 'returns'])
  await createStream(admin, 'WORK', ['work'], { retention: 'workqueue' as never })
  const to = (change: Partial<NatsConnector>) => connectorTo(server.port, change)

  const missing = await refuses(t, to({ stream: 'NOPE' }), 'HV00R', /^stream "NOPE" not found$/)
  t.ok(missing.hint)
  const outside = await refuses(
    t,
    to({ subjects: ['orders.a', 'invoices.*'] }),
    'HV00R',
    /^subject "invoices\.\*" is not in stream "ORDERS"$/
  )
  t.equal(outside.detail, `The stream's subjects are "orders.>", "returns".`)
  await refuses(t, to({ subjects: ['a..b'] }), '22023', /invalid subject/)
  await refuses(t, to({ stream: 'a.b' }), '22023', /invalid stream name/)
  const latest = { start: { mode: 'latest' } } as const
  const work = to({ stream: 'WORK', subjects: ['work'], ...latest })
  t.ok((await refuses(t, work, '0A000', /work queue/)).hint)
  await (await admin.jetstreamManager()).consumers.add('ORDERS', { durable_name: 'taken' })
  const taken = await refuses(t, to({ consumer: { name: 'taken' } }), '42710', /"taken" .* exists/)
  t.ok(taken.hint)
})

void t.test('names the permission that is missing', { skip }, async (t) => {
  const rights = (deny: string) =>
    `authorization { users: [
      { user: admin, password: a }
      { user: weak, password: w, permissions: { publish: { deny: "${deny}" } } } ] }`
  const needed = ['STREAM.INFO.>', 'CONSUMER.CREATE.>', 'CONSUMER.MSG.NEXT.>']
  // Where a server may pass deliveries over: with several subjects all versions do.
  const asked = ['CONSUMER.INFO.>', 'STREAM.MSG.GET.>']
  const subjects = ['orders.a', 'orders.b']
  for (const denied of [...needed, ...asked]) {
    const { server } = await startOrders(t, {
      server: { configText: rights(`$JS.API.${denied}`) },
      login: { user: 'admin', pass: 'a' }
    })
    const error = await refuses(
      t,
      connectorTo(server.port, {
        subjects,
        authentication: { mode: 'user_and_password', username: 'weak', password: 'w' }
      }),
      '42501',
      /^NATS user is not allowed to publish to subject "\$JS\.API\./
    )
    t.match(error.message, denied.replace('.>', ''))
  }
})

void t.test('turns a start mode into a sequence and leaves nothing behind', { skip }, async (t) => {
  const { server, admin } = await startOrders(t, { config: { max_msgs: 20 } })
  const manager = await admin.jetstreamManager()
  const at = async (change: Partial<NatsConnector> = {}) =>
    (await probe(connectorTo(server.port, change))).position.sequence
  t.equal(await at(), 0, 'earliest of an empty stream')
  t.equal(await at({ start: { mode: 'latest' } }), 0, 'latest of an empty stream')

  await publishJson(admin, 'orders.a', Array(25).fill(1))
  t.equal(await at(), 5, 'earliest of a trimmed stream')
  t.equal(await at({ start: { mode: 'latest' } }), 25)
  const tenth = await manager.streams.getMessage('ORDERS', { seq: 10 })
  const millis = tenth.time.getTime()
  const before = await manager.streams.getMessage('ORDERS', {
    seq: (await at({ start: { mode: 'timestamp', millis } })) + 1
  })
  t.ok(before.time.getTime() >= millis, 'begins with the first delivery at or after the time')
  t.equal(await at({ start: { mode: 'timestamp', millis: 0 } }), 5, 'before the first')
  t.equal(await at({ start: { mode: 'timestamp', millis: Date.now() + 1e6 } }), 25, 'future')
  t.equal(await at({ subjects: ['orders.a', 'orders.b.*', 'orders.*.x'] }), 5, 'several subjects')

  const { created } = (await probe(connectorTo(server.port))).position
  t.equal(created, (await manager.streams.info('ORDERS')).created)
  t.same(await manager.consumers.list('ORDERS').next(), [], 'no consumer stays')
})

void t.test('makes the stream where it may, and only then', { skip }, async (t) => {
  const server = await startNats(t)
  const change = { subjects: ['made.>', 'made.a', 'other'], stream: 'MADE' }
  await refuses(t, connectorTo(server.port, change), 'HV00R', /^stream "MADE" not found$/)
  const createStream = { maxMessages: 7 }
  const { position: first } = await probe(connectorTo(server.port, { ...change, createStream }))
  t.equal(first.sequence, 0)
  const connection = await connectNats(t, server)
  const { config } = await (await connection.jetstreamManager()).streams.info('MADE')
  t.same(config.subjects, ['made.>', 'other'])
  t.match(config, { max_msgs: 7, max_bytes: -1, storage: 'file', retention: 'limits' })
  await publishJson(connection, 'made.x', [1, 2])
  const again = connectorTo(server.port, {
    ...change,
    createStream: { maxMessages: 1 },
    start: { mode: 'latest' }
  })
  t.same((await probe(again)).position, { sequence: 2, created: first.created }, 'one that is there stays')
  const elsewhere = { ...change, stream: 'SECOND', createStream }
  await refuses(t, connectorTo(server.port, elsewhere), 'HV00N', /subjects overlap/)
})
