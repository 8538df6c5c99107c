// The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677) as Postgres speaks it, without channel
// binding. Owns one exchange; must never log or keep a password longer than that.

import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

import { invalidAuthorization, protocolViolation } from '../errors.ts'
import { limits } from '../limits.ts'

const derive = promisify(pbkdf2)

export const SCRAM_SHA_256 = 'SCRAM-SHA-256'

/** "n": no channel binding, which is always allowed; Postgres ignores the name and takes its own. */
const GS2_HEADER = 'n,,'
const HASH_BYTES = 32

export class ScramClient {
  #password: string
  readonly #nonce: string
  #serverSignature: Buffer | undefined

  /** `nonce`: only tests choose one. */
  constructor(password: string, nonce: string = randomBytes(18).toString('base64')) {
    this.#password = password
    this.#nonce = nonce
  }

  /** The client-first-message. */
  first(): string {
    return `${GS2_HEADER}${this.#firstBare()}`
  }

  /**
   * The client-final-message that answers a server-first-message. The work is done off the event
   * loop: many clients may come at once.
   * @throws PgError 08P01 when the server breaks the protocol
   */
  async respond(serverFirst: string): Promise<string> {
    const { nonce, salt, iterations } = this.#read(serverFirst)
    const password = saslPrep(this.#password)
    this.#password = ''
    const salted = await derive(password, salt, iterations, HASH_BYTES, 'sha256')
    const clientKey = hmac(salted, 'Client Key')
    const withoutProof = `c=${Buffer.from(GS2_HEADER).toString('base64')},r=${nonce}`
    const message = `${this.#firstBare()},${serverFirst},${withoutProof}`
    const signature = hmac(createHash('sha256').update(clientKey).digest(), message)
    this.#serverSignature = hmac(hmac(salted, 'Server Key'), message)
    const proof = clientKey.map((byte, i) => byte ^ signature[i]!)
    return `${withoutProof},p=${Buffer.from(proof).toString('base64')}`
  }

  /**
   * Looks at the server-final-message: a server that doesn't know the password is no server of ours.
   * @throws PgError 28000
   */
  verify(serverFinal: string): void {
    const given = Buffer.from(/^v=([^,]*)/.exec(serverFinal)?.[1] ?? '', 'base64')
    const wanted = this.#serverSignature
    if (wanted?.length !== given.length || !timingSafeEqual(wanted, given)) {
      throw invalidAuthorization('the upstream did not prove that it knows the password')
    }
  }

  #firstBare(): string {
    return `n=,r=${this.#nonce}`
  }

  #read(serverFirst: string): { nonce: string; salt: Buffer; iterations: number } {
    const [, nonce = '', salt = '', count = ''] =
      /^r=([^,]+),s=([^,]+),i=(\d{1,9})(?:,|$)/.exec(serverFirst) ?? []
    const iterations = Number(count)
    const isOurs = nonce.startsWith(this.#nonce) && nonce.length > this.#nonce.length
    if (!isOurs || iterations < 1 || iterations > limits.scramIterationsMax) {
      throw protocolViolation('malformed SCRAM message from the upstream')
    }
    return { nonce, salt: Buffer.from(salt, 'base64'), iterations }
  }
}

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest()

/**
 * SASLprep (RFC 4013) as Postgres applies it: a password that may not be prepared is taken as it is.
 * The rule on mixed writing directions is left out; it only matters to a password that also has
 * characters which normalisation changes.
 */
function saslPrep(password: string): string {
  if (/^[\x20-\x7e]*$/.test(password)) return password
  const mapped = Array.from(password, mapCharacter).join('').normalize('NFKC')
  return mapped === '' || FORBIDDEN.test(mapped) ? password : mapped
}

/** RFC 3454, tables C.1.2 (spaces) and B.1 (nothing). */
function mapCharacter(character: string): string {
  if (/^[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]$/.test(character)) return ' '
  const point = character.codePointAt(0)!
  const isNothing = NOTHING.some(([from, to]) => point >= from && point <= to)
  return isNothing ? '' : character
}

const NOTHING: readonly (readonly [from: number, to: number])[] = [
  [0xad, 0xad],
  [0x34f, 0x34f],
  [0x1806, 0x1806],
  [0x180b, 0x180d],
  [0x200c, 0x200d],
  [0x2060, 0x2060],
  [0xfe00, 0xfe0f],
  [0xfeff, 0xfeff]
]

/** RFC 4013, section 2.3, with the characters that Unicode doesn't have. */
const FORBIDDEN =
  /[\p{Cc}\p{Cn}\p{Co}\p{Cs}\u06dd\u070f\u180e\u2028-\u202f\u206a-\u206f\ufff9-\ufffd]/u
