// Runs one short helper program (initdb, pg_ctl, single-user postgres) and collects what it said.
// Owns the environment such programs see: nothing of ours, so that no PG* variable leaks in.

import { spawn } from 'node:child_process'

import { limits } from '../limits.ts'

/** The user a program runs as; undefined means our own. */
export interface RunAs {
  readonly uid: number
  readonly gid: number
  readonly name: string
}

export interface ExecOptions {
  readonly as?: RunAs | undefined
  readonly cwd?: string
  readonly input?: string
}

export interface ExecResult {
  /** null when the program could not be run or was killed. */
  readonly code: number | null
  /** stdout and stderr, the last `limits.helperOutputCharsKept` characters. */
  readonly output: string
}

export const cleanEnv = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C', HOME: '/' }

/** spawn's options that make a program run as another user. */
export function identity(as: RunAs | undefined): { uid?: number; gid?: number } {
  return as === undefined ? {} : { uid: as.uid, gid: as.gid }
}

/** Runs a program to its end; never rejects, a program that can't be run has `code: null`. */
export function exec(
  program: string,
  args: readonly string[],
  options: ExecOptions = {}
): Promise<ExecResult> {
  return new Promise((resolve) => {
    let output = ''
    const keep = (chunk: Buffer | string): void => {
      output = (output + String(chunk)).slice(-limits.helperOutputCharsKept)
    }
    const child = spawn(program, args, {
      cwd: options.cwd ?? '/',
      env: cleanEnv,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...identity(options.as)
    })
    // Not spawn's own `timeout`: its timer outlives a program that could not be started.
    const patience = setTimeout(() => child.kill('SIGKILL'), limits.helperRunMs)
    const finish = (code: number | null): void => {
      clearTimeout(patience)
      resolve({ code, output })
    }
    child.on('error', (error) => {
      keep(error.message)
      finish(null)
    })
    child.on('close', finish)
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input ?? '')
  })
}
