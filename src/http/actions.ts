// The few things that can be done over HTTP: signing in, pausing and resuming a relation. Who may is
// access.ts's to say.

import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'

import type { Catalog } from '../catalog/catalog.ts'
import { paused, resumed } from '../catalog/pause.ts'
import { toPgError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { Gatekeeper } from './access.ts'
import { refuse, send, sendJson } from './reply.ts'

/** It survives a restart: it is what ALTER … SET SOURCE_RATE_LIMIT TO 0 does. */
export async function pauseOrResume(
  catalog: Catalog,
  id: number,
  isPause: boolean,
  response: ServerResponse,
  log: Logger
): Promise<void> {
  const relation = catalog.byId(id)
  if (!relation?.isActive) return refuse(response, 404, 'no such relation, or it is not active yet')
  try {
    await catalog.change(relation, isPause ? paused : resumed)
  } catch (error) {
    return refuse(response, 409, toPgError(error).message)
  }
  log.info({ relation: relation.label }, isPause ? 'paused by HTTP' : 'resumed by HTTP')
  sendJson(response, 200, { id, isPaused: isPause })
}

export async function signIn(
  keeper: Gatekeeper,
  request: IncomingMessage,
  response: ServerResponse
): Promise<void> {
  const body = await formOf(request)
  const cookie = body === undefined ? undefined : keeper.cookieFor(body.get('token') ?? '')
  if (cookie === undefined)
    return refuse(response, 401, 'that is not the token: go back and try again')
  response.setHeader('set-cookie', cookie)
  response.setHeader('location', '/')
  send(response, 303, 'text/plain', '')
}

/** Undefined where it is too long to be ours. */
async function formOf(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  let text = ''
  request.on('data', (chunk) => {
    text += String(chunk)
    if (text.length > limits.httpHeaderBytesMax) request.destroy()
  })
  await Promise.race([once(request, 'end'), once(request, 'close')])
  return request.readableEnded ? new URLSearchParams(text) : undefined
}
