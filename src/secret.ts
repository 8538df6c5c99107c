// The secret that the back channel's password and the bridge's proofs are made of. Made once, kept
// in the data directory for its owner alone; must never be taken from a file that holds anything else.

import { randomBytes, randomUUID } from 'node:crypto'
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const FILE = 'backchannel-secret'
const BYTES = 32
const FORM = /^[0-9a-f]{64}$/

/** What link says on file systems that have no hard links. */
const unsupported = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'ENOSYS'])

/**
 * Made if missing.
 * @returns 64 hex digits
 * @throws Error when the file can neither be read nor made, or holds anything else
 */
export async function loadSecret(dataDir: string): Promise<string> {
  const found = await findSecret(dataDir)
  if (found !== undefined) return found
  const path = join(dataDir, FILE)
  await make(path)
  const made = await findSecret(dataDir)
  if (made !== undefined) return made
  throw new Error(`"${path}" cannot be made`)
}

/** The same, undefined where there is none: makes nothing. */
export async function findSecret(dataDir: string): Promise<string | undefined> {
  const path = join(dataDir, FILE)
  const secret = await readIfThere(path)
  if (secret === undefined || FORM.test(secret)) return secret
  throw new Error(
    `"${path}" is damaged: it should hold 64 hex digits; remove it, with jetgres stopped: ` +
      'the next start makes a new one and tells it to the upstream'
  )
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

/** The name is given to a whole file only: a full disk or a crash leaves none. */
async function make(path: string): Promise<void> {
  const draft = `${path}.${randomUUID()}`
  try {
    const secret = randomBytes(BYTES).toString('hex')
    await writeFile(draft, secret, { mode: 0o600, flag: 'wx', flush: true })
    await place(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
}

/** Whoever came first wins, and nothing is ever overwritten; without links the lock sees to it. */
async function place(draft: string, path: string): Promise<void> {
  try {
    await link(draft, path)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? ''
    if (unsupported.has(code)) await rename(draft, path)
    else if (code !== 'EEXIST') throw error
  }
}
