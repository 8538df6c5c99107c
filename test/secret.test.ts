// Goal: the secret is made once, whole or not at all, and nothing else is ever taken for it.
// Method: folders of this test's own; a full disk is a process that may write no byte to a file.

import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t, { type Test } from 'tap'

import { loadSecret } from '../src/secret.ts'

const FILE = 'backchannel-secret'

async function temporary(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'jetgres-test-secret-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

void t.test('is made once, for its owner alone', async (t) => {
  const folder = await temporary(t)
  const secret = await loadSecret(folder)
  t.match(secret, /^[0-9a-f]{64}$/)
  t.equal(await loadSecret(folder), secret)
  t.equal((await stat(join(folder, FILE))).mode & 0o777, 0o600)
  t.same(await readdir(folder), [FILE], 'nothing else is left')
})

void t.test('of many who make it at once, one wins', async (t) => {
  const folder = await temporary(t)
  const secrets = await Promise.all(Array.from({ length: 16 }, () => loadSecret(folder)))
  t.same(new Set(secrets), new Set([await readFile(join(folder, FILE), 'utf8')]))
  t.same(await readdir(folder), [FILE], 'nothing else is left')
})

void t.test('nothing else is taken for it', async (t) => {
  const folder = await temporary(t)
  const path = join(folder, FILE)
  const whole = 'a1'.repeat(32)
  for (const text of ['', '\n', whole.slice(1), `${whole}0`, 'g'.repeat(64), '\0'.repeat(64)]) {
    await writeFile(path, text)
    await t.rejects(loadSecret(folder), { message: `"${path}" is damaged: it should hold 64 hex digits` })
    t.equal(await readFile(path, 'utf8'), text, 'it stays as it is')
  }
  await writeFile(path, `${whole}\n`)
  t.equal(await loadSecret(folder), whole, 'a line break of an editor is no damage')
})

void t.test('a link that leads nowhere is no place for it', async (t) => {
  const folder = await temporary(t)
  await symlink(join(folder, 'nowhere'), join(folder, FILE))
  await t.rejects(loadSecret(folder), { message: /backchannel-secret" cannot be made$/ })
  t.same(await readdir(folder), [FILE], 'nothing else is left')
})

/** What loading says in a process whose files may not grow, as on a full disk: built, it writes no others. */
function loadOnFullDisk(folder: string): Promise<string> {
  const script = `
    import { loadSecret } from './dist/secret.js'
    process.on('SIGXFSZ', () => undefined)
    await loadSecret(${JSON.stringify(folder)}).catch((error) => console.log(error.code))
  `
  const node = [process.execPath, '--input-type=module', '--eval', script]
  return new Promise((resolve, reject) => {
    const argv = ['-c', 'ulimit -f 0; exec "$@"', 'sh', ...node]
    const cwd = join(import.meta.dirname, '..')
    execFile('sh', argv, { cwd }, (error, out) => (error ? reject(error) : resolve(out)))
  })
}

void t.test('a full disk leaves none', async (t) => {
  const folder = await temporary(t)
  t.equal(await loadOnFullDisk(folder), 'EFBIG\n')
  t.same(await readdir(folder), [])
  t.match(await loadSecret(folder), /^[0-9a-f]{64}$/)
})
