// Where the embedded Postgres keeps its files, who owns them, and how they come to be: initdb,
// the access rules, and whatever a killed predecessor left running.
// It must never touch a process that isn't the postmaster of exactly this cluster.

import { randomUUID } from 'node:crypto'
import { chmod, chown, mkdir, mkdtemp, readFile, realpath } from 'node:fs/promises'
import { rename, rm, stat, writeFile } from 'node:fs/promises'
import { platform, tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'

import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import { exec, type RunAs } from './embedded-exec.ts'
import type { NativeBinaries } from './embedded-native.ts'

/** Clusters and binaries go here when root's data directory is out of the Postgres user's reach. */
const systemDir = '/var/lib/jetgres'

/** sun_path holds 107 bytes on Linux and 103 on macOS. */
const socketPathBytesMax = 103
const socketFile = '.s.PGSQL.65535.lock'

export interface ClusterPlace {
  readonly home: string
  /** PGDATA. */
  readonly data: string
}

/**
 * Postgres refuses to run as root: then it runs as `postgres`, else `nobody`.
 * @returns undefined when our own user will do
 */
export async function chooseUser(): Promise<RunAs | undefined> {
  if (currentUid() !== 0) return undefined
  const users = (await readFile('/etc/passwd', 'utf8')).split('\n').map((line) => line.split(':'))
  for (const name of ['postgres', 'nobody']) {
    const user = users.find((fields) => fields[0] === name)
    if (user !== undefined) return { name, uid: Number(user[2]), gid: Number(user[3]) }
  }
  throw new Error(
    'the embedded Postgres cannot run as root, and there is no user "postgres" or "nobody" to ' +
      'run it as: create one, or run jetgres as an ordinary user'
  )
}

function currentUid(): number {
  try {
    return userInfo().uid
  } catch (error) {
    throw new Error(
      'the user that runs jetgres has no entry in /etc/passwd, which the embedded Postgres needs: ' +
        'add one, or name a Postgres of your own with --upstream',
      { cause: error }
    )
  }
}

/** Folder for copies of the binaries: shared and root's own, or in the data directory. */
export async function copiesFolder(dataDir: string, as: RunAs | undefined): Promise<string> {
  if (as === undefined) return dataDir
  await mkdir(systemDir, { recursive: true })
  await chmod(systemDir, 0o755)
  return systemDir
}

/**
 * The cluster's folder, made if need be: `<dataDir>/postgres`, or, where its owner can't get there
 * (a data directory below /root), one below /var/lib/jetgres that the data directory remembers.
 */
export async function placeCluster(
  dataDir: string,
  as: RunAs | undefined,
  log: Logger
): Promise<ClusterPlace> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  if (as === undefined) return ownFolder(join(dataDir, 'postgres'), as)
  const remembered = await readFile(join(dataDir, 'postgres.location'), 'utf8').catch(() => '')
  if (remembered !== '') return ownFolder(remembered.trim(), as)
  await letThrough(dataDir, as)
  if (await canEnter(dataDir, as)) return ownFolder(join(dataDir, 'postgres'), as)
  if (await isFile(join(dataDir, 'postgres', 'data', 'PG_VERSION'))) {
    throw new Error(
      `user "${as.name}" cannot reach the embedded Postgres in "${dataDir}": move the data ` +
        `directory to where it can, such as below ${systemDir}`
    )
  }
  const home = join(await copiesFolder(dataDir, as), randomUUID())
  await writeFile(join(dataDir, 'postgres.location'), `${home}\n`, { mode: 0o600 })
  log.info({ dataDir, home, user: as.name }, 'embedded postgres is kept outside the data directory')
  return ownFolder(home, as)
}

/** The data directory stays closed to everybody else: only its cluster's group may pass. */
async function letThrough(dataDir: string, as: RunAs): Promise<void> {
  const facts = await stat(dataDir)
  if (facts.uid !== 0 || (facts.mode & 0o001) !== 0) return
  await chown(dataDir, 0, as.gid)
  await chmod(dataDir, facts.mode | 0o010)
}

