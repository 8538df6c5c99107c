// Goal: a client gets TLS where it is configured, in every way that clients ask for it, and nobody
// can slip bytes in before it.
// Method: jetgres with its embedded Postgres; a bare client that follows and breaks the rules of the
// start, and psql for what users see.

import { copyFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'

import t from 'tap'
import type { Test } from 'tap'

import { lacksFile, PG_BIN, run, without } from '../compat/support/programs.ts'
import { certificateAuthority } from '../support/certificates.ts'
import { eventually } from '../support/eventually.ts'
import { startJetgres } from '../support/jetgres.ts'
import type { Jetgres } from '../support/jetgres.ts'
import {
  GSSENC_REQUEST,
  nextBytes,
  openSocket,
  ProtocolClient,
  SSL_REQUEST,
  startup
} from '../support/protocol-client.ts'

const names = ['localhost', '127.0.0.1']
const authority = await certificateAuthority(t)
const stranger = await certificateAuthority(t)
const server = await authority.issue('server', { names })
const client = await authority.issue('client')
const expired = await authority.issue('expired', { isExpired: true })
const untrusted = await stranger.issue('untrusted')
const tlsArgs = ['--tls-cert', server.cert, '--tls-key', server.key]

const [clear, tls] = await Promise.all([
  startJetgres(t, { args: ['--authentication-timeout', '2'] }),
  startJetgres(t, { args: tlsArgs })
])

/** SSLRequest, its answer, and the handshake. */
async function upgraded(socket: Socket, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const secure = connectTls({ socket, rejectUnauthorized: false, ...options })
  secure.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    secure.once('secureConnect', resolve).once('close', () => resolve())
  })
  return secure
}

async function asked(t: Test, to: Jetgres, options: ConnectionOptions = {}): Promise<ProtocolClient> {
  const socket = await openSocket(t, to)
  socket.write(SSL_REQUEST)
  if ((await nextBytes(socket)) !== 'S') throw new Error('no TLS')
  return new ProtocolClient(await upgraded(socket, options))
}

const PSQL = `${PG_BIN}/psql`
const psql = (to: Jetgres, options: string, sql = 'SELECT ssl FROM pg_stat_ssl LIMIT 0') =>
  run(PSQL, ['-XAtc', sql, `host=127.0.0.1 port=${to.port} user=postgres ${options}`])

void t.test('without a certificate both encryption requests are answered N', async (t) => {
  for (const requests of [[SSL_REQUEST], [GSSENC_REQUEST], [GSSENC_REQUEST, SSL_REQUEST]]) {
    const socket = await openSocket(t, clear)
    for (const request of requests) {
      socket.write(request)
      t.equal(await nextBytes(socket), 'N')
    }
    const peer = new ProtocolClient(socket)
    peer.write(startup())
    t.ok(await peer.until('Z'), 'the same socket then starts in clear')
  }
})

void t.test('with one, SSLRequest gets TLS, also after a refused GSSENCRequest', async (t) => {
  for (const first of ['', 'N'] as const) {
    const socket = await openSocket(t, tls)
    if (first) socket.write(GSSENC_REQUEST)
    if (first) t.equal(await nextBytes(socket), first)
    socket.write(SSL_REQUEST)
    t.equal(await nextBytes(socket), 'S')
    const secure = await upgraded(socket, { ca: [], ALPNProtocols: ['postgresql'] })
    t.equal(secure.alpnProtocol, 'postgresql')
    const peer = new ProtocolClient(secure)
    peer.write(startup())
    t.ok(await peer.until('Z'))
  }
})

void t.test('TLS from the first byte needs ALPN postgresql', async (t) => {
  const direct = async (options: ConnectionOptions): Promise<ProtocolClient> => {
    const peer = new ProtocolClient(await upgraded(await openSocket(t, tls), options))
    peer.write(startup())
    return peer
  }
  const good = await direct({ ALPNProtocols: ['postgresql'] })
  t.ok(await good.until('Z'))
  const plain = await direct({})
  await plain.closed()
  t.match(plain.errorText, /^FATAL 08P01 .*without ALPN/)
  const wrong = await direct({ ALPNProtocols: ['h2'] })
  await wrong.closed()
  t.same(wrong.frames, [])
  const nowhere = new ProtocolClient(await openSocket(t, clear))
  nowhere.write(Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]))
  await nowhere.closed()
  t.same(nowhere.frames, [], 'a server without TLS just closes')
})

