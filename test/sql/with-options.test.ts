// Goal: the options of WITH give their connector, their notices or their exact error, and secrets
// never come back. Method: tables; ▼ marks where an error must point.

import t from 'tap'
import { PgError } from '../../src/errors.ts'
import { loadParser } from '../../src/sql/parser.ts'
import { describeOptions } from '../../src/sql/redact.ts'
import { readStatement } from '../../src/sql/statement.ts'
import { expectError } from './expect-error.ts'
import type { CreateRelation } from '../../src/sql/create-relation.ts'

await loadParser()

const BASE = "connector='nats', server_url='h:4222', subject='s', stream='st'"
const SEED = `SU${'A'.repeat(56)}`

const statement = (options: string): string =>
  `CREATE TABLE t (a int) WITH (${options}) FORMAT PLAIN ENCODE JSON`

function create(options: string): CreateRelation {
  const read = readStatement(statement(options))
  if (read?.kind !== 'createRelation') throw new Error(`not ours: ${options}`)
  return read
}

const PLAIN = {
  servers: ['h:4222'],
  subjects: ['s'],
  stream: 'st',
  authentication: { mode: 'plain' },
  start: { mode: 'earliest' }
}

const PEM = '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----'

/** As nsc writes it. */
const CREDS = `-----BEGIN NATS USER JWT-----
eyJ0.e_-x.y
------END NATS USER JWT------

************************* IMPORTANT *************************
NKEY Seed printed below can be used to sign and prove identity.

-----BEGIN USER NKEY SEED-----
${SEED}
------END USER NKEY SEED------
`

void t.test('options become a connector', async (t) => {
  const cases: [string, object][] = [
    [BASE, {}],
    [`${BASE},`, {}],
    ['"Connector"=E\'NA\\x54S\', SERVER_URL=\'h:4222\', "subject"=\'s\', stream=\'st\'', {}],
    [`${BASE}, connect_mode='plain'`, {}],
    [`${BASE}, connect_mode='user_and_password', username='u', password=''`, {
      authentication: { mode: 'user_and_password', username: 'u', password: '' }
    }],
    [`${BASE}, connect_mode='credential', jwt=' j ', nkey='${SEED}\n'`, {
      authentication: { mode: 'credential', jwt: 'j', nkey: SEED }
    }],
    [`${BASE}, connect_mode='credential', creds='${CREDS}'`, {
      authentication: { mode: 'credential', jwt: 'eyJ0.e_-x.y', nkey: SEED }
    }],
    [`${BASE}, connect_mode='token', token='t'`, { authentication: { mode: 'token', token: 't' } }],
    [`${BASE}, connect_mode='nkey', nkey=' ${SEED} '`, {
      authentication: { mode: 'nkey', nkey: SEED }
    }],
    [`${BASE}, tls.ca='${PEM}'`, { tls: { ca: PEM } }],
    [`${BASE}, tls.key='${PEM}', tls.cert='${PEM}'`, { tls: { cert: PEM, key: PEM } }],
    [`${BASE}, scan.startup.mode='latest'`, { start: { mode: 'latest' } }],
    [`${BASE}, scan.startup.mode='timestamp', scan.startup.timestamp.millis='1700000000000'`, {
      start: { mode: 'timestamp', millis: 1_700_000_000_000 }
    }],
    [`${BASE}, "scan.startup.mode"='timestamp_millis', scan.startup.timestamp_millis=17`, {
      start: { mode: 'timestamp', millis: 17 }
    }],
    ["connector='nats', subject='s', stream='st', " +
      "server_url=' a:1 ,tls://b:2,, nats://u:p@[::1]:4222 '",
      { servers: ['a:1', 'tls://b:2', 'nats://u:p@[::1]:4222'] }],
    ["connector='nats', server_url='h:4222', subject='a.*, b.> , a.*,$KV.x', stream=' st '",
      { subjects: ['a.*', 'b.>', '$KV.x'] }],
    ["connector='nats', nats.server_url='h:4222', nats.subject='st'", { subjects: ['st'] }],
    [`${BASE}, consumer.durable_name=' d ', consumer.ack_policy='All', consumer.num_replicas=3`, {
      consumer: { name: 'd', ackPolicy: 'all', replicas: 3 }
    }],
    [`${BASE}, consumer.ack_wait=9, consumer.max_ack_pending='7', consumer.memory_storage='True'`, {
      consumer: { ackWaitSeconds: 9, ackPendingMax: 7, inMemory: true }
    }],
    [`${BASE}, consumer.description='', consumer.sample_frequency=5`, {
      consumer: { description: '', sampled: 5 }
    }]
  ]
  for (const [options, expected] of cases) {
    t.strictSame(create(options).connector, { ...PLAIN, ...expected }, options)
  }
})

