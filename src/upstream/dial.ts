// Reaches the upstream: tries its hosts in order until one answers and is what the URL asks for.
// The only way to a connection, for sessions, cancel requests and the maintenance role alike.

import type { Socket } from 'node:net'

import { cannotConnect, PgError } from '../errors.ts'
import { openEndpoint } from './endpoint.ts'
import { fits, HostRoles } from './roles.ts'
import { endpointName, parseTarget } from './target.ts'
import type { Endpoint, SessionAttrs, TargetUrl } from './target.ts'
import { UpstreamTls } from './tls.ts'

/** An upstream that can be dialled. Without `tls` never by TLS; without `roles` any host will do. */
export interface Target extends Pick<
  TargetUrl,
  'host' | 'port' | 'user' | 'password' | 'database'
> {
  readonly others?: readonly Endpoint[]
  readonly tls?: UpstreamTls
  readonly sessionAttrs?: SessionAttrs
  readonly roles?: HostRoles
}

export interface Dialed {
  /** Its reader calls `resume`. */
  readonly socket: Socket
  /** Where it leads: cancel requests have to go there too. */
  readonly endpoint: Endpoint
}

/** @throws PgError 22023; Error for a certificate file that can't be used */
export async function loadTarget(url: string): Promise<Target> {
  const parsed = parseTarget(url)
  const tls = parsed.tls.mode === 'disable' ? undefined : await UpstreamTls.load(parsed.tls)
  const { host, port, user, password, database, others, sessionAttrs } = parsed
  const roles = new HostRoles(parsed, tls)
  return { host, port, user, password, database, others, sessionAttrs, roles, ...(tls && { tls }) }
}

/** @throws PgError 08001, with what every host said */
export async function dial(target: Target): Promise<Dialed> {
  const { host, port, others = [], sessionAttrs = 'any' } = target
  const endpoints = [{ host, port }, ...others]
  const rounds: SessionAttrs[] =
    sessionAttrs === 'prefer-standby' ? [sessionAttrs, 'any'] : [sessionAttrs]
  const failures: PgError[] = []
  for (const attrs of rounds) {
    for (const endpoint of endpoints) {
      const got = await tryEndpoint(target, endpoint, attrs)
      if (!(got instanceof PgError)) return got
      failures.push(got)
    }
  }
  const [only] = failures
  if (failures.length === 1 && only) throw only
  const names = endpoints.map(endpointName).join(', ')
  const details = new Set(failures.map((error) => [error.message, error.detail].join(': ')))
  throw cannotConnect(`could not connect to the upstream at any of ${names}`, {
    detail: [...details].join('; ')
  })
}

async function tryEndpoint(
  target: Target,
  endpoint: Endpoint,
  attrs: SessionAttrs
): Promise<Dialed | PgError> {
  try {
    if (attrs !== 'any' && target.roles && !fits(attrs, await target.roles.of(endpoint))) {
      return cannotConnect(`the server at ${endpointName(endpoint)} is not ${attrs}`)
    }
    return { socket: await openEndpoint(endpoint, target.tls), endpoint }
  } catch (error) {
    if (error instanceof PgError) return error
    const detail = error instanceof Error ? error.message : String(error)
    return cannotConnect(`could not ask ${endpointName(endpoint)} for its role`, {
      detail,
      cause: error
    })
  }
}
