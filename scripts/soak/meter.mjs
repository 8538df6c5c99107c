// @ts-check
// What jetgres holds, read from outside: memory, files, sockets, consumers on the server, tables
// upstream. Owns the rule by which a series of readings counts as flat.

import { readdirSync, readlinkSync, statSync } from 'node:fs'

/** @typedef {import('./world.mjs').World} World */
/** @typedef {{ memoryMiB: number, storeMB: number, sockets: number, files: number,
 *   threads: number, consumers: number, tables: number, temporary: number, backends: number }} Held */

/** Of the process's own life: what it grows by afterwards would go on growing. */
export const rule =
  'flat: the median of the last third is at most the first third\'s (of the readings of the last ' +
  'life, once warm) × 1.15 + 48 MiB of memory, × 1.15 + 24 MB of store, + 3 of everything counted'

/** @type {Record<keyof Held, { factor: number, slack: number }>} */
const growth = {
  memoryMiB: { factor: 1.15, slack: 48 },
  storeMB: { factor: 1.15, slack: 24 },
  sockets: { factor: 1, slack: 3 },
  files: { factor: 1, slack: 3 },
  threads: { factor: 1, slack: 3 },
  consumers: { factor: 1, slack: 3 },
  tables: { factor: 1, slack: 3 },
  temporary: { factor: 1, slack: 3 },
  backends: { factor: 1, slack: 3 }
}

/** @param {World} world @returns {Promise<Held>} */
export async function measure(world) {
  const { pid } = world.jetgres
  const [upstream] = await world.askUpstream(`SELECT count(*)::int AS tables,
    count(*) FILTER (WHERE relpersistence = 't')::int AS temporary,
    (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS backends
    FROM pg_class`)
  const links = readdirSync(`/proc/${pid}/fd`).map((name) => linkOf(`/proc/${pid}/fd/${name}`))
  return {
    memoryMiB: Math.round(world.jetgres.residentMiB()),
    storeMB: Math.round((sizeOf(world.storePath) + sizeOf(`${world.storePath}.wal`)) / 1e6),
    sockets: links.filter((link) => link.startsWith('socket:')).length,
    files: links.length,
    threads: readdirSync(`/proc/${pid}/task`).length,
    consumers: (await world.consumers()).length,
    ...upstream
  }
}

/**
 * What is not flat, by the rule.
 * @param {Held[]} readings of one life of the process, once warm
 * @returns {string[]}
 */
export function leaks(readings) {
  const third = Math.floor(readings.length / 3)
  if (third === 0) return ['too few readings to judge by: let it run longer']
  const early = readings.slice(0, third)
  const late = readings.slice(-third)
  return /** @type {(keyof Held)[]} */ (Object.keys(growth)).flatMap((name) => {
    const from = median(early.map((held) => held[name]))
    const to = median(late.map((held) => held[name]))
    const { factor, slack } = growth[name]
    return to <= from * factor + slack ? [] : [`${name} grew from ${from} to ${to}`]
  })
}

/** @param {number[]} values */
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** A descriptor may be closed while we look. @param {string} path */
function linkOf(path) {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

/** @param {string} path */
const sizeOf = (path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0
