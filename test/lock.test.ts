// Goal: one jetgres a data directory, whatever becomes of its predecessor.
// Method: locks taken in this process and in others that are really killed.

import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import t, { type Test } from 'tap'

import { lockDataDir } from '../src/lock.ts'
import { eventually } from './support/eventually.ts'

async function temporary(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'jetgres-test-lock-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A process that takes the lock, says so, and lives until it is killed. */
async function holdElsewhere(t: Test, dataDir: string) {
  const script = `
    import { lockDataDir } from './src/lock.ts'
    await lockDataDir(${JSON.stringify(dataDir)})
    console.log('held')
    setInterval(() => undefined, 1e6)
  `
  const args = [...process.execArgv, '--input-type=module', '--eval', script]
  const cwd = join(import.meta.dirname, '..')
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], cwd })
  t.teardown(() => child.kill('SIGKILL'))
  for await (const line of createInterface({ input: child.stdout })) {
    if (line === 'held') return child
  }
  throw new Error('the process ended without the lock')
}

void t.test('makes the directory for its owner only, and lets a second one in when released', async (t) => {
  const dataDir = join(await temporary(t), 'deep', 'x'.repeat(120))
  const first = await lockDataDir(dataDir)
  t.ok(first.isHeld)
  t.equal((await stat(dataDir)).mode & 0o777, 0o700)
  await t.rejects(lockDataDir(dataDir), new RegExp(`in use by another jetgres \\(process ${process.pid}\\)`))
  await first.release()
  t.same(await readdir(dataDir), [], 'nothing is left')
  const second = await lockDataDir(dataDir)
  await second.release()
})

void t.test('takes over from a killed holder, once', async (t) => {
  const dataDir = await temporary(t)
  const holder = await holdElsewhere(t, dataDir)
  await t.rejects(lockDataDir(dataDir), { message: new RegExp(`process ${holder.pid}\\b`) })
  holder.kill('SIGKILL')
  await eventually(() => holder.signalCode !== null)
  t.match(await readdir(dataDir), [/^jetgres\.lock\./], 'the dead holder left its lock')

  const rivals = await Promise.allSettled(Array.from({ length: 8 }, () => lockDataDir(dataDir)))
  const winners = rivals.flatMap((r) => (r.status === 'fulfilled' ? [r.value] : []))
  t.equal(winners.length, 1)
  await t.rejects(lockDataDir(dataDir), /in use by another jetgres/)
  await Promise.all(winners.map((lock) => lock.release()))
  t.same(await readdir(dataDir), [])
})

void t.test('a holder that is stopped still holds', async (t) => {
  const dataDir = await temporary(t)
  const holder = await holdElsewhere(t, dataDir)
  holder.kill('SIGSTOP')
  await t.rejects(lockDataDir(dataDir), /a process that does not answer/)
  holder.kill('SIGCONT')
  await t.rejects(lockDataDir(dataDir), { message: new RegExp(`process ${holder.pid}\\b`) })
})

void t.test('a file in the place of the directory is named', async (t) => {
  const path = join(await temporary(t), 'file')
  await writeFile(path, '')
  await t.rejects(lockDataDir(path), {
    message: `the data directory "${path}" is not a directory: name another with --data-dir`
  })
  const below = join(path, 'deep')
  await t.rejects(lockDataDir(below), {
    message: `the data directory "${below}" lies below what is not a directory: name another with --data-dir`
  })
})