void t.test('what is assumed or without effect is said in a notice', async (t) => {
  const cases: [string, string[]][] = [
    [BASE, []],
    ["connector='nats', nats.server_url='h', nats.subject='x'", [
      'options "nats.server_url", "nats.subject" are taken as "server_url", "subject"',
      'option "stream" is not given, the stream is taken to be "x"'
    ]],
    [`${BASE}, username='u', password='p'`, [
      'option "connect_mode" is not given, it is taken to be "user_and_password"'
    ]],
    [`${BASE}, token='t'`, ['option "connect_mode" is not given, it is taken to be "token"']],
    [`${BASE}, nkey='${SEED}'`, [
      'option "connect_mode" is not given, it is taken to be "nkey"'
    ]],
    [`${BASE}, jwt='j', nkey='${SEED}'`, [
      'option "connect_mode" is not given, it is taken to be "credential"'
    ]],
    [`${BASE}, connect_mode='plain', username='u', password='p'`, [
      'connect mode "plain" does not use username, password'
    ]],
    [`${BASE}, connect_mode='plain', jwt='j', nkey='n', creds='c', token='t'`, [
      'connect mode "plain" does not use jwt, nkey, creds, token'
    ]],
    [`${BASE}, scan.startup.timestamp.millis=5`, [
      'option "scan.startup.timestamp.millis" has no effect without scan.startup.mode = ' +
        "'timestamp'"
    ]],
    [`${BASE}, consumer.durable_name='d', consumer.ack_wait='10'`, [
      'option "consumer.ack_wait" is taken as "consumer.ack_wait.sec"'
    ]],
    [`${BASE}, nats.consumer.durable_name='d', user='u', connect_mode='plain'`, [
      'options "nats.consumer.durable_name", "user" are taken as "consumer.durable_name", "username"',
      'connect mode "plain" does not use username'
    ]],
    [`${BASE}, consumer.num_replicas=1, consumer.durable_name='d', source_rate_limit=5`, []],
    [`${BASE}, consumer.name='d', max_bytes=-1, allow_create_stream=true`, [
      'option "consumer.name" has no effect'
    ]],
    [`${BASE}, consumer.ack_policy='None'`, [
      'option "consumer.ack_policy" = none has no effect: a durable consumer is acknowledged'
    ]],
    [`${BASE}, nats.max_bytes=5, max_messages='7', allow_create_stream='false'`, [
      'option "nats.max_bytes" is taken as "max_bytes"',
      'options "nats.max_bytes", "max_messages" have no effect without allow_create_stream = true'
    ]],
    [`${BASE}, consumer.backoff.sec='2, 10,15', consumer.max_deliver=1`, [
      'options "consumer.backoff.sec", "consumer.max_deliver" have no effect'
    ]]
  ]
  for (const [options, expected] of cases) {
    t.strictSame(create(options).notices, expected, options)
  }
})

const VALUE_FORM =
  '`with options` or `with properties` only support single quoted string value and C style ' +
  'escaped string'

void t.test('malformed lists are syntax errors at their token', async (t) => {
  const cases: [string, string][] = [
    [`${BASE}, jwt▼=\`abc\``, VALUE_FORM],
    [`${BASE}, password=▼$$x$$`, VALUE_FORM],
    [`${BASE}, password=▼B'1'`, VALUE_FORM],
    [`${BASE}, password=▼secret_name`, VALUE_FORM],
    [`${BASE}, password=▼-'x'`, VALUE_FORM],
    [`${BASE}, stream▼ 'x'`, 'syntax error at or near "\'x\'"'],
    [`${BASE} ▼username='x'`, 'syntax error at or near "username"'],
    [`connector='nats', ▼, stream='x'`, 'syntax error at or near ","'],
    [`${BASE}, ▼'username'='x'`, 'syntax error at or near "\'username\'"'],
    [`${BASE}, ▼stream='x'`, 'Duplicated option: stream'],
    [`${BASE}, ▼"STREAM"='x'`, 'Duplicated option: stream'],
    [`${BASE}, ▼nats.subject='x'`, 'Duplicated option: nats.subject'],
    [`${BASE}, consumer.ack_wait=1, ▼consumer.ack_wait.sec=1`,
      'Duplicated option: consumer.ack_wait.sec']
  ]
  for (const [options, message] of cases) {
    const marked = statement(options).replace('▼ ', ' ▼')
    expectError(t, marked, readStatement, { code: '42601', message })
  }
})

