// Keys and JWTs for a nats-server in operator mode, made anew for each test: nothing is kept.

import { nkeys } from 'nats'

export interface OperatorKeys {
  /** For the server's configuration file. */
  readonly config: string
  /** The user's. */
  readonly jwt: string
  readonly seed: string
  /** A seed of nobody. */
  readonly otherSeed: string
}

/** Of an account that may use JetStream. */
export const JETSTREAM = { mem_storage: -1, disk_storage: -1, streams: -1, consumer: -1 }

/**
 * An operator, an account and a user, each with a JWT signed by the one above.
 * @param limits the account's, beside those that every account has here
 */
export function operatorKeys(limits: object = {}): OperatorKeys {
  const operator = nkeys.createOperator() as KeyPair
  const account = nkeys.createAccount() as KeyPair
  const system = nkeys.createAccount() as KeyPair
  const user = nkeys.createUser() as KeyPair
  const seed = (pair: KeyPair) => Buffer.from(pair.getSeed()).toString()
  const operatorJwt = signedJwt(operator, operator, { type: 'operator' })
  const systemJwt = signedJwt(operator, system, { type: 'account', limits: UNLIMITED })
  const accountJwt = signedJwt(operator, account, {
    type: 'account',
    limits: { ...UNLIMITED, ...limits }
  })
  return {
    config: `operator: ${operatorJwt}
      resolver: MEMORY
      system_account: ${system.getPublicKey()}
      resolver_preload: {
        ${account.getPublicKey()}: ${accountJwt}
        ${system.getPublicKey()}: ${systemJwt}
      }`,
    jwt: signedJwt(account, user, { type: 'user', subs: -1, data: -1, payload: -1 }),
    seed: seed(user),
    otherSeed: seed(nkeys.createUser() as KeyPair)
  }
}

export interface KeyPair {
  getPublicKey(): string
  getSeed(): Uint8Array
  sign(input: Uint8Array): Uint8Array
}

const UNLIMITED = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, conn: -1, leaf: -1 }

function signedJwt(issuer: KeyPair, subject: KeyPair, claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const head = part({ typ: 'JWT', alg: 'ed25519-nkey' })
  const body = part({
    jti: subject.getPublicKey(),
    iat: 1_700_000_000,
    iss: issuer.getPublicKey(),
    name: 'test',
    sub: subject.getPublicKey(),
    nats: { version: 2, ...claims }
  })
  const text = `${head}.${body}`
  return `${text}.${Buffer.from(issuer.sign(Buffer.from(text))).toString('base64url')}`
}
