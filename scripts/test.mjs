// @ts-check
// `npm test`: builds, finds the servers, runs tap on everything, and closes with one plain line,
// "N passed, N failed", in which a test is one named case.
//
//   npm test                    everything
//   npm test -- test/sql        one folder or file; what begins with "-" is handed to tap
//   npm run test:unit           only what needs no servers

import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

import { ensureNatsServer } from './servers.mjs'

const root = resolve(import.meta.dirname, '..')
const tap = resolve(root, 'node_modules/.bin/tap')
const tsc = resolve(root, 'node_modules/.bin/tsc')

const unit = ['types', 'sql', 'store', 'translate', 'decode', 'wire', 'http']
  .map((folder) => `test/${folder}`)
  .concat(['config', 'lock', 'log', 'layers', 'readme'].map((file) => `test/${file}.test.ts`))

/** Lines of a failed file's report that are shown. */
const reportLinesMax = 400

const wanted = process.argv.slice(2)
const isUnit = wanted.includes('--unit')
const args = wanted.filter((arg) => arg !== '--unit')

/** @param {string} line */
const say = (line) => console.log(`# ${line}`)

if (!isUnit) build()
const env = isUnit ? process.env : { ...process.env, ...servers(), REQUIRE_SERVERS: '1' }
const isNamed = args.some((arg) => !arg.startsWith('-'))
const paths = isUnit && !isNamed ? unit.filter((path) => existsSync(resolve(root, path))) : []
const outcome = await runTap([...paths, ...args].flatMap(testFiles), env)

if (outcome.skipped > 0) say(`${outcome.skipped} skipped`)
console.log(`${outcome.passed} passed, ${outcome.failed} failed`)
process.exitCode = outcome.failed > 0 ? 1 : 0

/**
 * A folder's test files: given a folder, tap would run its supporting modules too.
 * @param {string} arg
 */
function testFiles(arg) {
  const path = resolve(root, arg)
  if (arg.startsWith('-') || !existsSync(path) || !statSync(path).isDirectory()) return [arg]
  const files = readdirSync(path, { recursive: true, encoding: 'utf8' })
  const isOurs = (/** @type {string} */ name) =>
    name.endsWith('.test.ts') && !name.includes('node_modules/')
  return files.filter(isOurs).map((name) => join(arg, name))
}

function build() {
  say('building')
  const result = spawnSync(tsc, ['-p', 'tsconfig.json'], { cwd: root, stdio: 'inherit' })
  if (result.status !== 0) end('the build failed')
}

/** @returns {Record<string, string>} what tells the tests where the servers are */
function servers() {
  try {
    const path = ensureNatsServer(say)
    say(`nats-server: ${path}`)
    return { NATS_SERVER: path }
  } catch (error) {
    return end(error instanceof Error ? error.message : String(error))
  }
}

/**
 * @param {string} reason
 * @returns {never}
 */
function end(reason) {
  console.error(reason)
  console.log('0 passed, 1 failed')
  process.exit(1)
}

/**
 * Runs tap and shows one line a file, and the whole report of a file that failed.
 * @param {string[]} tapArgs
 * @param {NodeJS.ProcessEnv} environment
 */
async function runTap(tapArgs, environment) {
  const child = spawn(tap, ['--reporter=tap', ...tapArgs], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const ended = new Promise((done) => child.on('close', done))
  const total = { passed: 0, failed: 0, skipped: 0 }
  let file = noFile()
  for await (const line of createInterface({ input: child.stdout })) {
    file.report.push(line)
    const result = /^( {4})?(not )?ok \d+(?: - (.*))?$/.exec(line)
    if (result === null) continue
    const [, isCase, isBad, title = ''] = result
    if (isCase) count(file, isBad !== undefined, title)
    else {
      // A file that crashed or ran out of time failed, also where none of its cases did.
      if (isBad && file.failed === 0) file.failed = 1
      show(file, title)
      for (const key of /** @type {const} */ (['passed', 'failed', 'skipped'])) total[key] += file[key]
      file = noFile()
    }
  }
  const code = await ended
  const isNothing = total.passed + total.failed + total.skipped === 0
  if (total.failed === 0 && (code !== 0 || isNothing)) {
    console.log(file.report.slice(-reportLinesMax).join('\n'))
    say(isNothing ? 'no test was run' : `tap ended with ${code}`)
    total.failed = 1
  }
  return total
}

function noFile() {
  return { passed: 0, failed: 0, skipped: 0, report: /** @type {string[]} */ ([]) }
}

/**
 * @param {ReturnType<typeof noFile>} file
 * @param {boolean} isBad
 * @param {string} title
 */
function count(file, isBad, title) {
  if (/# (SKIP|TODO)\b/i.test(title)) file.skipped++
  else if (isBad) file.failed++
  else file.passed++
}

/**
 * @param {ReturnType<typeof noFile>} file
 * @param {string} title
 */
function show(file, title) {
  const [name, time = ''] = title.split(/ # time=/)
  const { passed, failed, skipped } = file
  const skips = skipped > 0 ? `, ${skipped} skipped` : ''
  const seconds = (Number.parseFloat(time) / 1_000).toFixed(1)
  const word = failed > 0 ? 'FAILED' : 'ok'
  console.log(`${word} ${name}: ${passed} passed, ${failed} failed${skips} (${seconds} s)`)
  const isTelling = (/** @type {string} */ text) => text.trim() !== '' && !/^\s+ok \d/.test(text)
  if (failed > 0) console.log(file.report.filter(isTelling).slice(-reportLinesMax).join('\n'))
}
