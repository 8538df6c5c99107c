// @ts-check
// Rows by key as object-relational mappers and loaders ask for them, on 1 M rows, by one client of the
// same driver on both sides, whose answers are compared.

import { alternate, results } from '../runner.mjs'
import { median } from '../statistics.mjs'
import { bothWithEvents } from './tables.mjs'

/** Of each form, by each side in each round. */
const times = 100
/** Milliseconds of a look-up that only memory answers. */
const fromMemory = 1
const warmUpMs = 30_000

const from = 'FROM events WHERE id'

/** @type {Record<string, (id: () => number) => string | import('pg').QueryConfig>} */
const forms = {
  'Django, one row': (id) =>
    `SELECT "events"."id", "events"."device", "events"."kind" FROM "events" WHERE "events"."id" = ${id()} LIMIT 21`,
  'Rails, one row': (id) => ({
    name: 'rails',
    text: 'SELECT "events".* FROM "events" WHERE "events"."id" = $1 LIMIT $2',
    values: [id(), 1]
  }),
  'GORM, one row': (id) => `SELECT * FROM "events" WHERE "events"."id" = ${id()} ORDER BY "events"."id" LIMIT 1`,
  'SQLAlchemy, one row': (id) => ({
    name: 'sqlalchemy',
    text: 'SELECT events.id, events.device FROM events WHERE events.id = $1::BIGINT',
    values: [id()]
  }),
  'IN, 10 rows': (id) => `SELECT * ${from} IN (${some(10, id).join(', ')})`,
  '= ANY, 10 rows': (id) => ({ text: `SELECT * ${from} = ANY($1)`, values: [some(10, id)] }),
  '= ANY, 500 rows': (id) => ({ name: 'any', text: `SELECT * ${from} = ANY($1)`, values: [some(500, id)] })
}

/** @param {number} count @param {() => number} id */
const some = (count, id) => Array.from({ length: count }, id)

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { ours, theirs, rows } = await bothWithEvents(bench)
  await warmUp(ours, rows)
  const sides = {
    jetgres: () => measure(ours, rows),
    postgres: () => measure(theirs, rows)
  }
  for (const name of Object.keys(forms)) {
    const [answer, expected] = [await ask(ours, name, keys(rows)), await ask(theirs, name, keys(rows))]
    if (answer !== expected) throw new Error(`"${name}" differs:\n${answer}\n${expected}`)
  }
  const samples = await alternate(bench, sides)
  const facts = { case: 'lookup-forms', unit: 'ms', isMoreBetter: false, peer: 'plain Postgres' }
  return results(facts, samples.jetgres, samples.postgres)
}

/** Keys all over the table, the same ones each time. @param {number} rows */
function keys(rows) {
  let n = 0
  return () => (n = (n * 7_919 + 12_345) % rows)
}

/** @param {import('pg').Client} client @param {string} name @param {() => number} id */
async function ask(client, name, id) {
  const { rows } = await client.query(/** @type {any} */ (forms[name]?.(id)))
  return JSON.stringify(rows.map((row) => JSON.stringify(row)).toSorted())
}

/**
 * The median of each form, in milliseconds.
 * @param {import('pg').Client} client
 * @param {number} rows
 */
async function measure(client, rows) {
  const id = keys(rows)
  /** @type {Record<string, number>} */
  const figures = {}
  for (const [name, form] of Object.entries(forms)) {
    const took = []
    for (let i = 0; i < times; i++) {
      const query = form(id)
      const began = performance.now()
      await client.query(/** @type {any} */ (query))
      took.push(performance.now() - began)
    }
    figures[name] = median(took)
  }
  return figures
}

/** Until a look-up is answered from memory. @param {import('pg').Client} client @param {number} rows */
async function warmUp(client, rows) {
  const id = keys(rows)
  const end = performance.now() + warmUpMs
  for (let fast = 0; fast < times && performance.now() < end;) {
    const began = performance.now()
    await client.query(`SELECT * ${from} = ${id()}`)
    fast = performance.now() - began < fromMemory ? fast + 1 : 0
  }
}
