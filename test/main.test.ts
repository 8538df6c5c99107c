// Goal: the program says what it is, ends with the promised exit codes, and closes on a signal.
// Method: the built program (npm test builds it) is run as a process of its own, with the embedded
// Postgres where one is needed.

import { execFile, spawn } from 'node:child_process'
import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t, { type Test } from 'tap'

import { helpText } from '../src/config-help.ts'
import { eventually } from './support/eventually.ts'

const root = join(import.meta.dirname, '..')

function start(t: Test, args: readonly string[], env: Record<string, string> = {}) {
  const argv = [join(root, 'dist/jetgres.cjs'), ...args]
  const child = spawn(process.execPath, argv, { cwd: root, env: { PATH: process.env.PATH, ...env } })
  t.teardown(() => child.kill('SIGKILL'))
  const said = { out: '', err: '' }
  child.stdout.on('data', (chunk) => (said.out += String(chunk)))
  child.stderr.on('data', (chunk) => (said.err += String(chunk)))
  const code = new Promise<number | null>((done) => child.on('close', done))
  return { child, said, code }
}

void t.test('answers --help and --version without doing anything else', async (t) => {
  const help = start(t, ['--listen', 'nonsense', '--help'])
  t.equal(await help.code, 0)
  t.equal(help.said.out, helpText())
  const version = start(t, ['--version'])
  t.equal(await version.code, 0)
  t.match(version.said.out, /^jetgres \d+\.\d+\.\d+\n$/)
  const command = start(t, ['version'], { JETGRES_LISTEN: 'nonsense' })
  t.equal(await command.code, 0)
  t.equal(command.said.out, version.said.out)
})

void t.test('a wrong configuration: all faults on stderr, exit code 2', async (t) => {
  const { said, code } = start(t, ['--http', 'x', '--nope'], { JETGRES_LOG_LEVEL: 'loud' })
  t.equal(await code, 2)
  t.equal(said.out, '')
  const lines = said.err.trim().split('\n')
  t.same(lines.filter((line) => line.startsWith('jetgres: ')).length, 3, said.err)
})

void t.test("faults in the upstream's URL are faults of the configuration", async (t) => {
  const faults: [query: string, want: RegExp][] = [
    ['sslmode=verify', /^jetgres: --upstream: invalid sslmode value: "verify"\. Valid values are disable, /],
    ['sslmod=disable', /^jetgres: --upstream: unknown parameter "sslmod" .*, did you mean sslmode\?\n/]
  ]
  for (const [query, want] of faults) {
    for (const command of ['serve', 'check']) {
      const { said, code } = start(t, [command, '--upstream', `postgresql://me@h/d?${query}`])
      t.equal(await code, 2, query)
      t.match(said, { out: '', err: want })
    }
  }
})

const onLinux = { skip: process.platform === 'linux' ? false : 'no /proc here' }

void t.test('has a thread for each of many queries', onLinux, async (t) => {
  // Without what tap has Node load first: that would use the threads before the command does.
  const script = `const { readdirSync } = require('node:fs')
    setTimeout(() => console.log('threads', readdirSync('/proc/self/task').length), 500)
    require('${join(root, 'dist/jetgres.cjs')}')`
  const said = await new Promise<string>((resolve, reject) => {
    const argv = ['-u', 'NODE_OPTIONS', process.execPath, '-e', script, 'jetgres', '--version']
    execFile('env', argv, (error, out) => (error ? reject(error) : resolve(out)))
  })
  t.ok(Number(/threads (\d+)/.exec(said)?.[1]) > 24, said)
})

void t.test('starts, refuses a second on its data, and closes on SIGTERM', async (t) => {
  const dataDir = await mkdtemp(join(tmpdir(), 'jetgres-test-main-'))
  await chmod(dataDir, 0o700)
  t.teardown(() => rm(dataDir, { recursive: true, force: true }))
  const args = ['--data-dir', dataDir, '--listen', '127.0.0.1:0', '--http', '127.0.0.1:0']
  const first = start(t, args)
  const ready = await eventually(
    () => /\{[^\n]*"http":"([^"]+)"[^\n]*ready"/.exec(first.said.err)?.[1],
    { deadlineMs: 60_000, what: 'a ready jetgres' }
  )
  const answer = await fetch(`http://${ready}/readyz`)
  t.same([answer.status, await answer.json()], [200, { ready: true, reasons: [] }])

  const second = start(t, args)
  t.equal(await second.code, 1)
  t.notMatch(second.said.err, / at .*\.js:/, 'a reason, no stack')
  t.match(second.said.err, new RegExp(`in use by another jetgres \\(process ${first.child.pid}\\)`))

  first.child.kill('SIGTERM')
  t.equal(await first.code, 0)
  t.match(first.said.err, /"signal":"SIGTERM"[^]*jetgres is closed/)
  t.equal(first.said.out, '', 'stdout is left alone')
})
