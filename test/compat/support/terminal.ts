// psql on a terminal: types for a person and reads what they would see.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

import type { Test } from 'tap'

import { eventually } from '../../support/eventually.ts'
import { client, PYTHON } from './programs.ts'
import type { Address } from './stage.ts'

export const CTRL_C = '\u0003'

/** Colours, bracketed paste, cursor movement. */
// oxlint-disable-next-line no-control-regex
const ESCAPES = /\u001b\[[0-9;?]*[A-Za-z]|\u001b[=>]|[\u0007\r]/g

export class Terminal {
  readonly #child: ChildProcess
  #seen = ''
  /** Where what has not been waited for yet begins. */
  #from = 0

  constructor(child: ChildProcess) {
    this.#child = child
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#seen = (this.#seen + text).replace(ESCAPES, '')
    })
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys)
  }

  /** Waits for a text behind what was waited for before; returns everything up to its end. */
  async see(pattern: RegExp, deadlineMs = 30_000): Promise<string> {
    const find = (): string | undefined => {
      const rest = this.#seen.slice(this.#from)
      const match = pattern.exec(rest)
      if (!match) return undefined
      const end = match.index + match[0].length
      this.#from += end
      return rest.slice(0, end)
    }
    try {
      return await eventually(find, { deadlineMs, what: String(pattern) })
    } catch (cause) {
      throw new Error(`${String(pattern)} not seen in: ${this.#seen.slice(-2_000)}`, { cause })
    }
  }
}

/** Starts psql there and waits for its prompt, which is "> ". */
export async function openPsql(t: Pick<Test, 'teardown'>, to: Address): Promise<Terminal> {
  const { host, port, user, database } = to
  const prompts = ['PROMPT1=> ', 'PROMPT2=| '].flatMap((setting) => ['-v', setting])
  const flags = ['-X', '-h', host, '-p', String(port), '-U', user, ...prompts]
  const args = [client('terminal.py'), 'psql', ...flags, '-P', 'pager=off', database]
  const env = { ...process.env, TERM: 'xterm', INPUTRC: '/dev/null' }
  const child = spawn(PYTHON, args, { env, stdio: ['pipe', 'pipe', 'inherit'] })
  child.stdin.on('error', () => undefined)
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })
  const terminal = new Terminal(child)
  await terminal.see(/> $/)
  return terminal
}
