// The secret that the back channel's password and the bridge's proofs are made of. Made once, kept
// in the data directory for its owner alone.

import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const FILE = 'backchannel-secret'
const BYTES = 32

/** @throws Error when the file can neither be read nor made */
export async function loadSecret(dataDir: string): Promise<string> {
  const path = join(dataDir, FILE)
  const secret = randomBytes(BYTES).toString('hex')
  // 'wx': whoever came first wins, and nothing is ever overwritten.
  const isNew = await writeFile(path, secret, { mode: 0o600, flag: 'wx' }).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'EEXIST') return false
      throw error
    }
  )
  return isNew ? secret : (await readFile(path, 'utf8')).trim()
}
