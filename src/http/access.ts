// Who may see the status page and act on it. Without a token only this machine, and only by a name of
// it, so that no website can have a browser ask in its stead (DNS rebinding); with a token whoever
// has it, as a bearer's or as the cookie that the page's form gets. Acting wants the page's own origin
// besides.

import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

import { isLoopback } from '../config.ts'

export type Access =
  | { readonly allowed: true }
  | { readonly allowed: false; readonly status: 401 | 403; readonly reason: string }

const COOKIE = 'jetgres_token'
const ALLOWED: Access = { allowed: true }

export class Gatekeeper {
  readonly #digest: Buffer | undefined
  readonly #isLocal: boolean

  /** @param host what the server listens on */
  constructor(host: string, token: string | undefined) {
    this.#digest = token === undefined ? undefined : digestOf(token)
    this.#isLocal = isLoopback(host)
  }

  /** May this request see what there is? */
  look(request: IncomingMessage): Access {
    if (this.#digest) return this.#hasToken(request) ? ALLOWED : refused(401, 'a token is needed')
    if (!this.#isLocal) {
      return refused(403, 'the status page is open to this machine alone: set JETGRES_HTTP_TOKEN')
    }
    const host = hostOf(request)
    return isLoopback(host) ? ALLOWED : refused(403, `this server is not "${host}"`)
  }

  /** May it change something? */
  act(request: IncomingMessage): Access {
    const seen = this.look(request)
    if (!seen.allowed) return seen
    const { origin, host } = request.headers
    const isOwn = origin !== undefined && URL.canParse(origin) && new URL(origin).host === host
    if (origin !== undefined && !isOwn) return refused(403, 'another site has no say here')
    // No form and no simple request of another site can set it.
    if (request.headers['x-jetgres'] === undefined)
      return refused(403, 'header "x-jetgres" is missing')
    return ALLOWED
  }

  /** The cookie for who gave the right token in the form; undefined for a wrong one. */
  cookieFor(token: string): string | undefined {
    if (!this.#digest || !timingSafeEqual(digestOf(token), this.#digest)) return undefined
    return `${COOKIE}=${this.#digest.toString('hex')}; HttpOnly; SameSite=Strict; Path=/`
  }

  #hasToken({ headers }: IncomingMessage): boolean {
    const bearer = /^Bearer (.+)$/i.exec(headers.authorization ?? '')?.[1]
    if (bearer !== undefined) return this.#isDigest(digestOf(bearer))
    const cookie = new RegExp(`(?:^|;\\s*)${COOKIE}=([0-9a-f]{64})(?:;|$)`).exec(
      headers.cookie ?? ''
    )
    return cookie?.[1] !== undefined && this.#isDigest(Buffer.from(cookie[1], 'hex'))
  }

  #isDigest(digest: Buffer): boolean {
    return this.#digest !== undefined && timingSafeEqual(digest, this.#digest)
  }
}

const digestOf = (token: string): Buffer =>
  createHash('sha256').update(`jetgres status page: ${token}`).digest()

const refused = (status: 401 | 403, reason: string): Access => ({ allowed: false, status, reason })

/** Without its port; of "[::1]:80" too. */
function hostOf({ headers }: IncomingMessage): string {
  const host = headers.host ?? ''
  return /^\[(.*)\](?::\d+)?$/.exec(host)?.[1] ?? host.replace(/:\d+$/, '')
}
