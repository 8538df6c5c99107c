// Which host is a primary, which a standby: asked as the maintenance role and remembered briefly.
// It cannot be learnt on a client's own connection: how that client authenticates is relayed.

import pg from 'pg'

import { limits } from '../limits.ts'
import { DialedStream } from './dialed-stream.ts'
import { openEndpoint } from './endpoint.ts'
import { endpointName } from './target.ts'
import type { Endpoint, SessionAttrs, TargetUrl } from './target.ts'
import type { UpstreamTls } from './tls.ts'

export interface HostRole {
  readonly isStandby: boolean
  readonly isReadOnly: boolean
}

type Login = Pick<TargetUrl, 'user' | 'password' | 'database'>

const QUESTION = `SELECT pg_catalog.pg_is_in_recovery() AS "isStandby",
  pg_catalog.current_setting('transaction_read_only') = 'on' AS "isReadOnly"`

export class HostRoles {
  readonly #login: Login
  readonly #tls: UpstreamTls | undefined
  /** One entry a host. */
  readonly #known = new Map<string, { role: Promise<HostRole>; until: number }>()

  constructor(login: Login, tls: UpstreamTls | undefined) {
    this.#login = login
    this.#tls = tls
  }

  /** @throws what connecting says */
  of(endpoint: Endpoint): Promise<HostRole> {
    const name = endpointName(endpoint)
    const known = this.#known.get(name)
    if (known && known.until > performance.now()) return known.role
    const role = this.#ask(endpoint)
    this.#known.set(name, { role, until: performance.now() + limits.hostRoleFreshMs })
    role.catch(() => this.#known.delete(name))
    return role
  }

  async #ask(endpoint: Endpoint): Promise<HostRole> {
    const { user, password, database } = this.#login
    const client = new pg.Client({
      user,
      password,
      database,
      application_name: 'jetgres maintenance',
      connectionTimeoutMillis: limits.connectTimeoutMs,
      query_timeout: limits.connectTimeoutMs,
      stream: () => new DialedStream(() => openEndpoint(endpoint, this.#tls))
    })
    client.on('error', () => undefined)
    try {
      await client.connect()
      const { rows } = await client.query<HostRole>(QUESTION)
      return rows[0]!
    } finally {
      // Its Terminate may meet a connection that is gone.
      await client.end().catch(() => undefined)
    }
  }
}

/** Does a host of this role fit? `prefer-standby` takes any in its second round. */
export function fits(attrs: SessionAttrs, role: HostRole): boolean {
  switch (attrs) {
    case 'read-write':
      return !role.isReadOnly
    case 'read-only':
      return role.isReadOnly
    case 'primary':
      return !role.isStandby
    case 'standby':
    case 'prefer-standby':
      return role.isStandby
    case 'any':
      return true
  }
}
