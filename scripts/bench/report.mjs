// @ts-check
// From results to what people read: text for a terminal, Markdown for docs/BENCHMARKS.md.

import { compare, geometricMean, median } from './statistics.mjs'

/** @typedef {import('./runner.mjs').Result} Result */
/** What a case took, and what of it was not spent on servers and rows. */
/** @typedef {{ all: number, measuring: number }} Minutes */
/**
 * @typedef {{
 *   machine: Record<string, string>, options: Record<string, number>,
 *   results: Result[], minutes: Record<string, Minutes>, failures: string[]
 * }} Report
 */

const heads = ['case', 'measured', 'unit', 'jetgres', 'peer', 'ratio', 'spread', 'note']

/** @param {Report} report */
export function asText({ machine, options, results, minutes, failures }) {
  const table = [heads, ...rowsOf(results)]
  const widths = heads.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0)))
  const pad = (/** @type {string} */ cell, /** @type {number} */ column) =>
    cell.padEnd(widths[column] ?? 0)
  const lines = table.map((row) => row.map(pad).join('  ').trimEnd())
  const summary = [...means(results), ...took(minutes), ...failures]
  return [...facts(machine, options), '', ...lines, '', ...summary].join('\n')
}

/** @param {Report} report @param {string | undefined} remark */
export function asMarkdown({ machine, options, results, minutes, failures }, remark) {
  const row = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [
    '# Benchmarks',
    '',
    'Written by `npm run bench -- --write`; the method is in',
    '[scripts/bench/README.md](../scripts/bench/README.md). A ratio above 1 means that jetgres is',
    'better; its spread is the lowest and highest of the paired runs.',
    ...(remark ? ['', remark] : []),
    '',
    ...facts(machine, options).map((line) => `- ${line}`),
    '',
    row(heads),
    row(heads.map(() => '---')),
    ...rowsOf(results).map(row),
    '',
    ...[...means(results), ...took(minutes), ...failures].map((line) => `- ${line}`),
    ''
  ].join('\n')
}

/** @param {Record<string, string>} machine @param {Record<string, number>} options */
function facts(machine, options) {
  return Object.entries({ ...machine, ...options }).map(([name, value]) => `${name}: ${value}`)
}

/** @param {Record<string, Minutes>} minutes */
function took(minutes) {
  const sum = Object.values(minutes).reduce((total, { all }) => total + all, 0)
  const each = Object.entries(minutes).map(
    ([name, { all, measuring }]) => `${name} ${all.toFixed(1)} (${measuring.toFixed(1)})`
  )
  return [`took ${sum.toFixed(1)} minutes, in brackets what was measuring: ${each.join(', ')}`]
}

/** @param {Result[]} results */
function rowsOf(results) {
  return results.map((result) => {
    const { ours, theirs, peer, isMoreBetter } = result
    const found = theirs.length > 0 ? compare(ours, theirs, isMoreBetter) : undefined
    return [
      result.case,
      result.name,
      result.unit,
      figure(median(ours)),
      peer && found ? `${figure(median(theirs))} (${peer})` : '',
      found ? `${found.ratio.toFixed(2)}×` : '',
      found ? `${found.low.toFixed(2)} to ${found.high.toFixed(2)}` : '',
      result.note ?? ''
    ]
  })
}

/** One line for each case that has several results against one peer. @param {Result[]} results */
function means(results) {
  return [...grouped(results.filter(({ theirs }) => theirs.length > 0))]
    .filter(([, group]) => group.length > 1)
    .map(([name, group]) => {
      const ratios = group.map(
        ({ ours, theirs, isMoreBetter }) => compare(ours, theirs, isMoreBetter).ratio
      )
      const worst = Math.min(...ratios).toFixed(2)
      return `${name}: geometric mean ${geometricMean(ratios).toFixed(2)}×, worst ${worst}×`
    })
}

/** @param {Result} result */
const groupOf = (result) => `${result.case} against ${result.peer}`

/** @param {Result[]} results @returns {Map<string, Result[]>} */
function grouped(results) {
  /** @type {Map<string, Result[]>} */
  const groups = new Map()
  for (const result of results) {
    const name = groupOf(result)
    groups.set(name, [...(groups.get(name) ?? []), result])
  }
  return groups
}

/** @param {number} value */
function figure(value) {
  if (value >= 1_000) return Math.round(value).toLocaleString('en-US')
  return value.toPrecision(3)
}