async function canEnter(folder: string, as: RunAs): Promise<boolean> {
  return (await exec('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { as })).code === 0
}

async function ownFolder(home: string, as: RunAs | undefined): Promise<ClusterPlace> {
  await mkdir(home, { recursive: true, mode: 0o700 })
  if (as !== undefined) await chown(home, as.uid, as.gid)
  return { home, data: join(home, 'data') }
}

export interface InitOptions {
  readonly user: string
  readonly as: RunAs | undefined
  readonly sync: boolean
}

/**
 * Makes the cluster unless it is there. A half-made one, of a run that was killed, is made anew.
 * @throws Error with what initdb said
 */
export async function initialise(
  place: ClusterPlace,
  native: NativeBinaries,
  options: InitOptions
): Promise<void> {
  if (await isFile(join(place.data, 'PG_VERSION'))) return
  const draft = `${place.data}.new`
  let said = ''
  // The builtin provider orders by code point on every platform; the C library's locale is only
  // what its own functions use.
  for (const locale of ['C.UTF-8', 'C']) {
    await rm(draft, { recursive: true, force: true })
    const args = ['-D', draft, '-U', options.user, '--auth=trust', '--encoding=UTF8']
    const collation = ['--locale-provider=builtin', '--builtin-locale=C.UTF-8']
    const sync = options.sync ? [] : ['--no-sync']
    const rest = [`--locale=${locale}`, ...collation, '--no-instructions', ...sync]
    const result = await exec(native.initdb, [...args, ...rest], { as: options.as })
    if (result.code === 0) return rename(draft, place.data)
    said = result.output.trim()
  }
  throw new Error(`initdb could not make the embedded Postgres in "${place.home}": ${said}`)
}

/** Access rules, written at every start: with a password everybody needs one, else only we are near. */
export async function writeAccessRules(
  place: ClusterPlace,
  as: RunAs | undefined,
  hasPassword: boolean
): Promise<void> {
  const method = hasPassword ? 'scram-sha-256' : 'trust'
  const addresses = hasPassword ? ['0.0.0.0/0', '::/0'] : ['127.0.0.1/32', '::1/128']
  const lines = ['# Written by jetgres at every start.', `local all all ${method}`]
  for (const address of addresses) lines.push(`host all all ${address} ${method}`)
  const path = join(place.data, 'pg_hba.conf')
  await writeFile(path, `${lines.join('\n')}\n`, { mode: 0o600 })
  if (as !== undefined) await chown(path, as.uid, as.gid)
}

/** Sets the user's password while the server is down, so that there is no moment without one. */
export async function setPassword(
  place: ClusterPlace,
  native: NativeBinaries,
  options: { readonly user: string; readonly password: string; readonly as: RunAs | undefined }
): Promise<void> {
  if (/[\n\r\0]/.test(options.password)) {
    throw new Error('the password of the embedded Postgres must not contain line breaks')
  }
  const name = `"${options.user.replaceAll('"', '""')}"`
  const literal = `E'${options.password.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const args = ['--single', '-D', place.data, '-c', 'log_min_messages=fatal', 'postgres']
  const input = `ALTER ROLE ${name} PASSWORD ${literal}\n`
  const result = await exec(native.postgres, args, { as: options.as, input })
  if (result.code !== 0 || /ERROR|FATAL/.test(result.output)) {
    throw new Error('the password of the embedded Postgres could not be set')
  }
}

/** A folder for the socket: in the cluster, or a private temporary one where the path is too long. */
export async function socketFolder(place: ClusterPlace, as: RunAs | undefined): Promise<string> {
  const inside = join(place.home, 'run')
  await rm(inside, { recursive: true, force: true })
  if (Buffer.byteLength(join(inside, socketFile)) <= socketPathBytesMax) {
    await mkdir(inside, { mode: 0o700 })
    if (as !== undefined) await chown(inside, as.uid, as.gid)
    return inside
  }
  const outside = await mkdtemp(join(tmpdir(), temporaryPrefix))
  if (as !== undefined) await chown(outside, as.uid, as.gid)
  return outside
}

const temporaryPrefix = 'jetgres-pg-'

/** Removes a socket folder; anything that isn't ours by its name stays. */
export async function removeSocketFolder(folder: string): Promise<void> {
  const isOurs = folder.startsWith(join(tmpdir(), temporaryPrefix)) || folder.endsWith('/run')
  if (isOurs) await rm(folder, { recursive: true, force: true })
}

export interface PostmasterFile {
  readonly pid: number
  readonly socketDir: string
  readonly isReady: boolean
}

/** postmaster.pid, as pg_ctl reads it (src/include/utils/pidfile.h). */
export async function readPostmasterFile(data: string): Promise<PostmasterFile | undefined> {
  const text = await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')
  const lines = text.split('\n').map((line) => line.trim())
  const pid = Number(lines[0])
  if (!Number.isInteger(pid) || pid <= 0) return undefined
  return { pid, socketDir: lines[4] ?? '', isReady: lines[7] === 'ready' }
}

/**
 * Stops the postmaster that a killed jetgres left on this cluster. To be called by the holder of
 * the data directory's lock only.
 */
export async function stopOrphan(
  place: ClusterPlace,
  native: NativeBinaries,
  as: RunAs | undefined,
  log: Logger
): Promise<void> {
  const left = await readPostmasterFile(place.data)
  if (left === undefined) return
  const command = await commandLine(left.pid)
  if (command !== undefined && (await isPostmasterOf(command, place.data))) {
    log.warn({ pid: left.pid }, 'stopping the embedded postgres of a killed run')
    await stopByControl(place, native, as)
  } else if (command !== undefined) {
    // The number is meanwhile another program's, which would make Postgres refuse to start. With no
    // such process at all the file stays: Postgres looks for left-over backends by it.
    await rm(join(place.data, 'postmaster.pid'), { force: true })
  }
  if (left.socketDir !== '') await removeSocketFolder(left.socketDir)
}

async function stopByControl(
  place: ClusterPlace,
  native: NativeBinaries,
  as: RunAs | undefined
): Promise<void> {
  let said = ''
  for (const mode of ['fast', 'immediate']) {
    const timeout = String(limits.embeddedStopMs / 1_000)
    const args = ['stop', '-D', place.data, '-m', mode, '-w', '-t', timeout]
    const result = await exec(native.pgCtl, args, { as })
    if (result.code === 0) return
    said = result.output.trim()
  }
  throw new Error(`the embedded Postgres of a killed run could not be stopped: ${said}`)
}

/** Whether a command line is that of a postmaster started by us on that very folder. */
async function isPostmasterOf(command: string, data: string): Promise<boolean> {
  const folders = [data, await realpath(data).catch(() => data)]
  return command.includes('postgres') && folders.some((f) => command.includes(` -D ${f} `))
}

/** A process's command line, blank after every word; undefined when there is no such process. */
async function commandLine(pid: number): Promise<string | undefined> {
  if (platform() === 'linux') {
    const raw = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined)
    return raw?.replaceAll('\0', ' ')
  }
  const result = await exec('ps', ['-o', 'args=', '-p', String(pid)])
  return result.code === 0 ? `${result.output.trim()} ` : undefined
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (facts) => facts.isFile(),
    () => false
  )
}
