// The foreign programs that these tests drive: found where they are installed, run to their end
// with a time limit. A missing one skips its test, unless REQUIRE_CLIENTS=1 asks that it fails.

import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Debian's folder, where pgbench lives too; its psql and server are of one version. */
export const PG_BIN = '/usr/lib/postgresql/15/bin'
export const PG_JDBC = '/usr/share/java/postgresql.jar'
/** Debian's own: packages of apt are not seen by another Python. */
export const PYTHON = '/usr/bin/python3'

const CLIENTS = join(import.meta.dirname, '..', 'clients')

/** The path of a helper program in test/compat/clients. */
export const client = (name: string): string => join(CLIENTS, name)

/** For `t.test`'s options: what is missing, or false. */
export function without(...missing: (string | false)[]): { skip: string | false } {
  if (process.env['REQUIRE_CLIENTS'] === '1') return { skip: false }
  return { skip: missing.find((reason) => reason !== false) ?? false }
}

export const lacksFile = (path: string): string | false =>
  existsSync(path) ? false : `no ${path} found`

/** A command that must succeed at once, e.g. one that does nothing but load a library. */
export function lacksCommand(program: string, ...args: readonly string[]): string | false {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return false
  } catch {
    return `no success of ${[program, ...args].join(' ')}`
  }
}

export const lacksPythonModule = (name: string): string | false =>
  lacksCommand(PYTHON, '-c', `import ${name}`)

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  readonly deadlineMs?: number
  readonly cwd?: string
}

export interface Outcome {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end; kills it at the deadline and says so. */
export function run(
  program: string,
  args: readonly string[],
  { env, stdin, deadlineMs = 60_000, cwd }: RunOptions = {}
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, cwd })
    const [stdout, stderr] = [collect(child, 'stdout'), collect(child, 'stderr')]
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new Error(`${program} took over ${deadlineMs} ms\n${stdout()}\n${stderr()}`))
    }, deadlineMs)
    child.once('error', reject)
    child.once('close', (code) => {
      clearTimeout(timer)
      resolve({ code, stdout: stdout(), stderr: stderr() })
    })
    child.stdin.on('error', () => undefined)
    child.stdin.end(stdin ?? '')
  })
}

/** The text a child has written so far. */
export function collect(child: ChildProcess, stream: 'stdout' | 'stderr'): () => string {
  let text = ''
  child[stream]?.setEncoding('utf8').on('data', (part: string) => (text += part))
  return () => text
}
