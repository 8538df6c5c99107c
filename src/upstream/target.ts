// Where the upstream is: --upstream's URL, understood once. No sockets.

import { invalidParameterValue, PgError } from '../errors.ts'
import { readTlsSettings } from './tls-settings.ts'
import type { TlsSettings } from './tls-settings.ts'
import { decoded, readParameters } from './url-parameters.ts'
import type { UrlParameters } from './url-parameters.ts'

/** One server. */
export interface Endpoint {
  /** A host name, an address, or the directory of a Unix socket (begins with "/"). */
  readonly host: string
  readonly port: number
}

/** What a host must be to be taken (libpq's target_session_attrs). */
const SESSION_ATTRS = [
  'any',
  'read-write',
  'read-only',
  'primary',
  'standby',
  'prefer-standby'
] as const

export type SessionAttrs = (typeof SESSION_ATTRS)[number]

/** `host` and `port` are those of the first host. */
export interface TargetUrl extends Endpoint {
  /** Tried in order when the first can't be reached, or isn't what `sessionAttrs` asks for. */
  readonly others: readonly Endpoint[]
  readonly sessionAttrs: SessionAttrs
  readonly tls: TlsSettings
  /** Of the maintenance role; clients bring their own. */
  readonly user: string
  readonly password: string | undefined
  /** The database of the maintenance role's first connection. */
  readonly database: string
}

const DEFAULT_PORT = 5432

/** user, password, hosts, database, parameters: a URL as libpq takes it may name several hosts. */
const URL_PARTS =
  /^postgres(?:ql)?:\/\/(?:([^/?#:]*)(?::([^/?#]*))?@)?([^/?#@]*)(?:\/([^?#]*))?(?:\?([^#]*))?$/i

/**
 * Reads postgres://user:password@host:port/database, with several hosts (`a:1,b:2`, or ?host=a,b&port=1,2),
 * ?host=/socket/dir, and libpq's sslmode, sslrootcert, sslcert, sslkey, sslnegotiation and
 * target_session_attrs.
 * @throws PgError 22023, without the password
 */
export function parseTarget(url: string): TargetUrl {
  const [user, password, hosts = '', database, query = ''] = partsOf(url)
  const parameters = readParameters(query)
  // As libpq: what is empty is not given.
  const get = (name: string, own = ''): string | undefined =>
    parameters.get(name) || decoded(own, name) || undefined
  const role = get('user', user) ?? 'postgres'
  const [first, ...others] = readEndpoints(hosts, parameters)
  return {
    ...(first ?? { host: '127.0.0.1', port: DEFAULT_PORT }),
    others,
    sessionAttrs: readSessionAttrs(parameters),
    tls: readTlsSettings(parameters),
    user: role,
    password: get('password', password),
    database: get('dbname', database) ?? role
  }
}

/** What is wrong with an upstream's URL, as the command line tells it; undefined: nothing. */
export function targetFault(url: string): string | undefined {
  try {
    parseTarget(url)
    return undefined
  } catch (error) {
    if (!(error instanceof PgError)) throw error
    return error.hint === undefined ? error.message : `${error.message}. ${error.hint}`
  }
}

function partsOf(url: string): (string | undefined)[] {
  const parts = URL_PARTS.exec(url.trim())
  if (parts) return parts.slice(1)
  throw invalidParameterValue('the upstream is not a valid postgres:// URL', {
    hint: url.includes('#') ? 'Write "#" as %23.' : undefined
  })
}

/** As libpq: one port is for all hosts; each parameter overrides the URL's own, the other stays. */
function readEndpoints(authority: string, parameters: UrlParameters): Endpoint[] {
  const own = authority.split(',').map(hostPort)
  const hosts = parameters.get('host')?.split(',') ?? own.map(([host]) => host)
  const ports = parameters.get('port')?.split(',') ?? own.map(([, port]) => port)
  if (ports.length > 1 && ports.length !== hosts.length) {
    throw invalidParameterValue(
      `the upstream's URL has ${hosts.length} hosts and ${ports.length} ports`
    )
  }
  return hosts.map((host, i) => ({
    host: host === '' ? '127.0.0.1' : host,
    port: readPort(ports[i] ?? ports[0]!)
  }))
}

/** "[::1]:5432" and "%2Frun%2Fpostgresql" too. */
function hostPort(text: string): [host: string, port: string] {
  const [, v6, name, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/.exec(text) ?? []
  try {
    return [v6 ?? decodeURIComponent(name ?? ''), port ?? '']
  } catch (cause) {
    throw invalidParameterValue(`"${text}" is not a host`, { cause })
  }
}

function readPort(text: string): number {
  if (text === '') return DEFAULT_PORT
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port > 0 && port <= 65_535) return port
  throw invalidParameterValue(`"${text}" is not a port`)
}

function readSessionAttrs(parameters: UrlParameters): SessionAttrs {
  const given = parameters.get('target_session_attrs') ?? 'any'
  const found = SESSION_ATTRS.find((attrs) => attrs === given)
  if (found) return found
  throw invalidParameterValue(`invalid target_session_attrs value: "${given}"`, {
    hint: `Valid values are ${SESSION_ATTRS.join(', ')}.`
  })
}

export const isSocketDirectory = (host: string): boolean => host.startsWith('/')

/** How messages name a server. */
export const endpointName = ({ host, port }: Endpoint): string =>
  isSocketDirectory(host) ? host : `${host}:${port}`

/** How node:net wants it. */
export function socketAddress(
  endpoint: Endpoint
): { path: string } | { host: string; port: number } {
  const { host, port } = endpoint
  if (isSocketDirectory(host)) return { path: `${host}/.s.PGSQL.${port}` }
  return { host, port }
}
