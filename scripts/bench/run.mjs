// @ts-check
// `npm run bench -- [name…] [--json] [--runs N] [--scale F] [--seconds S]
//  [--match TEXT] [--write [--remark TEXT]] [--profile]`
// Runs the named cases, or all that a whole run has, one after the other, each with servers of its
// own but for those that share one pair of tables.

import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

import { machine } from './machine.mjs'
import { Cleanups } from './processes.mjs'
import { topFunctions } from './profile.mjs'
import { asMarkdown, asText } from './report.mjs'
import { mainPath } from './servers.mjs'

const cases = [
  'ingest-upsert',
  'ingest-new',
  'lookup',
  'lookup-forms',
  'scan',
  'mixed',
  'freshness',
  'analytics',
  'analytics-live',
  'growth',
  'relay',
  'relay-bulk',
  'back-channel'
]
/** Rows of the report that another case brings along, and are run by these names as well. */
const broughtBy = new Map([
  ['ingest-protobuf', 'ingest-new'],
  ['memory', 'growth'],
  ['restart', 'growth']
])
/** No target is set for it: a whole run has no time for it. */
const onlyNamed = ['back-channel']
/**
 * One after the other above: each goes on with the last one's tables, and only the last two leave other
 * rows than they found.
 */
const sharing = cases.slice(cases.indexOf('ingest-new'), cases.indexOf('growth') + 1)
const documentPath = resolve(import.meta.dirname, '../../docs/BENCHMARKS.md')
/** The longest took 8 on a quiet machine of two cores. */
const caseMinutesMax = 15

const { values, positionals } = understood(() =>
  parseArgs({
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      runs: { type: 'string', default: '5' },
      scale: { type: 'string', default: '1' },
      seconds: { type: 'string', default: '0.4' },
      match: { type: 'string', default: '' },
      write: { type: 'boolean', default: false },
      remark: { type: 'string' },
      profile: { type: 'boolean', default: false }
    }
  })
)
/** What is open of the case in hand. @type {Cleanups | undefined} */
let current
/** What is open of the tables that cases share. */
let shared = new Cleanups()
/** Ends the case in hand as failed. */
let giveUp = (/** @type {unknown} */ error) => console.error(error)
let isEnding = false
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => void end(130))
await main()
process.exit()

async function main() {
  const { options, names } = understood(whatIsAsked)
  /** @type {import('./report.mjs').Report} */
  const report = { machine: machine(), options, results: [], minutes: {}, failures: [] }
  // What a case leaves behind, a timer or a socket, must not end the run.
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error) => giveUp(error))
  }
  for (const [n, name] of names.entries()) {
    console.error(name)
    const from = performance.now()
    const bench = { ...options, measuredMs: 0 }
    const results = await runCase(name, bench).catch((error) => {
      // Whatever went wrong, the other cases have something to say; the exit code tells.
      const message = error instanceof Error ? error.message : String(error)
      report.failures.push(`${name} FAILED: ${message}`)
      console.error(error)
      process.exitCode = 1
    })
    report.results.push(...(results ?? []))
    const isSharedOn = [name, names[n + 1] ?? ''].every((each) => sharing.includes(each))
    if (!results || !isSharedOn || values.profile) await endShared()
    const minutes = (performance.now() - from) / 60_000
    report.minutes[name] = { all: minutes, measuring: bench.measuredMs / 60_000 }
    // After each: what was measured is kept even where the run is ended.
    if (values.write) writeFileSync(documentPath, asMarkdown(report, values.remark))
  }
  console.log(values.json ? JSON.stringify(report, null, 2) : asText(report))
}

/**
 * The cases' names, in their order, and how they are to be run.
 * @throws {Error} that says what is wrong
 */
function whatIsAsked() {
  const options = { runs: positive('runs'), scale: positive('scale'), seconds: positive('seconds') }
  const asked = positionals.map((name) => broughtBy.get(name) ?? name)
  const unknown = asked.filter((name) => !cases.includes(name))
  if (unknown.length > 0) {
    const all = [...cases, ...broughtBy.keys()].join(', ')
    throw new Error(`no case "${unknown.join('", "')}"; there are ${all}`)
  }
  if (!existsSync(mainPath)) throw new Error('run "npm run build" first')
  const whole = cases.filter((name) => !onlyNamed.includes(name))
  return { options, names: asked.length === 0 ? whole : cases.filter((name) => asked.includes(name)) }
}

/**
 * A mistake in what was asked is told in one line, without a stack.
 * @template T
 * @param {() => T} read
 */
function understood(read) {
  try {
    return read()
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exit(2)
  }
}

/** The next case that wants tables makes new ones. */
async function endShared() {
  const over = shared
  shared = new Cleanups()
  await over.run()
}

/**
 * @param {string} name
 * @param {Pick<import('./runner.mjs').Bench, 'runs' | 'scale' | 'seconds' | 'measuredMs'>} bench
 */
async function runCase(name, bench) {
  const cleanups = new Cleanups()
  current = cleanups
  const profiles = values.profile ? cleanups.folder('profile') : undefined
  const nodeArgs = profiles ? ['--cpu-prof', `--cpu-prof-dir=${profiles}`] : []
  const minutes = caseMinutesMax * Math.max(1, bench.scale)
  const timer = setTimeout(() => {
    giveUp(new Error(`it takes longer than ${minutes} minutes`))
  }, minutes * 60_000)
  /** @type {Promise<never>} */
  const givenUp = new Promise((_, reject) => (giveUp = reject))
  // Behind its servers' end, whoever ends them.
  if (profiles) cleanups.add(() => endShared().then(() => printProfiles(profiles)))
  try {
    const { run } = await import(`./cases/${name}.mjs`)
    const whole = Object.assign(bench, { match: values.match, nodeArgs, cleanups, shared, say })
    return /** @type {import('./runner.mjs').Result[]} */ (
      await Promise.race([run(whole), givenUp])
    )
  } finally {
    clearTimeout(timer)
    giveUp = (error) => console.error(`${name} is over, and still fails:`, error)
    await cleanups.run()
    current = undefined
  }
}

/** Progress is not output. @param {string} line */
function say(line) {
  console.error(line)
}

/** Of the jetgres servers that this case ran. @param {string} folder */
function printProfiles(folder) {
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))) {
    console.error(topFunctions(join(folder, file), 15).join('\n'))
  }
  rmSync(folder, { recursive: true, force: true })
}

/** @param {'runs' | 'scale' | 'seconds'} name */
function positive(name) {
  const value = Number(values[name])
  if (value > 0 && (name !== 'runs' || Number.isInteger(value))) return value
  const form = name === 'runs' ? 'whole number' : 'number'
  throw new Error(`--${name} needs a ${form} above 0, not "${values[name]}"`)
}

/** @param {number} code */
async function end(code) {
  if (isEnding) return
  isEnding = true
  await current?.run()
  await shared.run()
  process.exit(code)
}
