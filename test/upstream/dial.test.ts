// Goal: jetgres reaches its upstream as libpq would by the same URL: by TLS as sslmode says, and at
// the right one of several hosts.
// Method: a table of URLs; a real Postgres with TLS, a real standby, and stand-ins that misbehave.

import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

import pg from 'pg'
import t from 'tap'
import type { Test } from 'tap'

import { sendCancel } from '../../src/upstream/cancel.ts'
import { dial, loadTarget } from '../../src/upstream/dial.ts'
import { DialedStream } from '../../src/upstream/dialed-stream.ts'
import { parseTarget } from '../../src/upstream/target.ts'
import { certificateAuthority } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { startPostgres } from '../support/postgres-server.ts'
import { startTlsPostgres } from '../support/postgres-tls.ts'

void t.test('reads hosts, login and parameters as libpq does', async (t) => {
  const one = (host: string, port = 5432) => ({ host, port, others: [] })
  const table: [url: string, want: object][] = [
    ['postgres://', one('127.0.0.1')],
    ['postgresql://me:se%40cret@db:5433/app', { ...one('db', 5433), user: 'me', password: 'se@cret', database: 'app' }],
    ['postgresql://m%65:a%20b%25c+@db/a%2Fb%3Fc', { ...one('db'), user: 'me', password: 'a b%c+', database: 'a/b?c' }],
    ['postgresql://me@corp:p:@ss@db/a/b', { ...one('db'), user: 'me@corp', password: 'p:@ss', database: 'a/b' }],
    ['postgresql://db/?user=me&password=a+b%26&dbname=x%2Fy&', { ...one('db'), user: 'me', password: 'a+b&', database: 'x/y' }],
    ['postgresql://me:p@db/d?user=&password=&dbname=', { ...one('db'), user: 'me', password: 'p', database: 'd' }],
    ['postgresql://h/d?sslmode=disable&sslmode=require', { tls: { mode: 'require' } }],
    ['postgresql://me@db', { ...one('db'), user: 'me', password: undefined, database: 'me' }],
    ['postgresql://me@[::1]:1/d', one('::1', 1)],
    ['postgresql://me@%2Frun%2Fpg:1/d', one('/run/pg', 1)],
    ['postgresql://me@/d?host=/run/pg&port=7', one('/run/pg', 7)],
    ['postgresql://me@localhost:7/d?host=/run/pg', one('/run/pg', 7)],
    ['postgresql://me@db:7/d?port=8', one('db', 8)],
    ['postgresql://me@localhost:7/d?host=a,b', { ...one('a', 7), others: [{ host: 'b', port: 7 }] }],
    ['postgresql://me@x:1,y:2/d?host=a,b', { ...one('a', 1), others: [{ host: 'b', port: 2 }] }],
    ['postgresql://me@a:1,b,[::1]:3/d', { ...one('a', 1), others: [{ host: 'b', port: 5432 }, { host: '::1', port: 3 }] }],
    ['postgresql:///d?host=a,b&port=1,2', { ...one('a', 1), others: [{ host: 'b', port: 2 }], database: 'd' }],
    ['postgresql:///d?host=a,b&port=9', { ...one('a', 9), others: [{ host: 'b', port: 9 }] }],
    ['postgresql://h/d', { sessionAttrs: 'any', tls: { mode: 'prefer', isDirect: false } }],
    ['postgresql://h/d?sslmode=verify-full&sslrootcert=/ca', { tls: { mode: 'verify-full', rootCert: '/ca' } }],
    ['postgresql://h/d?target_session_attrs=prefer-standby', { sessionAttrs: 'prefer-standby' }]
  ]
  for (const [url, want] of table) t.match(parseTarget(url), want, url)
})