void t.test('wrong keys and values are refused at their place', async (t) => {
  const cases: [string, string, string, RegExp?][] = [
    ["connector=▼'kafka', properties.x='y'", '0A000',
      'connector "kafka" is not supported, accept ["nats"]'],
    [`${BASE}, ▼strem='x'`, 'HV00D', 'invalid option "strem"', /the option "stream"/],
    [`${BASE}, ▼consumer.durable_nmae='x'`, 'HV00D', 'invalid option "consumer.durable_nmae"',
      /"consumer.durable_name"/],
    [`${BASE}, ▼nats.maxbytes='1'`, 'HV00D', 'invalid option "nats.maxbytes"', /"max_bytes"/],
    [`${BASE}, ▼zzzzzzzz='x'`, 'HV00D', 'invalid option "zzzzzzzz"'],
    [`${BASE}, password=SECRET my_secret ▼AS FILE`, '0A000', 'SECRET … AS FILE is not supported'],
    [`${BASE}, max_bytes=▼1.5`, '22023', 'invalid value for option "max_bytes": "1.5"', /integer/],
    [`${BASE}, consumer.max_ack_pending=▼'many'`, '22023',
      'invalid value for option "consumer.max_ack_pending": "many"'],
    [`${BASE}, allow_create_stream=▼'yes'`, '22023',
      'invalid value for option "allow_create_stream": "yes"', /true or false/],
    [`${BASE}, source_rate_limit=▼-1`, '22023',
      'invalid value for option "source_rate_limit": "-1"', /not negative/],
    [`${BASE}, consumer.ack_wait.sec=▼-1`, '22023',
      'invalid value for option "consumer.ack_wait.sec": "-1"', /not negative/],
    [`${BASE}, consumer.ack_policy=▼'some'`, '22023',
      'invalid value for option "consumer.ack_policy": "some"', /none, all or explicit/],
    [`${BASE}, consumer.replay_policy=▼'slow'`, '22023',
      'invalid value for option "consumer.replay_policy": "slow"', /instant or original/],
    [`${BASE}, consumer.durable_name=▼'a.b'`, '22023', 'invalid consumer name "a.b"'],
    [`${BASE}, consumer.backoff=▼'1,x'`, '22023',
      'invalid value for option "consumer.backoff": "1,x"'],
    [`${BASE}, connect_mode=▼'tls'`, '22023',
      'NATS connect mode must be one of `user_and_password`, `credential`, or `plain`'],
    [`${BASE}, connect_mode=▼'user_and_password', username='u'`, '22023',
      'NATS connect mode `user_and_password` requires both `user` and `password`', /password/],
    [`${BASE}, connect_mode=▼'credential', jwt='j'`, '22023',
      'NATS connect mode `credential` requires both `nkey` and `jwt`'],
    [`${BASE}, connect_mode=▼'token'`, '22023', 'NATS connect mode `token` requires `token`',
      /Add token = /],
    [`${BASE}, connect_mode='nkey', nkey=▼'UABC'`, '22023', 'nkey is not a seed'],
    [`${BASE}, tls.ca=▼'/etc/ca.pem'`, '22023', 'option "tls.ca" does not hold PEM', /BEGIN/],
    [`${BASE}, tls.key=▼'${PEM}'`, '22023',
      'options "tls.cert" and "tls.key" need each other'],
    [`${BASE}, connect_mode='credential', jwt='j', nkey=▼'UABC'`, '22023', 'nkey is not a seed',
      /SU/],
    [`${BASE}, connect_mode='credential', creds=▼'/etc/user.creds'`, '22023',
      'option "creds" does not hold a JWT and a seed', /text of the .creds file/],
    [`${BASE}, nkey='${SEED}', creds=▼'${CREDS}'`, '22023',
      'option "creds" stands for both `nkey` and `jwt`'],
    [`${BASE}, scan.startup.mode=▼'newest'`, '22023',
      'invalid scan.startup.mode, accept earliest/latest/timestamp'],
    [`${BASE}, scan.startup.mode=▼'timestamp'`, '22023',
      'scan.startup.timestamp.millis is required'],
    [`${BASE}, scan.startup.mode='timestamp', scan.startup.timestamp.millis=▼'soon'`, '22023',
      'invalid value for option "scan.startup.timestamp.millis": "soon"'],
    [`${BASE}, scan.startup.mode='timestamp', scan.startup.timestamp_millis=▼-5`, '22023',
      'invalid value for option "scan.startup.timestamp_millis": "-5"', /milliseconds/],
    ["connector='nats', server_url=▼' , ', subject='s', stream='st'", '22023',
      'option "server_url" is empty'],
    ["connector='nats', server_url=▼'a b:1', subject='s', stream='st'", '22023',
      'option "server_url" does not hold server addresses'],
    ["connector='nats', server_url=▼'h:99999', subject='s', stream='st'", '22023',
      'option "server_url" does not hold server addresses'],
    ["connector='nats', server_url=▼'ws://h:80', subject='s', stream='st'", '22023',
      'scheme "ws" is not supported in option "server_url"'],
    ["connector='nats', server_url='h', subject=▼'a..b', stream='st'", '22023',
      'invalid subject "a..b"'],
    ["connector='nats', server_url='h', subject=▼'>.a', stream='st'", '22023',
      'invalid subject ">.a"', /last/],
    ["connector='nats', server_url='h', subject=▼'a.b*', stream='st'", '22023',
      'invalid subject "a.b*"', /whole names/],
    ["connector='nats', server_url='h', subject=▼'ok, a b', stream='st'", '22023',
      'invalid subject "a b"', /white space/],
    ["connector='nats', server_url='h', subject='s', stream=▼'a.b'", '22023',
      'invalid stream name "a.b"'],
    ["connector='nats', server_url='h', subject='s', stream=▼' '", '22023',
      'invalid stream name ""'],
    [`connector='nats', server_url='h', subject='s', stream=▼'${'é'.repeat(128)}'`, '22023',
      `invalid stream name "${'é'.repeat(128)}"`, /255/]
  ]
  for (const [options, code, message, hint] of cases) {
    const expected = { code, message, ...(hint ? { hint } : {}) }
    expectError(t, statement(options), readStatement, expected)
  }
})

