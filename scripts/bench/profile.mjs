// @ts-check
// Reads a V8 CPU profile (`node --cpu-prof`): which functions the time went into themselves.

import { readFileSync } from 'node:fs'
import { basename } from 'node:path'

/**
 * @typedef {{ functionName: string, url: string, lineNumber: number }} CallFrame
 * @typedef {{ id: number, callFrame: CallFrame }} ProfileNode
 * @typedef {{ nodes: ProfileNode[], samples: number[], timeDeltas: number[] }} Profile
 */

/**
 * The `count` functions with the most time of their own, as lines of text. Shares are of the time
 * in which the thread did something.
 * @param {string} path
 * @param {number} count
 */
export function topFunctions(path, count) {
  /** @type {Profile} */
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(path, 'utf8'))
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  /** @type {Map<string, number>} */
  const micros = new Map()
  for (const [n, id] of samples.entries()) {
    const name = names.get(id) ?? ''
    micros.set(name, (micros.get(name) ?? 0) + (timeDeltas[n] ?? 0))
  }
  const idle = micros.get('(idle)') ?? 0
  micros.delete('(idle)')
  const busy = [...micros.values()].reduce((sum, value) => sum + value, 0)
  const top = [...micros].sort(([, a], [, b]) => b - a).slice(0, count)
  const seconds = (/** @type {number} */ value) => (value / 1e6).toFixed(2)
  return [
    `CPU profile: busy ${seconds(busy)} s, idle ${seconds(idle)} s`,
    ...top.map(([name, value]) => {
      const share = ((value / busy) * 100).toFixed(1).padStart(5)
      return `  ${share} %  ${seconds(value)} s  ${name}`
    })
  ]
}

/** @param {CallFrame} frame */
function nameOf({ functionName, url, lineNumber }) {
  const name = functionName || '(anonymous)'
  return url === '' ? name : `${name}  ${basename(url)}:${lineNumber + 1}`
}
