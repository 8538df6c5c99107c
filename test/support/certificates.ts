// Certificates for one test, made by openssl in a temporary folder: a CA, and what it signs.

import { execFile } from 'node:child_process'
import { chmod, chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import type { Test } from 'tap'

const exec = promisify(execFile)

export interface Certificate {
  /** Paths of PEM files. */
  readonly cert: string
  readonly key: string
}

export interface IssueOptions {
  /** Subject alternative names, such as "DNS:localhost,IP:127.0.0.1". */
  readonly names?: string
  /** Valid from two days ago to yesterday. */
  readonly isExpired?: boolean
}

export interface Authority extends Certificate {
  readonly folder: string
  /** Signs a certificate of this common name. Once more with one name, it replaces the files. */
  issue(name: string, options?: IssueOptions): Promise<Certificate>
}

const DAY_MS = 86_400_000

/** openssl's "YYYYMMDDHHMMSSZ". */
const stamp = (days: number): string =>
  `${new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 19).replaceAll(/[-:T]/g, '')}Z`

/** Keys are readable for `group`, so that a Postgres of another user can use them. */
export async function certificateAuthority(
  t: Pick<Test, 'teardown'>,
  { group }: { readonly group?: number | undefined } = {}
): Promise<Authority> {
  const folder = await mkdtemp(join(tmpdir(), 'jetgres-test-tls-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  const path = (file: string): string => join(folder, file)
  const openssl = (...args: string[]) => exec('openssl', args, { cwd: folder })
  const [cert, key] = [path('ca.crt'), path('ca.key')]
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await openssl('req', '-x509', ...ec, '-keyout', key, '-out', cert, '-subj', '/CN=test CA')
  await writeFile(path('ca.cnf'), caConfig(cert, key))
  const issue: Authority['issue'] = async (name, { names, isExpired = false } = {}) => {
    const made = { cert: path(`${name}.crt`), key: path(`${name}.key`) }
    const request = path(`${name}.csr`)
    const alternative = names === undefined ? [] : ['-addext', `subjectAltName=${names}`]
    await openssl('req', ...ec, '-keyout', made.key, '-out', request, '-subj', `/CN=${name}`, ...alternative)
    const days = isExpired ? [stamp(-2), stamp(-1)] : [stamp(-1), stamp(30)]
    const [start = '', end = ''] = days
    await writeFile(path('index.txt'), '')
    const dates = ['-startdate', start, '-enddate', end]
    await openssl('ca', '-batch', '-config', 'ca.cnf', '-in', request, '-out', made.cert, ...dates)
    // Root's key is read by Postgres through its group; an ordinary user runs Postgres itself.
    await chmod(made.key, group === undefined ? 0o600 : 0o640)
    if (group !== undefined) await chown(made.key, 0, group)
    return made
  }
  return { folder, cert, key, issue }
}

const caConfig = (cert: string, key: string): string => `[ca]
default_ca = own
[own]
certificate = ${cert}
private_key = ${key}
database = index.txt
new_certs_dir = .
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
unique_subject = no
[any]
commonName = supplied
`
