// What --upstream's URL says of TLS, in libpq's words. No files, no sockets.

import { invalidParameterValue } from '../errors.ts'
import type { UrlParameters } from './url-parameters.ts'

const SSL_MODES = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'] as const

export type SslMode = (typeof SSL_MODES)[number]

export interface TlsSettings {
  readonly mode: SslMode
  /** Path of a PEM file, or "system": the CAs that Node brings. */
  readonly rootCert: string | undefined
  /** Our own, shown where the server asks. */
  readonly cert: string | undefined
  readonly key: string | undefined
  /** TLS from the first byte, as Postgres 17 and later take it. */
  readonly isDirect: boolean
}

/**
 * Reads sslmode (default: prefer), sslrootcert, sslcert, sslkey and sslnegotiation.
 * @throws PgError 22023
 */
export function readTlsSettings(parameters: UrlParameters): TlsSettings {
  const get = (name: string): string | undefined => parameters.get(name) || undefined
  const settings = {
    mode: oneOf('sslmode', SSL_MODES, get('sslmode') ?? 'prefer'),
    rootCert: get('sslrootcert'),
    cert: get('sslcert'),
    key: get('sslkey'),
    isDirect:
      oneOf('sslnegotiation', ['postgres', 'direct'], get('sslnegotiation') ?? 'postgres') ===
      'direct'
  }
  checkTogether(settings)
  return settings
}

function checkTogether({ mode, rootCert, cert, key, isDirect }: TlsSettings): void {
  if (mode.startsWith('verify-') && rootCert === undefined) {
    throw invalidParameterValue(`sslmode "${mode}" of the upstream needs sslrootcert`, {
      hint: 'Name a file of CA certificates, or "system".'
    })
  }
  if (rootCert === 'system' && mode !== 'verify-full') {
    throw invalidParameterValue(
      `weak sslmode "${mode}" may not be used with sslrootcert=system (use "verify-full")`
    )
  }
  if ((cert === undefined) !== (key === undefined)) {
    throw invalidParameterValue('sslcert and sslkey of the upstream need each other')
  }
  if (isDirect && !isRequired(mode)) {
    throw invalidParameterValue(
      `weak sslmode "${mode}" may not be used with sslnegotiation=direct (use "require")`
    )
  }
}

function oneOf<T extends string>(name: string, accepted: readonly T[], given: string): T {
  const found = accepted.find((value) => value === given)
  if (found !== undefined) return found
  throw invalidParameterValue(`invalid ${name} value: "${given}"`, {
    hint: `Valid values are ${accepted.join(', ')}.`
  })
}

/** Is a connection without TLS no connection? */
export const isRequired = (mode: SslMode): boolean =>
  mode === 'require' || mode.startsWith('verify-')
