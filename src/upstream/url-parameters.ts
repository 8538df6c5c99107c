// The parameters of --upstream's URL. No sockets; must never show a value: it may be a password.

import { invalidParameterValue } from '../errors.ts'

/** By name, as libpq takes them: the last of several counts, "+" is a plus. */
export type UrlParameters = ReadonlyMap<string, string>

/**
 * @param query what follows the "?"
 * @throws PgError 22023
 */
export function readParameters(query: string): UrlParameters {
  return new Map(
    query
      .split('&')
      .filter((text) => text !== '')
      .map(pair)
  )
}

function pair(text: string): [name: string, value: string] {
  const at = text.indexOf('=')
  if (at < 0) throw invalidParameterValue(`a parameter in the upstream's URL has no "="`)
  const name = decoded(text.slice(0, at), 'a parameter')
  return [name, decoded(text.slice(at + 1), name)]
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
