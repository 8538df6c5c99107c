// Goal: the Postgres binaries run whatever npm and the machine's owner did to the package.
// Method: a copy of the real package, damaged in each way that is known to happen.

import { chmod, cp, mkdir, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

import t, { type Test } from 'tap'

import { chooseUser } from '../../src/upstream/embedded-cluster.ts'
import { exec } from '../../src/upstream/embedded-exec.ts'
import { findPackage, prepareNative } from '../../src/upstream/embedded-native.ts'

const isRoot = process.getuid?.() === 0

async function temporary(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'jetgres-test-native-'))
  await chmod(folder, 0o755)
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The package as npm unpacks it when install scripts are off: no links between libraries. */
async function damagedCopy(folder: string) {
  const { root, version } = await findPackage()
  const copy = join(folder, 'native')
  const isWanted = async (path: string) => !path.endsWith('.a') && !(await isLibraryLink(path))
  await cp(root, copy, { recursive: true, filter: isWanted })
  for (const program of await readdir(join(copy, 'bin'))) await chmod(join(copy, 'bin', program), 0o644)
  return { root: copy, version }
}

async function isLibraryLink(path: string): Promise<boolean> {
  return /^lib(ecpg|pq|pgtypes|icu).*\.so(\.\d+)?$/.test(basename(path))
}

void t.test('links the libraries and sets the executable bits in place', async (t) => {
  const folder = await temporary(t)
  const installed = await damagedCopy(folder)
  const as = await chooseUser()
  const trial = await exec(join(installed.root, 'bin/postgres'), ['--version'])
  t.not(trial.code, 0, 'it was damaged')

  const native = await prepareNative(installed, as, join(folder, 'copies'))
  t.equal(native.postgres, join(installed.root, 'bin/postgres'))
  t.match((await exec(native.postgres, ['--version'], { as })).output, /PostgreSQL\) 18/)
  await t.rejects(stat(join(folder, 'copies')), { code: 'ENOENT' }, 'no copy was needed')
})

void t.test('copies a package that its user cannot reach', async (t) => {
  if (!isRoot) {
    t.pass('only root runs Postgres as somebody else')
    return
  }
  const folder = await temporary(t)
  const closed = join(folder, 'closed')
  await mkdir(closed, { mode: 0o700 })
  const installed = await damagedCopy(closed)
  await chmod(join(installed.root, 'lib/libpq.so.5.18'), 0o600)
  const as = await chooseUser()
  const native = await prepareNative(installed, as, join(folder, 'copies'))
  t.equal(native.postgres, join(folder, `copies/native-${installed.version}/bin/postgres`))
  t.match((await exec(native.postgres, ['--version'], { as })).output, /PostgreSQL\) 18/)
  const made = (await stat(native.postgres)).mtimeMs
  await prepareNative(installed, as, join(folder, 'copies'))
  t.equal((await stat(native.postgres)).mtimeMs, made, 'copied once only')
  t.same(await readdir(join(folder, 'copies')), [`native-${installed.version}`], 'no draft is left')
})

void t.test('says which binaries do not run, and why', async (t) => {
  const folder = await temporary(t)
  const root = join(folder, 'native')
  await mkdir(join(root, 'bin'), { recursive: true })
  await symlink('/nonexistent', join(root, 'bin/initdb'))
  const attempt = prepareNative({ root, version: '0' }, undefined, join(folder, 'copies'))
  await t.rejects(attempt, /embedded Postgres binaries do not run: .*ENOENT/)
})