void t.test('bytes behind an encryption request, and asking twice, are refused', async (t) => {
  const table: [to: Jetgres, bytes: Buffer, want: RegExp][] = [
    [tls, Buffer.concat([SSL_REQUEST, startup()]), /^FATAL 08P01 received unencrypted data after SSL/],
    [clear, Buffer.concat([SSL_REQUEST, startup()]), /^FATAL 08P01 received unencrypted data after SSL/],
    [tls, Buffer.concat([GSSENC_REQUEST, startup()]), /^FATAL 08P01 .* after GSSAPI/]
  ]
  for (const [to, bytes, want] of table) {
    const peer = new ProtocolClient(await openSocket(t, to))
    peer.write(bytes)
    await peer.closed()
    t.match(peer.errorText, want)
  }
  for (const request of [SSL_REQUEST, GSSENC_REQUEST]) {
    const socket = await openSocket(t, clear)
    socket.write(request)
    t.equal(await nextBytes(socket), 'N')
    const peer = new ProtocolClient(socket)
    peer.write(request)
    await peer.closed()
    t.match(peer.errorText, /^FATAL 0A000 unsupported frontend protocol 1234\.56/)
  }
  const inside = await asked(t, tls)
  inside.write(SSL_REQUEST)
  await inside.closed()
  t.match(inside.errorText, /^FATAL 0A000/, 'no TLS inside TLS')
})

void t.test('TLS older than 1.2 is refused', async (t) => {
  const socket = await openSocket(t, tls)
  socket.write(SSL_REQUEST)
  t.equal(await nextBytes(socket), 'S')
  const options = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
  const secure = await upgraded(socket, options)
  t.equal(secure.getProtocol() ?? '', '')
  t.ok(secure.destroyed)
})

void t.test('psql: every sslmode where it can, and verification', without(lacksFile(PSQL)), async (t) => {
  const root = `sslrootcert=${authority.cert}`
  const table: [to: Jetgres, options: string, want: RegExp | 0][] = [
    [tls, 'sslmode=disable', 0],
    [tls, 'sslmode=prefer', 0],
    [tls, 'sslmode=require', 0],
    [tls, `sslmode=verify-full ${root}`, 0],
    [tls, `sslmode=verify-full sslrootcert=${stranger.cert}`, /certificate verify failed/],
    [clear, 'sslmode=prefer', 0],
    [clear, 'sslmode=require', /server does not support SSL/]
  ]
  for (const [to, options, want] of table) {
    const { code, stderr } = await psql(to, options)
    if (want === 0) t.equal(code, 0, `${options}: ${stderr}`)
    else t.match(stderr, want, options)
  }
})

void t.test('--require-tls and --tls-client-ca', without(lacksFile(PSQL)), async (t) => {
  const mutual = await startJetgres(t, {
    args: [...tlsArgs, '--tls-client-ca', authority.cert, '--require-tls']
  })
  const shown = ({ cert, key }: typeof client): string => `sslmode=require sslcert=${cert} sslkey=${key}`
  const table: [options: string, want: RegExp | 0][] = [
    [shown(client), 0],
    ['sslmode=disable', /connection without encryption is refused for user "postgres"/],
    ['sslmode=require', /connection requires a valid client certificate/],
    [shown(expired), /certificate was not accepted: CERT_HAS_EXPIRED/],
    [shown(untrusted), /certificate was not accepted: (UNABLE_TO|CERT_SIGNATURE)_/]
  ]
  for (const [options, want] of table) {
    const { code, stderr } = await psql(mutual, options)
    if (want === 0) t.equal(code, 0, `${options}: ${stderr}`)
    else t.match(stderr, want, options)
  }
  const peer = new ProtocolClient(await openSocket(t, mutual))
  peer.write(startup())
  await peer.closed()
  t.match(peer.errorText, /^FATAL 28000 /)
})

void t.test('SIGHUP: new clients see the new certificate, old ones stay', async (t) => {
  const folder = await certificateAuthority(t)
  const [first, second] = [await folder.issue('first'), await folder.issue('second')]
  const used = { cert: `${folder.folder}/used.crt`, key: `${folder.folder}/used.key` }
  const use = async ({ cert, key }: typeof first): Promise<void> => {
    await copyFile(cert, used.cert)
    await copyFile(key, used.key)
  }
  await use(first)
  const jetgres = await startJetgres(t, { args: ['--tls-cert', used.cert, '--tls-key', used.key] })
  const shownNow = async (): Promise<[ProtocolClient, string]> => {
    const peer = await asked(t, jetgres)
    return [peer, String((peer.socket as TLSSocket).getPeerCertificate().subject.CN)]
  }
  const logged = (msg: RegExp) => () => jetgres.lines.some((line) => msg.test(line.msg))
  const [old, name] = await shownNow()
  t.equal(name, 'first')
  await use(second)
  process.kill(jetgres.pid, 'SIGHUP')
  await eventually(logged(/^certificates were read again/), { what: 'the reload' })
  t.equal((await shownNow())[1], 'second')
  old.write(startup())
  t.ok(await old.until('Z'), 'a connection from before goes on')
  await copyFile(first.cert, used.cert)
  process.kill(jetgres.pid, 'SIGHUP')
  await eventually(logged(/could not be read again/), { what: 'the refusal of a wrong pair' })
  t.equal((await shownNow())[1], 'second', 'a key that does not fit changes nothing')
})

void t.test('a client that never finishes its start is dropped', async (t) => {
  const silent = new ProtocolClient(await openSocket(t, clear))
  const half = new ProtocolClient(await openSocket(t, clear))
  half.write(startup().subarray(0, 10))
  await Promise.all([silent.closed(), half.closed()])
  t.same([silent.frames, half.frames], [[], []])
})
