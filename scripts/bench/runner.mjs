// @ts-check
// Runs one case's measurements: a warm-up, then jetgres and its peer alternately, each as often.
// Owns the order; knows no servers and no statistics.

/**
 * One row of the report.
 * @typedef {{
 *   case: string, name: string, unit: string, isMoreBetter: boolean, peer: string | undefined,
 *   ours: number[], theirs: number[], note: string | undefined
 * }} Result
 */
/**
 * What a case is given. `shared` is undone when no case follows that goes on with what is there;
 * `measuredMs` is what of the case's time was not spent on servers and rows.
 * @typedef {{
 *   runs: number, scale: number, seconds: number, match: string, nodeArgs: string[],
 *   cleanups: import('./processes.mjs').Cleanups, shared: import('./processes.mjs').Cleanups,
 *   say: (line: string) => void, measuredMs: number
 * }} Bench
 */
/** Figures by the name of what was measured. @typedef {Record<string, number>} Figures */

/**
 * Every side once as a warm-up, then all of them `bench.runs` times, alternately. Every other round
 * begins with the other side: whoever comes second finds a busier machine. Where one run takes ten
 * seconds a warm-up changes no median, and `isWarm` leaves it out.
 * @template {string} S
 * @param {Bench} bench
 * @param {Record<S, () => Promise<Figures>>} sides
 * @param {{ isWarm?: boolean }} [options]
 * @returns {Promise<Record<S, Figures[]>>}
 */
export async function alternate(bench, sides, { isWarm = false } = {}) {
  const names = /** @type {S[]} */ (Object.keys(sides))
  /** @type {Partial<Record<S, Figures[]>>} */
  const samples = {}
  for (let round = isWarm ? 1 : 0; round <= bench.runs; round++) {
    const order = round % 2 === 0 ? names : names.toReversed()
    for (const name of order) {
      const figures = await measured(bench, sides[name])
      const label = round === 0 ? 'warm-up' : `run ${round}/${bench.runs}`
      bench.say(`  ${label}, ${name}: ${summary(figures)}`)
      if (round > 0) samples[name] = [...(samples[name] ?? []), figures]
    }
  }
  return /** @type {Record<S, Figures[]>} */ (samples)
}

/**
 * Does work that counts as measuring.
 * @template T
 * @param {Bench} bench
 * @param {() => Promise<T>} work
 */
export async function measured(bench, work) {
  const from = performance.now()
  const done = await work()
  bench.measuredMs += performance.now() - from
  return done
}

/** @param {Figures} figures */
function summary(figures) {
  const entries = Object.entries(figures)
  const shown = entries.slice(0, 3).map(([name, value]) => `${name} ${value.toPrecision(4)}`)
  return shown.join(', ') + (entries.length > shown.length ? ', …' : '')
}

/**
 * A result for every figure of one peer.
 * @param {{
 *   case: string, unit: string, isMoreBetter: boolean, peer?: string | undefined,
 *   prefix?: string, notes?: Record<string, string>
 * }} facts
 * @param {Figures[]} ours
 * @param {Figures[]} [theirs]
 * @returns {Result[]}
 */
export function results({ prefix = '', notes = {}, peer, ...facts }, ours, theirs = []) {
  return Object.keys(ours[0] ?? {}).map((name) => ({
    ...facts,
    peer,
    name: `${prefix}${name}`,
    ours: ours.map((figures) => figures[name] ?? NaN),
    theirs: theirs.map((figures) => figures[name] ?? NaN),
    note: notes[name]
  }))
}
