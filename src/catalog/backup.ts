// A backup while everything runs: what jetgres keeps, and its own Postgres where it has one, as a data
// directory that a jetgres can be started on. Owns what belongs in it and that it is whole or not there;
// must never hold up a reader or a writer.

import { copyFile, mkdir, readdir, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'

import type { Store } from '../store/store.ts'
import { storePathIn } from '../store/store-options.ts'
import { copyCluster } from '../upstream/copy-cluster.ts'
import type { MaintenanceDatabase } from '../upstream/maintenance.ts'

export interface BackupOptions {
  readonly dataDir: string
  readonly store: Store
  /** Undefined: the upstream is somebody else's, and so are its backups. */
  readonly embedded: MaintenanceDatabase | undefined
}

/** Small files that are replaced as a whole whenever they change. */
const FILES = ['backchannel-secret', 'secrets.json']

/**
 * @param dir absolute; a folder that is missing or empty
 * @throws Error in words for whoever asked; then there is nothing at `dir`
 */
export async function backUp(options: BackupOptions, dir: string): Promise<void> {
  const { dataDir, store, embedded } = options
  await refuseFull(dir)
  const draft = `${dir}.unfinished`
  await mkdir(dirname(dir), { recursive: true })
  await rm(draft, { recursive: true, force: true })
  await mkdir(draft, { mode: 0o700 })
  try {
    await store.copyTo(storePathIn(draft))
    for (const name of FILES) await copyIfThere(join(dataDir, name), join(draft, name))
    if (embedded) {
      await mkdir(join(draft, 'postgres'), { mode: 0o700 })
      await copyCluster(embedded, join(draft, 'postgres', 'data'))
    }
    await rename(draft, dir)
  } catch (error) {
    await rm(draft, { recursive: true, force: true })
    throw error
  }
}

async function refuseFull(dir: string): Promise<void> {
  const entries = await readdir(dir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  if (entries.length > 0) throw new Error(`"${dir}" is not empty: name a new folder`)
}

async function copyIfThere(from: string, to: string): Promise<void> {
  await copyFile(from, to).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
}
