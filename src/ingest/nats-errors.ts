// NATS's failures in Postgres's voice. Owns which SQLSTATE, detail and hint a NATS error gets;
// must never put a password, a token or a key into a message.

import { ErrorCode, NatsError } from 'nats'

import {
  cannotConnect,
  connectorFailure,
  connectorObjectMissing,
  insufficientPrivilege,
  invalidAuthorization,
  invalidPassword,
  PgError
} from '../errors.ts'
import type { NatsConnector } from '../types/connector.ts'

/** The error object of a JetStream API reply. */
export interface ApiErrorReply {
  readonly code: number
  readonly err_code?: number
  readonly description?: string
}

/** A JetStream request that the server answered with an error. */
export class JetStreamError extends Error {
  readonly code: number
  /** JetStream's own number, for example 10059 "stream not found"; 0 when the server gave none. */
  readonly errCode: number

  constructor(reply: ApiErrorReply) {
    super(reply.description ?? `error ${reply.code}`)
    this.name = 'JetStreamError'
    this.code = reply.code
    this.errCode = reply.err_code ?? 0
  }
}

/** Numbers of nats-server's errors.json. */
const STREAM_NOT_FOUND = 10059
const CONSUMER_NOT_FOUND = 10014
const JETSTREAM_OFF = new Set([10076, 10039, 10035])
/** A work queue takes one consumer for a subject. */
const QUEUE_IS_TAKEN = new Set([10099, 10100])

const PERMISSIONS_HINT =
  'The NATS user must be allowed to publish to "$JS.API.STREAM.INFO.<stream>", ' +
  '"$JS.API.CONSUMER.CREATE.<stream>.>", "$JS.API.CONSUMER.DELETE.<stream>.>" and ' +
  '"$JS.API.CONSUMER.MSG.NEXT.<stream>.>", "$JS.API.CONSUMER.INFO.<stream>.>", ' +
  '"$JS.API.STREAM.MSG.GET.<stream>", and to subscribe to "_INBOX.>".'

const QUEUE_HINT =
  'Another consumer has these subjects of the work queue. CREATE OR REPLACE takes over that of the ' +
  'relation it replaces, if it gives no other "consumer.durable_name".'

/** What a failure of talking to the connector's servers means to whoever runs the statement. */
export function natsFailure(error: unknown, connector: NatsConnector): PgError {
  if (error instanceof PgError) return error
  if (error instanceof JetStreamError) return jetStreamFailure(error, connector)
  if (!(error instanceof NatsError)) return unreachable(error, connector)
  if (error.isPermissionError()) return permissionDenied(error)
  if (error.isAuthError()) return refused(error, connector)
  if (error.code === ErrorCode.BadAuthentication) return refused(error, connector)
  if (error.code === ErrorCode.NoResponders) return jetStreamOff(connector, error)
  if (error.code === ErrorCode.Timeout) return tooSlow(error, connector)
  return unreachable(error, connector)
}

export const isStreamMissing = (error: unknown): boolean =>
  error instanceof JetStreamError && error.errCode === STREAM_NOT_FOUND

export const isConsumerMissing = (error: unknown): boolean =>
  error instanceof JetStreamError && error.errCode === CONSUMER_NOT_FOUND

function jetStreamFailure(error: JetStreamError, connector: NatsConnector): PgError {
  if (error.errCode === STREAM_NOT_FOUND) {
    return connectorObjectMissing(`stream "${connector.stream}" not found`, {
      detail: `It was looked for on NATS server "${serverNames(connector)}".`,
      hint: 'Create the stream first, or let jetgres do it: allow_create_stream = true.',
      cause: error
    })
  }
  if (JETSTREAM_OFF.has(error.errCode)) return jetStreamOff(connector, error)
  const number = error.errCode === 0 ? '' : ` (error ${error.errCode})`
  return connectorFailure(`NATS server refused a request: ${error.message}${number}`, {
    detail: `The stream is "${connector.stream}".`,
    ...(QUEUE_IS_TAKEN.has(error.errCode) ? { hint: QUEUE_HINT } : {}),
    cause: error
  })
}

function jetStreamOff(connector: NatsConnector, cause: Error): PgError {
  return connectorFailure(`JetStream is not enabled on NATS server "${serverNames(connector)}"`, {
    hint: 'Start nats-server with JetStream, and enable it for the account in use.',
    cause
  })
}

function permissionDenied(error: NatsError): PgError {
  const { operation = 'publish', subject } = error.permissionContext ?? {}
  const verb = operation === 'subscription' ? 'subscribe' : operation
  const what = subject === undefined ? error.message : `to ${verb} to subject "${subject}"`
  return insufficientPrivilege(`NATS user is not allowed ${what}`, {
    hint: PERMISSIONS_HINT,
    cause: error
  })
}

function refused(error: NatsError, connector: NatsConnector): PgError {
  const server = serverNames(connector)
  switch (connector.authentication.mode) {
    case 'user_and_password':
      return invalidPassword(
        `NATS server "${server}" refused user "${connector.authentication.username}"`,
        { hint: 'Check "username" and "password".', cause: error }
      )
    case 'credential':
      return invalidAuthorization(`NATS server "${server}" refused the credential`, {
        hint: 'Check that "jwt" has not expired and that "nkey" is its seed.',
        cause: error
      })
    case 'token':
      return invalidAuthorization(`NATS server "${server}" refused the token`, {
        hint: 'Check "token".',
        cause: error
      })
    case 'nkey':
      return invalidAuthorization(`NATS server "${server}" refused the nkey`, {
        hint: 'Check that "nkey" is the seed of a user that the server knows.',
        cause: error
      })
    default:
      return invalidAuthorization(`NATS server "${server}" requires authentication`, {
        hint: 'Set "connect_mode" to "user_and_password", "credential", "token" or "nkey".',
        cause: error
      })
  }
}

function unreachable(error: unknown, connector: NatsConnector): PgError {
  const server = serverNames(connector)
  const cause = error instanceof NatsError ? (error.chainedError ?? error) : error
  return connectorFailure(`could not connect to NATS server "${server}"`, {
    detail: reasonOf(cause),
    hint: 'Check "server_url", and that the server runs and can be reached from jetgres.',
    cause: error instanceof Error ? error : cannotConnect(String(error))
  })
}

function tooSlow(error: NatsError, connector: NatsConnector): PgError {
  return connectorFailure(`NATS server "${serverNames(connector)}" did not answer in time`, {
    hint: 'Check "server_url", and that the server is well.',
    cause: error
  })
}

function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

/** The servers without the user information that their URLs may carry. */
export const serverNames = (connector: NatsConnector): string =>
  connector.servers.map((server) => server.replace(/^([a-z]+:\/\/)?[^@/]*@/, '$1')).join(',')
