// @ts-check
// Medians, spreads and ratios. Pure: the one place where figures become statements.

/** @param {readonly number[]} values */
export function median(values) {
  return percentile(values, 0.5)
}

/**
 * Linear between the two nearest values.
 * @param {readonly number[]} values
 * @param {number} p 0 to 1
 */
export function percentile(values, p) {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (sorted.length - 1) * p
  const low = sorted[Math.floor(at)] ?? NaN
  const high = sorted[Math.ceil(at)] ?? NaN
  return low + (high - low) * (at - Math.floor(at))
}

/** @param {readonly number[]} values */
export function geometricMean(values) {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length)
}

/**
 * How many times better than the peer jetgres is, whatever the unit: above 1 is better.
 * The runs alternate, so the nth of one side is paired with the nth of the other: what slows the
 * machine for a while slows both of a pair.
 * @param {readonly number[]} ours
 * @param {readonly number[]} theirs
 * @param {boolean} isMoreBetter true for rates, false for times
 * @returns {{ ratio: number, low: number, high: number }} of the medians; lowest and highest pair
 */
export function compare(ours, theirs, isMoreBetter) {
  /** @param {number} a @param {number} b */
  const better = (a, b) => (isMoreBetter ? a / b : b / a)
  const pairs = ours.map((value, n) => better(value, theirs[n] ?? NaN))
  return {
    ratio: better(median(ours), median(theirs)),
    low: Math.min(...pairs),
    high: Math.max(...pairs)
  }
}
