// What the Node clients' programs share: their arguments, and the one form in which all of them
// print what they saw, so that two runs can be compared line by line.
//
//   node NAME.mjs URL "CREATE TABLE made_NAME …" ROWS
//
// Each program finds "every" (all types) and "many" (ids 0 to 499), which are ingested relations
// through jetgres and ordinary tables without it, and "ordinary", a table with the rows of "every".

import { inspect } from 'node:util'

export const [url = '', ddl = '', rows = ''] = process.argv.slice(2)

/** What the DDL makes has this many rows sooner or later. */
export const madeRows = Number(rows)

/** Alike in columns and rows; every read is done on both. */
export const tables = /** @type {const} */ (['every', 'ordinary'])

/**
 * @param {string} step
 * @param {unknown} value
 */
export function show(step, value) {
  const options = { depth: null, breakLength: Infinity, maxArrayLength: null, compact: true }
  process.stdout.write(`${step}: ${inspect(value, { ...options, maxStringLength: null })}\n`)
}

/**
 * Prints what a failure tells, which may be wrapped in the client's own error.
 * @param {string} step
 * @param {() => unknown} attempt
 */
export async function fails(step, attempt) {
  try {
    show(`${step}, though it should fail`, await attempt())
  } catch (error) {
    show(step, told(error))
  }
}

/** @param {unknown} error */
function told(error) {
  const outer = /** @type {Record<string, unknown>} */ (error)
  const inner = /** @type {Record<string, unknown>} */ (
    outer['original'] ?? outer['cause'] ?? outer
  )
  const { code, message, position, detail, hint, severity } = inner
  return { kind: outer['constructor']?.['name'], code, message, position, detail, hint, severity }
}

/**
 * Not jetgres's own schemas (its status relations, its live children), which an upstream without
 * jetgres doesn't have, nor what comes and goes with the backends' temporary tables.
 * @param {{ schema?: string }} of
 */
export const isSeenByAll = ({ schema }) =>
  !/^(jetgres(_live)?$|pg_(toast_)?temp_)/.test(schema ?? '')

/**
 * Waits until `count` tells that what the DDL made has its rows.
 * @param {() => Promise<unknown>} count
 */
export async function untilMade(count) {
  const deadline = Date.now() + 20_000
  while (Number(await count()) !== madeRows) {
    if (Date.now() > deadline) throw new Error('the rows did not come')
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  show('made', madeRows)
}
