// @ts-check
// Runs pgbench and reads its figures. Owns its arguments; a run in which a transaction failed is an
// error, never a figure.

import { spawn, spawnSync } from 'node:child_process'

const initMs = 300_000
/** For the program's start and its connections. */
const startMs = 100

/** @typedef {{ mode: 'simple' | 'extended' | 'prepared', clients: number }} Shape */

/** @type {Shape[]} */
export const shapes = [1, 16].flatMap((clients) =>
  /** @type {const} */ (['simple', 'extended', 'prepared']).map((mode) => ({ mode, clients }))
)

/** @throws {Error} that says what to install */
export function requirePgbench() {
  if (!pgbenchVersion()) throw new Error('pgbench is needed: it comes with postgresql-contrib')
}

/** @param {Shape} shape */
export const shapeName = ({ mode, clients }) =>
  `-M ${mode}, ${clients} ${clients === 1 ? 'client' : 'clients'}`

export function pgbenchVersion() {
  const { status, stdout } = spawnSync('pgbench', ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

/**
 * Transactions a second, without the time of connecting. pgbench's clock runs while it connects: on a
 * busy machine sixteen connections may take all of a second, and it gets a longer one then.
 * @param {{ host: string, port: number }} server
 * @param {Shape & { script: string[], seconds: number }} work `script`: such as -S, or -f FILE
 * @returns {Promise<{ tps: number, latencyMs: number }>}
 */
export async function pgbench(server, work) {
  for (const longer of [0, 2, 8]) {
    const said = await once(server, { ...work, seconds: work.seconds + longer })
    const tps = Number(/^tps = ([\d.]+)/m.exec(said)?.[1])
    const latencyMs = Number(/^latency average = ([\d.]+)/m.exec(said)?.[1])
    const failed = Number(/number of failed transactions: (\d+)/.exec(said)?.[1] ?? 0)
    if (failed > 0 || /aborted/.test(said)) throw new Error(`pgbench failed:\n${said}`)
    if (tps > 0) return { tps, latencyMs }
  }
  throw new Error('pgbench got no transaction done, in a time however long')
}

/**
 * @param {{ host: string, port: number }} server
 * @param {Shape & { script: string[], seconds: number }} work
 */
function once({ host, port }, { mode, clients, script, seconds }) {
  const where = ['-h', host, '-p', String(port), '-U', 'postgres', '-n']
  const how = ['-M', mode, '-c', String(clients), '-j', '1', '-T', String(Math.ceil(seconds))]
  const timeout = (seconds + 30) * 1_000
  // Its own alarm knows whole seconds only: a shorter run is ended by ringing it earlier.
  const alarmMs = Number.isInteger(seconds) ? undefined : startMs + seconds * 1_000
  return capture([...where, ...how, ...script, 'postgres'], timeout, alarmMs)
}

/** @param {{ host: string, port: number }} server @param {number} factor */
export async function pgbenchInit({ host, port }, factor) {
  const where = ['-h', host, '-p', String(port), '-U', 'postgres']
  await capture([...where, '-i', '-q', '-s', String(factor), 'postgres'], initMs)
}

/**
 * @param {string[]} args
 * @param {number} timeout milliseconds
 * @param {number} [alarmMs]
 * @returns {Promise<string>}
 */
function capture(args, timeout, alarmMs) {
  return new Promise((resolve, reject) => {
    const child = spawn('pgbench', args, { stdio: ['ignore', 'pipe', 'pipe'], timeout })
    const alarm = alarmMs && setTimeout(() => child.kill('SIGALRM'), alarmMs)
    let said = ''
    child.stdout.on('data', (chunk) => (said += chunk))
    child.stderr.on('data', (chunk) => (said += chunk))
    child.on('error', reject)
    child.on('close', (code, signal) => {
      clearTimeout(alarm)
      // An alarm that came before its handler was there: no transaction was done.
      if (code === 0 || signal === 'SIGALRM') resolve(said)
      else reject(new Error(`pgbench ${args.join(' ')} ended with ${code}:\n${said}`))
    })
  })
}
