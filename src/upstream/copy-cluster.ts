// A copy of the embedded Postgres while it runs, by Postgres's own procedure for it ("Making a Base
// Backup Using the Low Level API" in its manual): a started copy recovers from the log to the moment at
// which the copying ended. Only for a cluster on this machine. Must never write into it.

import { chown, copyFile, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

import type pg from 'pg'

import type { MaintenanceDatabase } from './maintenance.ts'

/** What belongs to the running server: these folders stay, and are empty. */
const WITHOUT_FILES = new Set([
  'pg_wal',
  'pg_dynshmem',
  'pg_notify',
  'pg_replslot',
  'pg_serial',
  'pg_snapshots',
  'pg_stat_tmp',
  'pg_subtrans'
])
const LEFT_OUT =
  /^(postmaster\.(pid|opts)|backup_label(\.old)?|tablespace_map(\.old)?|pgsql_tmp.*)$/

interface Stopped {
  readonly label: string
}

/**
 * @param target a folder that is made, to be PGDATA
 * @throws Error what Postgres or the disk says; then the folder is good for nothing
 */
export async function copyCluster(database: MaintenanceDatabase, target: string): Promise<void> {
  await database.withClient(async (client) => {
    const [facts] = (await client.query<{ data: string; spaces: string }>(FACTS)).rows
    if (facts?.spaces !== '0') throw new Error('the embedded Postgres has tablespaces of its own')
    await copyWhile(client, facts.data, target)
  })
}

const FACTS = `SELECT current_setting('data_directory') AS data,
  (SELECT count(*) FROM pg_tablespace WHERE spcname NOT LIKE 'pg\\_%') AS spaces`

/** The slot, which goes with the connection, keeps the log from being recycled under us. */
async function copyWhile(client: pg.PoolClient, data: string, target: string): Promise<void> {
  const slot = `jetgres_backup_${Date.now()}`
  await client.query('SELECT pg_create_physical_replication_slot($1, true, true)', [slot])
  await client.query("SELECT pg_backup_start('jetgres', true)")
  await copyFolder(data, target)
  // Last, as Postgres's own tool has it: it must not be older than what it speaks of.
  await copyOwned(join(data, 'global/pg_control'), join(target, 'global/pg_control'))
  const [stopped] = (
    await client.query<Stopped>('SELECT labelfile AS label FROM pg_backup_stop(false)')
  ).rows
  await copyLog(data, target)
  await client.query('SELECT pg_drop_replication_slot($1)', [slot])
  const label = join(target, 'backup_label')
  await writeFile(label, stopped!.label, { mode: 0o600, flush: true })
  await sameOwner(data, label)
}

async function copyLog(data: string, target: string): Promise<void> {
  for (const entry of await readdir(join(data, 'pg_wal'), { withFileTypes: true })) {
    if (!entry.isFile()) continue
    await copyOwned(join(data, 'pg_wal', entry.name), join(target, 'pg_wal', entry.name))
  }
}

async function copyFolder(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 })
  await sameOwner(from, to)
  if (WITHOUT_FILES.has(basename(from))) return
  for (const entry of await readdir(from, { withFileTypes: true }).catch(unlessGone([]))) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)]
    if (LEFT_OUT.test(entry.name)) continue
    if (entry.isDirectory()) await copyFolder(source, target)
    else if (entry.isFile()) await copyOwned(source, target)
  }
}

/** Tables are dropped meanwhile. */
async function copyOwned(from: string, to: string): Promise<void> {
  await copyFile(from, to).then(() => sameOwner(from, to), unlessGone(undefined))
}

/** Root copies what belongs to the user that Postgres runs as. */
async function sameOwner(from: string, to: string): Promise<void> {
  const { uid, gid } = await stat(from)
  await chown(to, uid, gid)
}

const unlessGone =
  <T>(instead: T) =>
  (error: NodeJS.ErrnoException): T => {
    if (error.code === 'ENOENT') return instead
    throw error
  }
