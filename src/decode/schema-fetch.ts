// Reads a schema's bytes from where a statement says: file:// on this machine, http:// or https://.
// Bounded in size and time; follows redirects to http(s) only, never from https to http. Must never
// show a file's content in an error: not everyone who may name a file may read it.

import { open } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import {
  PgError,
  connectorFailure,
  connectorObjectMissing,
  featureNotSupported,
  invalidParameterValue,
  programLimitExceeded
} from '../errors.ts'
import { limits } from '../limits.ts'

const HINT = 'Give the schema as file://…, http://… or https://….'

/** @throws PgError 22023, 0A000 for a location that cannot be one */
export function schemaUrl(location: string): URL {
  const url = parseUrl(location)
  if (!url) {
    throw invalidParameterValue(`invalid schema location "${location}"`, { hint: HINT })
  }
  const scheme = url.protocol.slice(0, -1)
  if (scheme === 's3') {
    const hint = 'Serve the schema by http or https, for example by a presigned URL.'
    throw featureNotSupported('schema locations of scheme s3 are not supported', { hint })
  }
  if (scheme !== 'file' && scheme !== 'http' && scheme !== 'https') {
    // RisingWave's words.
    throw featureNotSupported(`path scheme \`${scheme}\` is not supported`, { hint: HINT })
  }
  if (url.username !== '' || url.password !== '') {
    throw invalidParameterValue('a schema location holds no user and password', {
      hint: 'They would be shown with the statement. Serve the schema without them.'
    })
  }
  if (scheme === 'file' && url.host !== '') {
    const hint = 'Three slashes begin a path on this machine: file:///path.'
    throw invalidParameterValue('a schema file has no host', { hint })
  }
  return url
}

function parseUrl(location: string): URL | undefined {
  try {
    return new URL(location)
  } catch {
    return undefined
  }
}

/**
 * @throws PgError HV00R when it isn't there, HV00N when it cannot be read, 54000 when it is longer
 * than `bytesMax`
 */
export async function fetchSchema(
  url: URL,
  bytesMax: number,
  signal: AbortSignal
): Promise<Uint8Array> {
  try {
    const isFile = url.protocol === 'file:'
    const bytes = await (isFile ? readFile(url, bytesMax) : get(url, bytesMax, signal))
    if (bytes.length <= bytesMax) return bytes
  } catch (error) {
    if (error instanceof PgError) throw error
    throw connectorFailure(`could not read the schema "${url.href}": ${reasonOf(error)}`, {
      cause: error
    })
  }
  throw programLimitExceeded(`the schema "${url.href}" is too long`, {
    detail: `Schemas have at most ${limits.schemaBytesMax} bytes in all.`
  })
}

const missing = (url: URL): PgError =>
  connectorObjectMissing(`the schema "${url.href}" does not exist`)

/** Opened without waiting: a pipe would make us wait for its writer. */
async function readFile(url: URL, bytesMax: number): Promise<Uint8Array> {
  const file = await open(fileURLToPath(url), 'r').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? missing(url) : error
  })
  try {
    const stat = await file.stat()
    if (!stat.isFile()) throw connectorFailure(`the schema "${url.href}" is not a file`)
    const buffer = Buffer.alloc(Math.min(stat.size, bytesMax + 1))
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}

async function get(start: URL, bytesMax: number, signal: AbortSignal): Promise<Uint8Array> {
  let url = start
  for (let redirects = 0; redirects <= limits.schemaRedirectsMax; redirects++) {
    const response = await fetch(url, { redirect: 'manual', signal })
    const target = response.headers.get('location')
    if (response.status < 300 || response.status >= 400 || target === null) {
      if (response.ok) return readBody(response, bytesMax)
      await response.body?.cancel()
      if (response.status === 404 || response.status === 410) throw missing(start)
      throw new Error(`the server answered ${response.status} ${response.statusText}`.trim())
    }
    await response.body?.cancel()
    url = redirected(url, target)
  }
  throw new Error(`it was redirected more than ${limits.schemaRedirectsMax} times`)
}

function redirected(from: URL, target: string): URL {
  const url = new URL(target, from)
  const isKept = url.protocol === from.protocol || url.protocol === 'https:'
  if (isKept && url.username === '' && url.password === '') return url
  throw new Error('it is redirected to another scheme')
}

async function readBody(response: Response, bytesMax: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk)
    length += chunk.length
    // What is left of the body is abandoned with the loop.
    if (length > bytesMax) break
  }
  return Buffer.concat(chunks)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `no answer in ${limits.schemaFetchMs} ms`
  const cause = error.cause instanceof Error ? (error.cause as NodeJS.ErrnoException) : undefined
  return cause?.code ?? (error as NodeJS.ErrnoException).code ?? error.message
}
