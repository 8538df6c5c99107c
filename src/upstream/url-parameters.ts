// The parameters of --upstream's URL: all that libpq has are known here. No sockets; must never pass
// over one that asks for what jetgres does not do, nor show a value that may be a password.

import { nearHint } from '../config-near.ts'
import { invalidParameterValue } from '../errors.ts'

/** By name, as libpq takes them: the last of several counts, "+" is a plus. */
export type UrlParameters = ReadonlyMap<string, string>

/** target.ts and tls-settings.ts say what they mean. */
const READ = [
  'host',
  'port',
  'user',
  'password',
  'dbname',
  'target_session_attrs',
  'sslmode',
  'sslnegotiation',
  'sslrootcert',
  'sslcert',
  'sslkey'
]

/** Nobody misses what jetgres leaves out of them: they are libpq's own, or jetgres has its own. */
const HARMLESS = [
  'application_name',
  'fallback_application_name',
  'client_encoding',
  'connect_timeout',
  'keepalives',
  'keepalives_idle',
  'keepalives_interval',
  'keepalives_count',
  'tcp_user_timeout',
  'krbsrvname',
  'gsslib',
  'gssdelegation',
  'sslcompression'
]

/** The values by which jetgres does as it is told; others ask for what it does not do. */
const KEPT: ReadonlyMap<string, readonly string[]> = new Map([
  ['channel_binding', ['disable', 'prefer']],
  ['gssencmode', ['disable', 'prefer']],
  ['load_balance_hosts', ['disable']],
  ['ssl_min_protocol_version', ['TLSv1', 'TLSv1.1', 'TLSv1.2']],
  ['sslcertmode', ['allow']],
  ['sslsni', ['1']],
  // As node-postgres has it, whose own sslmode is not libpq's.
  ['uselibpqcompat', ['true']]
])

/** What libpq has besides, now or in older versions. */
const NOT_SUPPORTED = new Set([
  'hostaddr',
  'max_protocol_version',
  'min_protocol_version',
  'oauth_client_id',
  'oauth_client_secret',
  'oauth_issuer',
  'oauth_scope',
  'options',
  'passfile',
  'replication',
  'require_auth',
  'requirepeer',
  'requiressl',
  'scram_client_key',
  'scram_server_key',
  'service',
  'servicefile',
  'ssl_max_protocol_version',
  'sslcrl',
  'sslcrldir',
  'sslkeylogfile',
  'sslpassword'
])

const TAKEN = [...READ, ...HARMLESS, ...KEPT.keys()]

/**
 * @param query what follows the "?"
 * @throws PgError 22023 for what is broken, unknown or not supported
 */
export function readParameters(query: string): UrlParameters {
  const given = query.split('&').filter((text) => text !== '')
  const parameters = new Map(given.map(pair))
  for (const [name, value] of parameters) refuseUnkept(name, value)
  return parameters
}

function pair(text: string): [name: string, value: string] {
  const at = text.indexOf('=')
  if (at < 0) throw invalidParameterValue(`a parameter in the upstream's URL has no "="`)
  const name = decoded(text.slice(0, at), 'a parameter')
  const value = decoded(text.slice(at + 1), name)
  // JDBC's, which libpq takes too.
  return name === 'ssl' && value === 'true' ? ['sslmode', 'require'] : [name, value]
}

function refuseUnkept(name: string, value: string): void {
  const values = KEPT.get(name)
  if (values && value !== '' && !values.includes(value)) {
    throw invalidParameterValue(`${name} "${value}" in the upstream's URL is not supported`, {
      hint: `Supported is ${values.join(', ')}.`
    })
  }
  if (TAKEN.includes(name)) return
  if (NOT_SUPPORTED.has(name)) {
    throw invalidParameterValue(`parameter "${name}" in the upstream's URL is not supported`)
  }
  const near = nearHint(name, TAKEN)
  throw invalidParameterValue(`unknown parameter "${name}" in the upstream's URL${near}`)
}

/** @throws PgError 22023 for escapes that are no UTF-8 text */
export function decoded(text: string, what: string): string {
  const plain = tryDecode(text)
  if (plain !== undefined && !plain.includes('\0')) return plain
  throw invalidParameterValue(`${what} in the upstream's URL has a broken percent escape`, {
    hint: 'Write "%" as %25.'
  })
}

function tryDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
