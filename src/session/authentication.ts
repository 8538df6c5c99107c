// Who the client is, is the upstream's to find out: what both say about it is relayed, except what
// can't pass a proxy. Channel binding ties SCRAM to one TLS connection, and here there may be two.
//
//   relaying ──SCRAM-SHA-256-PLUS offered, TLS on both legs──► asking ──password──► proving

import { invalidAuthorization, protocolViolation, toPgError } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { SCRAM_SHA_256, ScramClient } from '../upstream/scram.ts'
import { CLEARTEXT_PASSWORD, frame as encode } from '../wire/backend.ts'
import { bodyOf } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'
import { frontend } from '../wire/frontend.ts'

/** Kinds of Authentication messages (protocol, "Message Formats"). */
const SASL = 10
const SASL_CONTINUE = 11
const SASL_FINAL = 12

const CHANNEL_BINDING = 'SCRAM-SHA-256-PLUS'

export interface AuthenticationOptions {
  /** TLS on the client's connection and on the upstream's. */
  readonly isEncryptedTwice: boolean
  toUpstream(bytes: Buffer): void
  /** The client can't be let in. */
  fail(error: PgError): void
}

export class Authentication {
  readonly #options: AuthenticationOptions
  /** The client was asked for its password, to be proved by us. */
  #isAsking = false
  #scram: ScramClient | undefined

  constructor(options: AuthenticationOptions) {
    this.#options = options
  }

  /** One of the upstream's Authentication messages; returns what goes to the client, if anything. */
  fromUpstream(frame: Frame): Buffer | undefined {
    const body = bodyOf(frame)
    const kind = body.length < 4 ? -1 : body.readInt32BE(0)
    if (kind === SASL) return this.#offer(frame)
    const scram = this.#scram
    if (!scram || (kind !== SASL_CONTINUE && kind !== SASL_FINAL)) return frame.bytes
    const text = body.toString('utf8', 4)
    if (kind === SASL_CONTINUE) this.#prove(scram, text)
    else this.#verify(scram, text)
    return undefined
  }

  /** A password message of the client's; returns what goes upstream. */
  fromClient(frame: Frame): Buffer | undefined {
    if (!this.#isAsking) return frame.bytes
    const body = bodyOf(frame)
    const end = body.indexOf(0)
    if (this.#scram || end !== body.length - 1) {
      this.#options.fail(protocolViolation('invalid password packet size'))
      return undefined
    }
    this.#scram = new ScramClient(body.toString('utf8', 0, end))
    return frontend.sendSASLInitialResponseMessage(SCRAM_SHA_256, this.#scram.first())
  }

  /**
   * A client over TLS that is offered no channel binding says "y": it could, the server can't. A
   * Postgres that can, takes that for a downgrade and refuses (RFC 5802, section 6). Where both ends
   * have TLS the offer would always end so: then the client tells us the password, inside its TLS.
   */
  #offer(frame: Frame): Buffer | undefined {
    const mechanisms = bodyOf(frame).toString('latin1', 4).split('\0').filter(Boolean)
    if (!mechanisms.includes(CHANNEL_BINDING)) return frame.bytes
    const rest = mechanisms.filter((name) => name !== CHANNEL_BINDING)
    if (!rest.includes(SCRAM_SHA_256)) {
      this.#options.fail(
        invalidAuthorization('the upstream wants channel binding, which ends here')
      )
      return undefined
    }
    if (this.#options.isEncryptedTwice) {
      this.#isAsking = true
      return CLEARTEXT_PASSWORD
    }
    const names = rest.map((name) => `${name}\0`).join('')
    return encode('R', bodyOf(frame).subarray(0, 4), Buffer.from(`${names}\0`, 'latin1'))
  }

  #prove(scram: ScramClient, serverFirst: string): void {
    scram.respond(serverFirst).then(
      (text) => this.#options.toUpstream(frontend.sendSCRAMClientFinalMessage(text)),
      (error: unknown) => this.#options.fail(toPgError(error))
    )
  }

  #verify(scram: ScramClient, serverFinal: string): void {
    try {
      scram.verify(serverFinal)
    } catch (error) {
      this.#options.fail(toPgError(error))
    }
  }
}
