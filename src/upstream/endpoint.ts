// Opens one connection to one server: TCP or Unix socket, then TLS where the target asks for it.
// Owns the time limit of all that; knows nothing of what is said on the connection.

import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

import { cannotConnect } from '../errors.ts'
import { limits } from '../limits.ts'
import { connectPlain } from './plain-socket.ts'
import { endpointName, isSocketDirectory, socketAddress } from './target.ts'
import type { Endpoint } from './target.ts'
import type { UpstreamTls } from './tls.ts'

/**
 * A connection that is ready for a startup or cancel packet. Its reader calls `resume`.
 * `tls` undefined: never TLS; over a Unix socket there is none, as with libpq.
 * @throws PgError 08001
 */
export async function openEndpoint(
  endpoint: Endpoint,
  tls: UpstreamTls | undefined
): Promise<Socket> {
  try {
    if (!tls || tls.settings.mode === 'disable' || isSocketDirectory(endpoint.host)) {
      return await attempt(endpoint, undefined)
    }
    return await withTls(endpoint, tls)
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause)
    const message = `could not connect to the upstream at ${endpointName(endpoint)}`
    throw cannotConnect(message, { detail, cause })
  }
}

/** A failed handshake where TLS is only preferred means one more attempt, without (as libpq). */
async function withTls(endpoint: Endpoint, tls: UpstreamTls): Promise<Socket> {
  try {
    return await attempt(endpoint, tls)
  } catch (error) {
    if (tls.isRequired || !(error instanceof NegotiationError)) throw error
    return attempt(endpoint, undefined)
  }
}

/** The server was reached, TLS was not. */
class NegotiationError extends Error {}

/** A Unix socket refuses at once while its queue is full, where TCP would have us wait. */
async function attempt(endpoint: Endpoint, tls: UpstreamTls | undefined): Promise<Socket> {
  const deadline = performance.now() + limits.upstreamQueueMs
  for (;;) {
    try {
      return await attemptOnce(endpoint, tls)
    } catch (error) {
      if (!isQueueFull(error) || performance.now() > deadline) throw error
    }
    await delay(limits.upstreamQueuePollMs)
  }
}

const isQueueFull = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'EAGAIN'

async function attemptOnce(endpoint: Endpoint, tls: UpstreamTls | undefined): Promise<Socket> {
  const to = {
    ...socketAddress(endpoint),
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: limits.keepAliveMs
  }
  const socket = tls ? connect(to) : connectPlain(to)
  // Whoever reads it later hears of the end by "close".
  socket.on('error', () => undefined)
  let isLate = false
  const timer = setTimeout(() => {
    isLate = true
    socket.destroy(new Error('timed out'))
  }, limits.connectTimeoutMs)
  try {
    await connected(socket)
    return tls ? await negotiated(socket, endpoint, tls) : socket
  } catch (cause) {
    socket.destroy()
    if (isLate) throw new Error('timed out', { cause })
    throw cause
  } finally {
    clearTimeout(timer)
  }
}

async function negotiated(socket: Socket, endpoint: Endpoint, tls: UpstreamTls): Promise<Socket> {
  try {
    const ready = await tls.negotiate(socket, endpoint.host)
    ready.on('error', () => undefined)
    return ready
  } catch (cause) {
    throw new NegotiationError(cause instanceof Error ? cause.message : String(cause), { cause })
  }
}

function connected(socket: Socket): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve()
    })
  })
}
