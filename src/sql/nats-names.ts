// What NATS takes for a server, a subject filter and a stream's name, checked before anyone
// connects. Pure.
// Sources: nats-server's IsValidSubject (server/sublist.go) and isValidName (server/stream.go).

import { invalidParameterValue } from '../errors.ts'
import type { PgError } from '../errors.ts'
import type { GivenOption } from './option-list.ts'

/** nats-server's JSMaxNameLen, in bytes. */
const STREAM_NAME_BYTES_MAX = 255
const SCHEMES = ['nats', 'tls']

const invalid = (option: GivenOption, message: string, hint?: string): PgError =>
  invalidParameterValue(message, { position: option.valuePosition, hint })

/** @throws PgError 22023 */
export function readServers(option: GivenOption): string[] {
  const servers = listOf(option)
  for (const server of servers) {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(server)?.[1]?.toLowerCase()
    if (scheme !== undefined && !SCHEMES.includes(scheme)) {
      throw invalid(
        option,
        `scheme "${scheme}" is not supported in option "${option.key}"`,
        `Supported are ${SCHEMES.join(' and ')}.`
      )
    }
    if (!isServer(server)) {
      throw invalid(
        option,
        `option "${option.key}" does not hold server addresses`,
        'Write host:port, with commas between several.'
      )
    }
  }
  return servers
}

function isServer(server: string): boolean {
  if (/\s/.test(server)) return false
  try {
    const url = new URL(server.includes('://') ? server : `nats://${server}`)
    return url.hostname !== '' && /^\/?$/.test(url.pathname) && url.search === '' && url.hash === ''
  } catch {
    return false
  }
}

/** @throws PgError 22023 */
export function readSubjects(option: GivenOption): string[] {
  const subjects = listOf(option)
  for (const subject of subjects) {
    const hint = subjectFault(subject)
    if (hint !== undefined) throw invalid(option, `invalid subject "${subject}"`, hint)
  }
  return [...new Set(subjects)]
}

function subjectFault(subject: string): string | undefined {
  if (/[\s\p{Cc}]/u.test(subject)) return 'A subject holds no white space.'
  const tokens = subject.split('.')
  if (tokens.includes('')) return 'There must be a name between the dots.'
  if (tokens.slice(0, -1).includes('>')) return 'The wildcard > can only come last.'
  if (tokens.some((token) => token.length > 1 && /[*>]/.test(token))) {
    return 'The wildcards * and > stand for whole names between dots.'
  }
  return undefined
}

/** @throws PgError 22023 */
export function readStream(option: GivenOption): string {
  const name = option.value.trim()
  const fault = streamFault(name)
  if (fault === undefined) return name
  throw invalid(option, `invalid stream name "${name}"`, fault)
}

function streamFault(name: string): string | undefined {
  if (name === '') return 'A stream has a name.'
  if (/[\s.*>/\\\p{Cc}]/u.test(name)) {
    return "A stream's name holds no white space, dots, slashes, * or >."
  }
  const isLong = Buffer.byteLength(name) > STREAM_NAME_BYTES_MAX
  return isLong ? `A stream's name has at most ${STREAM_NAME_BYTES_MAX} bytes.` : undefined
}

/** The parts between commas, trimmed, empty ones dropped; at least one. */
function listOf(option: GivenOption): string[] {
  const parts = option.value.split(',').map((part) => part.trim())
  const list = parts.filter((part) => part !== '')
  if (list.length > 0) return list
  throw invalid(option, `option "${option.key}" is empty`)
}
