// @ts-check
// Child processes and temporary folders of one case, and their end: last first, by pid, with a
// time limit. Nothing here is ever found by name.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'

/** @typedef {import('node:child_process').ChildProcess} ChildProcess */
/** @typedef {import('node:child_process').SpawnOptions} SpawnOptions */

const stopMs = 40_000
const linesKept = 40
/** Of one step: a little more than a program gets for its end. */
const undoMs = 60_000

/** What to undo, in order. */
export class Cleanups {
  /** @type {(() => unknown)[]} */
  #steps = []

  /** @param {() => unknown} undo */
  add(undo) {
    this.#steps.push(undo)
  }

  async run() {
    for (let undo = this.#steps.pop(); undo; undo = this.#steps.pop()) {
      const over = new AbortController()
      const tooLong = delay(undoMs, undefined, { signal: over.signal }).then(() => {
        throw new Error(`it takes longer than ${undoMs} ms`)
      })
      await Promise.race([Promise.resolve().then(undo), tooLong])
        .catch((error) => console.error(`could not clean up: ${error.message}`))
        .finally(() => over.abort())
    }
  }

  /** A folder that is gone in the end. @param {string} name */
  folder(name) {
    const path = mkdtempSync(join(tmpdir(), `jetgres-bench-${name}-`))
    this.add(() => rmSync(path, { recursive: true, force: true, maxRetries: 5 }))
    return path
  }
}

/** One child, its last lines, and its end. */
export class Program {
  /** @type {string[]} */
  #lines = []
  /** @type {ChildProcess} */
  child

  /**
   * @param {string} name for messages
   * @param {string} path
   * @param {string[]} args
   * @param {SpawnOptions & { onLine?: (line: string) => void }} [options]
   */
  constructor(name, path, args, { onLine, ...options } = {}) {
    this.name = name
    // Out of the terminal's reach: Ctrl-C is for the runner, which ends its children in order.
    const ours = /** @type {SpawnOptions} */ ({ stdio: ['ignore', 'pipe', 'pipe'], detached: true })
    this.child = spawn(path, args, { ...ours, ...options })
    this.child.on('error', (error) => this.#keep(error.message))
    for (const stream of [this.child.stdout, this.child.stderr]) {
      if (!stream) continue
      createInterface({ input: stream }).on('line', (line) => {
        this.#keep(line)
        onLine?.(line)
      })
    }
  }

  get isOver() {
    const { pid, exitCode, signalCode } = this.child
    return pid === undefined || exitCode !== null || signalCode !== null
  }

  get said() {
    return this.#lines.join('\n')
  }

  /** SIGTERM (or another), then SIGKILL. @param {NodeJS.Signals} [signal] */
  async stop(signal = 'SIGTERM') {
    if (this.isOver) return
    const exited = once(this.child, 'exit')
    this.child.kill(signal)
    const patience = setTimeout(() => this.child.kill('SIGKILL'), stopMs)
    await exited
    clearTimeout(patience)
  }

  /** @param {string} line */
  #keep(line) {
    this.#lines.push(line)
    if (this.#lines.length > linesKept) this.#lines.shift()
  }
}

/**
 * Waits until `check` is true. `programs` that ended meanwhile end the waiting.
 * @param {string} what
 * @param {() => boolean | Promise<boolean>} check
 * @param {{ deadlineMs?: number, pauseMs?: number, programs?: Program[] }} [options]
 */
export async function until(what, check, options = {}) {
  const { deadlineMs = 120_000, pauseMs = 20, programs = [] } = options
  const deadline = Date.now() + deadlineMs
  while (!(await check())) {
    const ended = programs.find(({ isOver }) => isOver)
    if (ended) throw new Error(`${ended.name} ended while waiting for ${what}:\n${ended.said}`)
    if (Date.now() > deadline) {
      const said = programs.map((program) => `\n${program.name}:\n${program.said}`).join('')
      throw new Error(`${what} did not come about within ${deadlineMs} ms${said}`)
    }
    await delay(pauseMs)
  }
}

/** @returns {Promise<number>} a port that was free a moment ago */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address()
      const port = typeof address === 'object' && address ? address.port : 0
      probe.close(() => resolve(port))
    })
  })
}
