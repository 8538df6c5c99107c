// A copy of the whole store while it is in use: DuckDB copies one snapshot into a new file, and
// neither readers nor the writer wait for it. Owns the one folder that SQL could write to besides the
// store's own file; must never leave a file there.

import { copyFile, mkdir, rename, rm } from 'node:fs/promises'
import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'

const ALIAS = 'jetgres_backup'

/** On the same disk as the store, because DuckDB has to be told before it is confined. */
const folderOf = (storePath: string): string => `${storePath}.copy`

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
const identifier = (text: string): string => `"${text.replaceAll('"', '""')}"`

/** From now on SQL reaches no file but the store's own, and those of the folder for its copy. */
export async function confine(instance: DuckDBInstance, storePath: string): Promise<void> {
  const connection = await instance.connect()
  try {
    await connection.run(`SET GLOBAL allowed_directories = [${literal(`${folderOf(storePath)}/`)}]`)
    await connection.run('SET GLOBAL enable_external_access = false')
  } finally {
    connection.disconnectSync()
  }
}

/** What is committed now, as a store file of its own. One copy at a time. @throws Error of DuckDB's */
export async function copyStore(
  instance: DuckDBInstance,
  storePath: string,
  target: string
): Promise<void> {
  const folder = folderOf(storePath)
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { mode: 0o700 })
  const connection = await instance.connect()
  try {
    await copyInto(connection, `${folder}/store.duckdb`)
    await move(`${folder}/store.duckdb`, target)
  } finally {
    connection.disconnectSync()
    await rm(folder, { recursive: true, force: true })
  }
}

async function copyInto(connection: DuckDBConnection, path: string): Promise<void> {
  const [[name] = []] = (await connection.runAndReadAll('SELECT current_database()')).getRows()
  await connection.run(`ATTACH ${literal(path)} AS ${ALIAS}`)
  try {
    await connection.run(`COPY FROM DATABASE ${identifier(String(name))} TO ${ALIAS}`)
  } finally {
    await connection.run(`DETACH ${ALIAS}`)
  }
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error
    await copyFile(from, to)
  }
}
