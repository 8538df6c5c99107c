// @ts-check
// Finds a nats-server for the tests and the demo, or gets one. Postgres needs no finding: the
// embedded one comes with `npm ci`. Run by itself it prints the path of what it found.
//
// In this order: $NATS_SERVER · PATH · .cache/bin · apt-get install (root) · apt-get download into
// .cache (not root) · a message that says what to install.

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

const root = resolve(import.meta.dirname, '..')
const cache = join(root, '.cache')
const cachedServer = join(cache, 'bin/nats-server')

/** @typedef {(line: string) => void} Say */

/**
 * Path of a nats-server that runs.
 * @param {Say} say told each step that takes a while
 * @returns {string}
 * @throws {Error} that says what to install
 */
export function ensureNatsServer(say) {
  const named = process.env.NATS_SERVER
  if (named) {
    if (runs(named)) return named
    throw new Error(`NATS_SERVER names "${named}", which does not run`)
  }
  const found = onPath() ?? (runs(cachedServer) ? cachedServer : undefined)
  if (found) return found
  const got = install(say)
  if (got) return got
  throw new Error(
    'nats-server 2.9 or later is needed and could not be installed. Any of these will do:\n' +
      '  Debian, Ubuntu   sudo apt-get install nats-server\n' +
      '  macOS            brew install nats-server\n' +
      '  elsewhere        put a nats-server binary on PATH, or its path into NATS_SERVER\n' +
      '                   (https://docs.nats.io/running-a-nats-service/introduction/installation)'
  )
}

/** @param {string} path */
function runs(path) {
  return spawnSync(path, ['--version']).status === 0
}

function onPath() {
  // Debian installs it to /usr/sbin, which an ordinary user's PATH may lack.
  return ['nats-server', '/usr/sbin/nats-server', '/usr/local/bin/nats-server'].find(runs)
}

/** @param {Say} say */
function install(say) {
  if (spawnSync('apt-get', ['--version']).status !== 0) return undefined
  return userInfo().uid === 0 ? installAsRoot(say) : unpackIntoCache(say)
}

/** @param {Say} say */
function installAsRoot(say) {
  say('installing nats-server with apt-get')
  const installed = () => run('apt-get', ['install', '-y', '-q', 'nats-server'], say)
  if (installed()) return onPath()
  say('refreshing the package lists first')
  if (run('apt-get', ['update', '-q'], say) && installed()) return onPath()
  return undefined
}

/**
 * Without root: the same package, fetched into folders of our own and unpacked.
 * @param {Say} say
 */
function unpackIntoCache(say) {
  say('fetching the nats-server package into .cache (no root needed)')
  const work = join(cache, 'apt')
  rmSync(work, { recursive: true, force: true })
  for (const folder of ['lists/partial', 'archives/partial', 'unpacked']) {
    mkdirSync(join(work, folder), { recursive: true })
  }
  const own = ['-o', `Dir::State::lists=${work}/lists`, '-o', `Dir::Cache=${work}`]
  const options = [...own, '-o', 'APT::Sandbox::User=', '-o', 'Debug::NoLocking=1']
  try {
    if (!run('apt-get', [...options, 'update', '-q'], say)) return undefined
    if (!run('apt-get', [...options, 'download', 'nats-server'], say, work)) return undefined
    const file = readdirSync(work).find((name) => name.endsWith('.deb'))
    if (!file || !run('dpkg', ['-x', join(work, file), join(work, 'unpacked')], say)) return undefined
    return keep(join(work, 'unpacked'))
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** @param {string} unpacked */
function keep(unpacked) {
  for (const folder of ['usr/sbin', 'usr/bin']) {
    const path = join(unpacked, folder, 'nats-server')
    if (!runs(path)) continue
    mkdirSync(join(cache, 'bin'), { recursive: true })
    copyFileSync(path, cachedServer)
    return cachedServer
  }
  return undefined
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {Say} say told what a program that failed said
 * @param {string} [cwd]
 */
function run(program, args, say, cwd = root) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const result = spawnSync(program, args, { cwd, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  if (result.status === 0) return true
  const said = `${result.stderr ?? ''}${result.error?.message ?? ''}`.trim().split('\n').slice(-3)
  say(`${program} failed: ${said.join(' | ')}`)
  return false
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    console.log(ensureNatsServer((line) => console.error(line)))
  } catch (error) {
    console.error(error instanceof Error ? error.message : error)
    process.exitCode = 1
  }
}
