// Who jetgres is to a NATS server, and how it trusts that server: connect_mode with its options, and
// tls.*. Pure; secrets never enter a message.

import { invalidParameterValue } from '../errors.ts'
import type { NatsAuthentication, NatsTls } from '../types/connector.ts'
import type { Options } from './given-options.ts'
import type { GivenOption } from './option-list.ts'

/** @throws PgError 22023 */
export function readAuthentication(options: Options): NatsAuthentication {
  switch (connectMode(options)) {
    case 'plain':
      return plain(options)
    case 'user_and_password':
      return userAndPassword(options)
    case 'credential':
      return credential(options)
    case 'token':
      return { mode: 'token', token: neededBy('token', options, 'token').value }
    case 'nkey':
      return { mode: 'nkey', nkey: seedOf(neededBy('nkey', options, 'nkey')) }
    default:
      throw invalidParameterValue(
        'NATS connect mode must be one of `user_and_password`, `credential`, or `plain`',
        { position: options.positionOf('connect_mode') }
      )
  }
}

function connectMode(options: Options): string {
  const given = options.get('connect_mode')
  if (given) return given.value.toLowerCase()
  const mode = impliedMode(options)
  if (mode !== 'plain') {
    options.notices.push(`option "connect_mode" is not given, it is taken to be "${mode}"`)
  }
  return mode
}

function impliedMode(options: Options): NatsAuthentication['mode'] {
  if (options.has('username') || options.has('password')) return 'user_and_password'
  if (options.has('token')) return 'token'
  if (options.has('jwt') || options.has('creds')) return 'credential'
  return options.has('nkey') ? 'nkey' : 'plain'
}

function plain(options: Options): NatsAuthentication {
  const given = ['username', 'password', 'jwt', 'nkey', 'creds', 'token']
  const ignored = given.filter((key) => options.has(key))
  if (ignored.length > 0) {
    options.notices.push(`connect mode "plain" does not use ${ignored.join(', ')}`)
  }
  return { mode: 'plain' }
}

function userAndPassword(options: Options): NatsAuthentication {
  const username = options.get('username')?.value
  const password = options.get('password')?.value
  if (username !== undefined && password !== undefined) {
    return { mode: 'user_and_password', username, password }
  }
  throw invalidParameterValue(
    'NATS connect mode `user_and_password` requires both `user` and `password`',
    {
      position: options.positionOf('connect_mode'),
      hint: `Add ${username === undefined ? 'username' : 'password'} = '…' to the WITH clause.`
    }
  )
}

function credential(options: Options): NatsAuthentication {
  const creds = options.get('creds')
  if (creds) return credentialOf(creds, options)
  const jwt = options.get('jwt')?.value.trim()
  const nkey = options.get('nkey')
  if (!jwt || !nkey?.value.trim()) {
    throw invalidParameterValue('NATS connect mode `credential` requires both `nkey` and `jwt`', {
      position: options.positionOf('connect_mode')
    })
  }
  return { mode: 'credential', jwt, nkey: seedOf(nkey) }
}

const JWT = /-----BEGIN NATS USER JWT-----\s+([\w.-]+)\s+-+END NATS USER JWT-/
const SEED = /-----BEGIN USER NKEY SEED-----\s+(S[A-Z2-7]{57})\s+-+END USER NKEY SEED-/

/** Of the text of a .creds file, as nsc writes it; never of a path, as with certificates. */
function credentialOf(
  { value, valuePosition: position }: GivenOption,
  options: Options
): NatsAuthentication {
  if (options.has('jwt') || options.has('nkey')) {
    throw invalidParameterValue('option "creds" stands for both `nkey` and `jwt`', { position })
  }
  const [jwt, nkey] = [JWT.exec(value)?.[1], SEED.exec(value)?.[1]]
  if (jwt !== undefined && nkey !== undefined) return { mode: 'credential', jwt, nkey }
  throw invalidParameterValue('option "creds" does not hold a JWT and a seed', {
    position,
    hint: 'Give the text of the .creds file, not its name.'
  })
}

function neededBy(mode: string, options: Options, key: string): GivenOption {
  const option = options.get(key)
  if (option && option.value !== '') return option
  throw invalidParameterValue(`NATS connect mode \`${mode}\` requires \`${key}\``, {
    position: options.positionOf('connect_mode'),
    hint: `Add ${key} = '…' to the WITH clause.`
  })
}

function seedOf({ value, valuePosition }: GivenOption): string {
  const seed = value.trim()
  if (/^S[A-Z2-7]{57}$/.test(seed)) return seed
  throw invalidParameterValue('nkey is not a seed', {
    position: valuePosition,
    hint: "Give the user's seed, 58 characters beginning with SU, not the public key."
  })
}

/**
 * Undefined where nothing is given: then the servers' URLs say whether TLS is used.
 * @throws PgError 22023
 */
export function readTls(options: Options): NatsTls | undefined {
  const given = (['ca', 'cert', 'key'] as const).filter((name) => options.has(`tls.${name}`))
  if (given.length === 0) return undefined
  for (const name of given) checkPem(options.required(`tls.${name}`))
  if (given.includes('cert') !== given.includes('key')) {
    throw invalidParameterValue('options "tls.cert" and "tls.key" need each other', {
      position: options.positionOf(given.includes('cert') ? 'tls.cert' : 'tls.key')
    })
  }
  return Object.fromEntries(given.map((name) => [name, options.required(`tls.${name}`).value]))
}

/** Never a path: not everyone who may create a relation may read the server's files. */
function checkPem({ key, value, valuePosition }: GivenOption): void {
  if (/^\s*-----BEGIN [A-Z0-9 ]+-----/.test(value)) return
  throw invalidParameterValue(`option "${key}" does not hold PEM`, {
    position: valuePosition,
    hint: 'Give the text that begins with -----BEGIN, not the name of a file.'
  })
}
