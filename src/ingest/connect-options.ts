// A connector's servers and credentials as nats.js's options. nats.js ignores the user information
// of a URL and takes tls:// for plaintext, so both are read here. Never opens a connection.

import { isIP } from 'node:net'

import { jwtAuthenticator, nkeyAuthenticator, nkeys } from 'nats'
import type { ConnectionOptions } from 'nats'

import { invalidParameterValue } from '../errors.ts'
import { limits } from '../limits.ts'
import type { NatsAuthentication, NatsConnector } from '../types/connector.ts'

const DEFAULT_PORT = '4222'
const SCHEMES = new Set(['nats:', 'tls:'])

interface Server {
  readonly address: string
  /** Without the brackets of IPv6. */
  readonly host: string
  readonly tls: boolean
  readonly user: string
  readonly password: string
}

/**
 * Options for a connection that goes on for ever once it was open. The first attempt fails at once.
 *
 * @throws PgError 22023 when a server's URL or the nkey seed cannot be used.
 */
export function connectOptions(connector: NatsConnector): ConnectionOptions {
  const servers = connector.servers.map(parseServer)
  return {
    name: 'jetgres',
    servers: servers.map((server) => server.address),
    noRandomize: true,
    timeout: limits.connectTimeoutMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: limits.natsReconnectDelayMs,
    pingInterval: limits.natsPingIntervalMs,
    // A password that is changed during a restart must not end the connection for good.
    ignoreAuthErrorAbort: true,
    ...tlsOptions(connector, servers),
    ...credentials(connector.authentication, servers)
  }
}

/**
 * nats.js has the certificate of a server that is named by its address checked against "localhost",
 * unless the host is given; for several servers there is no one host to give.
 */
function tlsOptions(
  { tls }: NatsConnector,
  servers: readonly Server[]
): Pick<ConnectionOptions, 'tls'> {
  if (!tls && !servers.some((server) => server.tls)) return {}
  const [first, second] = servers
  const host = first && !second && isIP(first.host) !== 0 ? { host: first.host } : {}
  return { tls: { ...tls, ...host } }
}

/** Equal for connectors that can share a connection. It contains secrets: never log it. */
export function connectionKey(connector: NatsConnector): string {
  return JSON.stringify([connector.servers, connector.authentication, connector.tls])
}

function parseServer(text: string): Server {
  const url = parseUrl(text)
  if (!url || !SCHEMES.has(url.protocol) || url.hostname === '') {
    throw invalidParameterValue(`invalid NATS server URL "${withoutUserInfo(text)}"`, {
      hint: 'Write "host:port", "nats://host:port" or "tls://host:port", separated by commas.'
    })
  }
  return {
    address: `${url.hostname}:${url.port === '' ? DEFAULT_PORT : url.port}`,
    host: url.hostname.replace(/^\[|\]$/g, ''),
    tls: url.protocol === 'tls:',
    user: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password)
  }
}

function parseUrl(text: string): URL | undefined {
  const trimmed = text.trim()
  try {
    return new URL(trimmed.includes('://') ? trimmed : `nats://${trimmed}`)
  } catch {
    return undefined
  }
}

const withoutUserInfo = (text: string): string => text.replace(/[^/@]*@/, '')

function credentials(
  authentication: NatsAuthentication,
  servers: readonly Server[]
): ConnectionOptions {
  switch (authentication.mode) {
    case 'user_and_password':
      return { user: authentication.username, pass: authentication.password }
    case 'credential':
      return { authenticator: jwtAuthenticator(authentication.jwt.trim(), seedOf(authentication)) }
    case 'token':
      return { token: authentication.token }
    case 'nkey':
      return { authenticator: nkeyAuthenticator(seedOf(authentication)) }
    default:
      return userInfo(servers.find((server) => server.user !== ''))
  }
}

/** As in the nats command line tool: user:password@, or token@. */
function userInfo(server: Server | undefined): ConnectionOptions {
  if (!server) return {}
  if (server.password === '') return { token: server.user }
  return { user: server.user, pass: server.password }
}

/** Checked here: inside nats.js a malformed seed would only show as an odd failure to connect. */
function seedOf({ nkey }: { readonly nkey: string }): Uint8Array {
  const seed = new TextEncoder().encode(nkey.trim())
  try {
    nkeys.fromSeed(seed)
  } catch {
    throw invalidParameterValue('invalid NATS nkey seed', {
      hint: 'The option "nkey" takes the seed, which begins with "SU", not the public key.'
    })
  }
  return seed
}