void t.test('refuses what libpq refuses', async (t) => {
  const table: [query: string, want: RegExp][] = [
    ['sslmode=tls', /invalid sslmode value: "tls"/],
    ['sslmode=verify-ca', /needs sslrootcert/],
    ['sslmode=require&sslrootcert=system', /weak sslmode "require"/],
    ['sslcert=/x', /sslcert and sslkey/],
    ['sslnegotiation=direct', /weak sslmode "prefer"/],
    ['host=a,b,c&port=1,2', /3 hosts and 2 ports/],
    ['port=70000', /"70000" is not a port/],
    ['target_session_attrs=master', /invalid target_session_attrs value: "master"/],
    ['sslmod=verify-full', /^unknown parameter "sslmod" in the upstream's URL, did you mean sslmode\?$/],
    ['SSLMODE=require', /^unknown parameter "SSLMODE" in the upstream's URL$/],
    ['constructor=x', /^unknown parameter "constructor"/],
    ['schema=public', /^unknown parameter "schema" in the upstream's URL$/],
    ['sslmode=require&ssl=false', /^unknown parameter "ssl"/]
  ]
  for (const [query, message] of table) {
    t.throws(() => parseTarget(`postgresql://h/d?${query}`), { code: '22023', message }, query)
  }
  await t.rejects(loadTarget('postgresql://h/d?sslmode=verify-ca&sslrootcert=/no/such'), /sslrootcert .*ENOENT/)
})

void t.test('passes over parameters of libpq that are of no matter here, refuses others', async (t) => {
  const harmless = [
    'application_name=x&fallback_application_name=y&client_encoding=auto&connect_timeout=10',
    'keepalives=1&keepalives_idle=1&keepalives_interval=1&keepalives_count=1&tcp_user_timeout=1',
    'gssencmode=disable&krbsrvname=x&gsslib=gssapi&gssdelegation=0&sslcompression=0',
    'channel_binding=prefer&sslsni=1&sslcertmode=allow&ssl_min_protocol_version=TLSv1.2',
    'load_balance_hosts=disable&uselibpqcompat=true&channel_binding='
  ]
  for (const query of harmless) t.equal(parseTarget(`postgresql://h/d?${query}`).host, 'h', query)
  t.equal(parseTarget('postgresql://h/d?ssl=true').tls.mode, 'require')
  const notKept = [
    'require_auth', 'requirepeer', 'sslcrl', 'sslcrldir', 'sslpassword', 'ssl_max_protocol_version',
    'service', 'passfile', 'hostaddr', 'options', 'replication', 'requiressl'
  ]
  for (const name of notKept) {
    const message = `parameter "${name}" in the upstream's URL is not supported`
    t.throws(() => parseTarget(`postgresql://h/d?${name}=x`), { code: '22023', message }, name)
  }
  const values = [
    'channel_binding=require', 'gssencmode=require', 'load_balance_hosts=random', 'sslsni=0',
    'sslcertmode=require', 'ssl_min_protocol_version=TLSv1.3', 'uselibpqcompat=false'
  ]
  for (const query of values) {
    const message = `${query.replace('=', ' "')}" in the upstream's URL is not supported`
    t.throws(() => parseTarget(`postgresql://h/d?${query}`), { code: '22023', message }, query)
  }
})

void t.test('refuses a URL that is broken, and does not show its password', async (t) => {
  const table: [url: string, want: RegExp][] = [
    ['postgresql://me:hunter%zz@h/d', /^password in the upstream's URL has a broken percent escape$/],
    ['postgresql://me:hunter%@h/d', /^password in/],
    ['postgresql://me:hunter%00@h/d', /^password in/],
    ['postgresql://hunter%ff@h/d', /^user in/],
    ['postgresql://me@h/hunter%2', /^dbname in/],
    ['postgresql://h/d?password=hunter%2', /^password in/],
    ['postgresql://h/d?password=x&hunter', /^a parameter in the upstream's URL has no "="$/],
    ['postgresql://me:12#hunter@h/d', /not a valid postgres:/],
    ['postgresql://h/d?password=x#hunter', /not a valid postgres:/],
    ['mysql://h/d', /not a valid postgres:/]
  ]
  for (const [url, message] of table) {
    t.throws(() => parseTarget(url), { code: '22023', message }, url)
  }
})

/** What a session by this URL says to `sql`. */
async function ask<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row> {
  const target = await loadTarget(url)
  const stream = new DialedStream(async () => (await dial(target)).socket)
  const { user, database } = target
  const client = new pg.Client({ user, database, stream: () => stream })
  client.on('error', () => undefined)
  await client.connect()
  try {
    return (await client.query<Row>(sql)).rows[0]!
  } finally {
    await client.end()
  }
}

const SSL = 'SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()'

void t.test('sslmode', async (t) => {
  const server = await startTlsPostgres(t)
  const stranger = await certificateAuthority(t)
  const own = await server.authority.issue('postgres')
  const url = (query: string, host = 'localhost') =>
    `postgresql://postgres@${host}:${server.port}/postgres?${query}`
  const ca = `sslrootcert=${server.authority.cert}`
  const shown = `sslcert=${own.cert}&sslkey=${own.key}`
  const table: [query: string, host: string, want: object | RegExp][] = [
    ['sslmode=disable', 'localhost', { ssl: false }],
    ['', 'localhost', { ssl: true }],
    ['sslmode=allow', 'localhost', { ssl: true }],
    ['sslmode=require', '127.0.0.1', { ssl: true, client_dn: null }],
    [`sslmode=require&${shown}`, 'localhost', { ssl: true, client_dn: '/CN=postgres' }],
    ['sslmode=require&sslnegotiation=direct', 'localhost', { ssl: true }],
    [`sslmode=verify-ca&${ca}`, '127.0.0.1', { ssl: true }],
    [`sslmode=verify-full&${ca}`, 'localhost', { ssl: true }],
    [`sslmode=verify-full&${ca}`, '127.0.0.1', /IP: 127\.0\.0\.1 is not in the cert/],
    [`sslmode=verify-ca&sslrootcert=${stranger.cert}`, 'localhost', /certificate/],
    [`sslmode=require&sslrootcert=${stranger.cert}`, 'localhost', /certificate/],
    ['sslmode=verify-full&sslrootcert=system', 'localhost', /unable to verify|certificate/]
  ]
  await server.allow('host all all 127.0.0.0/8 trust', 'host all all ::1/128 trust')
  for (const [query, host, want] of table) {
    const got = ask(url(query, host), SSL)
    if (want instanceof RegExp) await t.rejects(got, { code: '08001', detail: want }, query)
    else t.match(await got, want, query)
  }
})

/** A server that answers the first bytes with `answer`, and nothing else. */
async function standIn(t: Test, answer: string): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => socket.write(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

void t.test('a server without TLS, or that tricks or keeps silent', async (t) => {
  const table: [answer: string, sslmode: string, want: RegExp | undefined][] = [
    ['N', 'prefer', undefined],
    ['N', 'require', /server does not support SSL, but SSL was required/],
    ['Sx', 'require', /received unencrypted data after SSL response/],
    ['E', 'require', /server does not support SSL/],
    ['', 'require', /timed out/],
    ['S', 'require', /timed out/]
  ]
  await Promise.all(
    table.map(async ([answer, sslmode, want]) => {
      const port = await standIn(t, answer)
      const dialed = dial(await loadTarget(`postgresql://x@127.0.0.1:${port}/x?sslmode=${sslmode}`))
      const label = `${sslmode}, answered "${answer}"`
      if (want) await t.rejects(dialed, { code: '08001', detail: want }, label)
      else (await dialed).socket.destroy()
    })
  )
})

void t.test('several hosts: the first that can be reached and is what is asked for', async (t) => {
  const [primary, standby] = await Promise.all([startPostgres(t), startPostgres(t)])
  const control = await standby.connect()
  const { rows } = await control.query<{ data_directory: string }>('SHOW data_directory')
  await writeFile(`${rows[0]!.data_directory}/standby.signal`, '')
  await standby.restart()
  const [p, s] = [primary.port, standby.port]
  const nobody = await freePort()
  const table: [ports: number[], attrs: string, want: number | RegExp][] = [
    [[p, s], 'any', p],
    [[s, p], 'any', s],
    [[nobody, p], 'any', p],
    [[s, p], 'primary', p],
    [[s, p], 'read-write', p],
    [[p, s], 'standby', s],
    [[p, s], 'read-only', s],
    [[p, s], 'prefer-standby', s],
    [[nobody, p], 'prefer-standby', p],
    [[p], 'standby', /is not standby/],
    [[nobody, s], 'primary', /ECONNREFUSED.*is not primary/]
  ]
  for (const [ports, attrs, want] of table) {
    const hosts = ports.map((port) => `127.0.0.1:${port}`).join(',')
    const url = `postgresql://postgres@${hosts}/postgres?target_session_attrs=${attrs}`
    const got = ask<{ port: string }>(url, `SELECT current_setting('port') AS port`)
    if (typeof want === 'number') t.equal((await got).port, String(want), `${attrs} of ${hosts}`)
    else {
      const error = await got.then(() => ({}), (reason: object) => reason)
      t.match(error, { code: '08001' })
      const { message, detail } = error as { message: string; detail: string }
      t.match(`${message} ${detail}`, want, `${attrs} of ${hosts}`)
    }
  }
})

void t.test('a cancel request goes where the backend is, by TLS too', async (t) => {
  const server = await startTlsPostgres(t)
  const target = await loadTarget(
    `postgresql://postgres@localhost:1,localhost:${server.port}/postgres?sslmode=require`
  )
  const { endpoint } = await dial(target)
  t.equal(endpoint.port, server.port)
  const client = await server.connect()
  const { processID: pid, secretKey } = client as unknown as { processID: number; secretKey: number }
  const secret = Buffer.alloc(4)
  secret.writeInt32BE(secretKey)
  const query = client.query('SELECT pg_sleep(60)')
  query.catch(() => undefined)
  const watch = await server.connect()
  const isRunning = async () =>
    (await watch.query(`SELECT FROM pg_stat_activity WHERE pid = ${pid} AND state = 'active'`)).rowCount === 1
  await eventually(isRunning, { what: 'the statement to run' })
  await sendCancel(target, endpoint, { pid, secret })
  await t.rejects(query, { code: '57014' })
})