void t.test('a missing option is named, at WITH', async (t) => {
  const cases: [string, string][] = [
    ["server_url='h', subject='s'", 'connector'],
    ["connector='nats', subject='s', stream='st'", 'server_url'],
    ["connector='nats', server_url='h', stream='st'", 'subject'],
    ["connector='nats', server_url='h', subject='s'", 'stream'],
    ["connector='nats', nats.server_url='h', nats.subject='a.*'", 'stream'],
    ["connector='nats', nats.server_url='h', nats.subject='a,b'", 'stream'],
    ["connector='nats', nats.server_url='h', subject='s'", 'stream']
  ]
  for (const [options, key] of cases) {
    const sql = `CREATE SOURCE t (a int) ▼WITH (${options}) FORMAT PLAIN ENCODE JSON`
    const message = `missing field \`${key}\``
    expectError(t, sql, readStatement, { code: '22023', message, hint: new RegExp(key) })
  }
})

void t.test('an unknown key is answered with all that are accepted', async (t) => {
  expectError(t, statement(`${BASE}, ▼x.y='1'`), readStatement, {
    code: 'HV00D',
    message: 'invalid option "x.y"',
    detail: /^Valid options are: connector, server_url, .*consumer\.durable_name/
  })
})

void t.test('secrets are hidden where options are shown', async (t) => {
  const options =
    "connector='nats', server_url='nats://u:topsecret@h:1,tok3nsecret@h:2', subject='s''x', " +
    "stream='st', username='u', nats.password='topsecret', jwt='topsecret', " +
    "nkey=E'topsecret', token='topsecret', connect_mode='plain'"
  const { options: given } = create(options)
  t.equal(
    describeOptions(given),
    `WITH (
  connector = 'nats',
  server_url = 'nats://u:********@h:1,********@h:2',
  subject = 's''x',
  stream = 'st',
  username = 'u',
  nats.password = '********',
  jwt = '********',
  nkey = '********',
  token = '********',
  connect_mode = 'plain'
)`
  )
})

void t.test('no error tells a secret', async (t) => {
  const cases = [
    "connect_mode='user_and_password', password='topsecret'",
    "connect_mode='credential', jwt='topsecret', nkey='topsecret'",
    "password='topsecret', connect_mode='x'"
  ]
  for (const options of cases) {
    try {
      create(`${BASE}, ${options}`)
      t.fail(options)
    } catch (error) {
      t.ok(error instanceof PgError)
      t.notMatch(JSON.stringify([error, String(error)]), /topsecret/)
    }
  }
})

void t.test('a stream that may be made has the limits given', async (t) => {
  const limitsOf = (options: string): unknown => create(`${BASE}${options}`).connector?.createStream
  t.equal(limitsOf(''), undefined)
  t.equal(limitsOf(', max_bytes=5'), undefined)
  t.strictSame(limitsOf(", allow_create_stream='TRUE'"), {})
  t.strictSame(
    limitsOf(`, allow_create_stream=true, max_bytes=-1, max_messages='2',
      nats.max_messages_per_subject=3, max_consumers=4, max_message_size=5`),
    {
      maxBytes: -1,
      maxMessages: 2,
      maxMessagesPerSubject: 3,
      maxConsumers: 4,
      maxMessageSize: 5
    }
  )
})
