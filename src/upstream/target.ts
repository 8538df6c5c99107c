// Where the upstream is: --upstream's URL, understood once. No sockets.

import pgConnectionString from 'pg-connection-string'

import { invalidParameterValue } from '../errors.ts'

export interface Target {
  /** A host name, an address, or the directory of a Unix socket (begins with "/"). */
  readonly host: string
  readonly port: number
  /** Of the maintenance role; clients bring their own. */
  readonly user: string
  readonly password: string | undefined
  /** The database of the maintenance role's first connection. */
  readonly database: string
}

const DEFAULT_PORT = 5432

/**
 * Reads postgres://user:password@host:port/database, or ?host=/socket/dir.
 * @throws PgError 22023
 */
export function parseTarget(url: string): Target {
  const parts = read(url)
  const user = parts.user ?? 'postgres'
  return {
    host: parts.host ?? '127.0.0.1',
    port: parts.port ? Number(parts.port) : DEFAULT_PORT,
    user,
    password: parts.password,
    database: parts.database ?? user
  }
}

function read(url: string): pgConnectionString.ConnectionOptions {
  try {
    return pgConnectionString.parse(url)
  } catch (cause) {
    throw invalidParameterValue('the upstream is not a valid postgres:// URL', { cause })
  }
}

export const isSocketDirectory = (host: string): boolean => host.startsWith('/')

/** How node:net wants it. */
export function socketAddress(target: Target): { path: string } | { host: string; port: number } {
  if (isSocketDirectory(target.host)) return { path: `${target.host}/.s.PGSQL.${target.port}` }
  return { host: target.host, port: target.port }
}
