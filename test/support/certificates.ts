// Certificates for one test, in a temporary folder: an authority, and what it signs.

import { webcrypto } from 'node:crypto'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

// @peculiar/x509 needs it to be there first.
import 'reflect-metadata'
import {
  BasicConstraintsExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator
} from '@peculiar/x509'
import type { Extension } from '@peculiar/x509'
import type { Test } from 'tap'

export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string
  readonly key: string
}

export interface IssueOptions {
  /** Subject alternative names: host names and addresses. */
  readonly names?: readonly string[]
  /** Valid from two days ago to yesterday. */
  readonly isExpired?: boolean
}

export interface Authority extends Certificate {
  readonly folder: string
  /** Signs a certificate of this common name. Once more with one name, it replaces the files. */
  issue(name: string, options?: IssueOptions): Promise<Certificate>
}

const DAY_MS = 86_400_000
const EC = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }

const inDays = (days: number): Date => new Date(Date.now() + days * DAY_MS)
const newKeys = (): Promise<webcrypto.CryptoKeyPair> =>
  webcrypto.subtle.generateKey(EC, true, ['sign', 'verify'])

/** Keys are readable for `group`, so that a Postgres of another user can use them. */
export async function certificateAuthority(
  t: Pick<Test, 'teardown'>,
  { group }: { readonly group?: number | undefined } = {}
): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'jetgres-test-tls-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  const keys = await newKeys()
  // One's own: two of one name are told apart by their signatures only.
  const subject = `CN=${basename(folder)}`

  const make = async (
    name: string,
    own: webcrypto.CryptoKeyPair,
    days: readonly [number, number],
    extensions: Extension[]
  ): Promise<Certificate> => {
    const made = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) }
    const certificate = await X509CertificateGenerator.create({
      subject: name === 'ca' ? subject : `CN=${name}`,
      issuer: subject,
      notBefore: inDays(days[0]),
      notAfter: inDays(days[1]),
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: EC,
      extensions
    })
    await writeFile(made.cert, `${certificate.toString('pem')}\n`)
    const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', own.privateKey)
    await writeFile(made.key, `${PemConverter.encode(pkcs8, PemConverter.PrivateKeyTag)}\n`)
    // Root's key is read by Postgres through its group; an ordinary user runs Postgres itself.
    await chmod(made.key, group === undefined ? 0o600 : 0o640)
    if (group !== undefined) await chown(made.key, 0, group)
    return made
  }

  const root = await make('ca', keys, [-3, 30], [new BasicConstraintsExtension(true, undefined, true)])
  return {
    folder,
    ...root,
    issue: async (name, { names = [], isExpired = false } = {}) => {
      const alternatives = names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value }) as const)
      const extensions = names.length > 0 ? [new SubjectAlternativeNameExtension(alternatives)] : []
      return make(name, await newKeys(), isExpired ? [-2, -1] : [-1, 30], extensions)
    }
  }
}
