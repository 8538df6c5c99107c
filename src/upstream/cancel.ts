// Asks the upstream to stop what one of its backends runs. Owns that short connection.

import { encodeCancel } from '../wire/startup.ts'
import { openEndpoint } from './endpoint.ts'
import type { Target } from './dial.ts'
import type { Endpoint } from './target.ts'
import { limits } from '../limits.ts'

/**
 * Resolves when the upstream has taken the request; whether it did anything is never told.
 * `endpoint`: where the backend is; undefined: of a backend that is not behind us, the first host's.
 * @throws PgError 08001
 */
export async function sendCancel(
  target: Target,
  endpoint: Endpoint | undefined,
  key: { readonly pid: number; readonly secret: Buffer }
): Promise<void> {
  const socket = await openEndpoint(endpoint ?? target, target.tls)
  socket.setTimeout(limits.connectTimeoutMs, () => socket.destroy())
  // Left open, as libpq leaves it: who answers an end with an end would seem to be done at once.
  socket.write(encodeCancel(key.pid, key.secret))
  await new Promise((resolve) => socket.once('close', resolve).resume())
}
