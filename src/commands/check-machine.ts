// What `jetgres check` asks of this machine: addresses that can be listened on, certificates that can
// be shown, a data directory that can be written.

import { X509Certificate } from 'node:crypto'
import { access, constants, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname } from 'node:path'

import { formatAddress } from '../config.ts'
import type { Address, Config } from '../config.ts'
import { lockDataDir } from '../lock.ts'
import { findSecret } from '../secret.ts'
import { ClientTls } from '../session/encryption.ts'
import { ok, reasonOf, wrong } from './finding.ts'
import type { Finding } from './finding.ts'

export async function checkAddresses(config: Config): Promise<Finding[]> {
  const named: (readonly [flag: string, Address | undefined])[] = [
    ['--listen', config.listen],
    ['--http', config.http],
    ['--backchannel', config.backchannel]
  ]
  const asked = named.flatMap(([flag, address]) => (address ? [[flag, address] as const] : []))
  return Promise.all(asked.map(([flag, address]) => checkAddress(flag, address)))
}

async function checkAddress(flag: string, address: Address): Promise<Finding> {
  const what = `${flag} ${formatAddress(address)}`
  try {
    await listenOnce(address)
    return ok(what, 'can be listened on')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    return wrong(what, LISTEN_FAULTS[code ?? '']?.[0] ?? reasonOf(error), adviceOf(flag, code))
  }
}

const LISTEN_FAULTS: Readonly<Record<string, readonly [told: string, advice: string]>> = {
  EADDRINUSE: ['another program listens there', 'stop that program, or name another port with'],
  EADDRNOTAVAIL: ['this machine has no such address', 'name an address of this machine with'],
  ENOTFOUND: ['the name is not known', 'name an address of this machine with'],
  EACCES: ['ports below 1024 are for privileged users', 'name a higher port with']
}

const adviceOf = (flag: string, code: string | undefined): string =>
  `${LISTEN_FAULTS[code ?? '']?.[1] ?? 'name another address with'} ${flag}`

function listenOnce({ host, port }: Address): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, host, () => server.close(() => resolve()))
  })
}

export async function checkTls({ tls }: Config): Promise<Finding[]> {
  if (!tls) return []
  const what = 'TLS for clients'
  try {
    await ClientTls.load(tls)
    const certificate = new X509Certificate(await readFile(tls.cert))
    const until = new Date(certificate.validTo)
    if (until.getTime() > Date.now()) return [ok(what, `${tls.cert} is valid until ${day(until)}`)]
    return [
      wrong(what, `${tls.cert} has expired on ${day(until)}`, 'have it renewed, then send SIGHUP')
    ]
  } catch (error) {
    return [wrong(what, reasonOf(error), 'name a certificate and its own key, both PEM')]
  }
}

const day = (date: Date): string => date.toISOString().slice(0, 10)

/** A directory that isn't there is none the worse: serve makes it. */
export async function checkDataDir(dataDir: string): Promise<Finding> {
  const what = `--data-dir ${dataDir}`
  try {
    const there = await firstThere(dataDir)
    if (!(await stat(there)).isDirectory()) {
      return wrong(what, `"${there}" is not a directory`, 'name a directory with --data-dir')
    }
    await access(there, constants.W_OK | constants.X_OK)
    if (there !== dataDir) return ok(what, 'will be made')
    await (await lockDataDir(dataDir)).release()
    return ok(what, 'can be written, and no other jetgres uses it')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EACCES') {
      return wrong(
        what,
        reasonOf(error),
        'ask the jetgres that runs: SELECT * FROM jetgres.relations'
      )
    }
    return wrong(what, 'cannot be written', 'give it to the user that jetgres runs as (chown)')
  }
}

/** One that isn't there is none the worse: serve makes it. */
export async function checkSecret(dataDir: string): Promise<Finding[]> {
  try {
    await findSecret(dataDir)
    return []
  } catch (error) {
    const isUnreadable = (error as NodeJS.ErrnoException).code !== undefined
    const advice = isUnreadable
      ? 'give it to the user that jetgres runs as (chown)'
      : 'remove that file, with jetgres stopped'
    return [wrong('secret', reasonOf(error), advice)]
  }
}

/** The folder itself, or the nearest above it. */
async function firstThere(path: string): Promise<string> {
  const found = await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false
      if (error.code === 'ENOTDIR') return false
      throw error
    }
  )
  return found || dirname(path) === path ? path : firstThere(dirname(path))
}
