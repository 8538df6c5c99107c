// @ts-check
// pgbench's own tables in one upstream Postgres, reached directly, through jetgres and, where it is
// installed, through PgBouncer (session pooling). Clients come by TCP; both proxies reach the
// upstream by its Unix socket.

import { pgbench, pgbenchInit, requirePgbench, shapeName, shapes } from '../pgbench.mjs'
import { alternate, results } from '../runner.mjs'
import { Jetgres, Postgres, findPgbouncer, startPgbouncer } from '../servers.mjs'
import { median } from '../statistics.mjs'

/** @typedef {{ host: string, port: number }} Server */

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  requirePgbench()
  const { cleanups, say } = bench
  const postgres = await Postgres.start(cleanups)
  await pgbenchInit(postgres, Math.max(1, Math.round(10 * bench.scale)))
  const { socketDir, port } = postgres
  const upstream = `postgresql://postgres@/postgres?host=${socketDir}&port=${port}`
  const jetgres = await Jetgres.start(cleanups, { ...bench, upstream })
  const path = findPgbouncer()
  if (!path) say('  PgBouncer is not installed: compared with direct Postgres only')
  const bouncer = path ? await startPgbouncer(cleanups, postgres, path) : undefined

  const works = [
    ...shapes.map((shape) => ({ name: `-S ${shapeName(shape)}`, shape, script: ['-S'] })),
    ...shapes.map((shape) => ({
      name: `TPC-B ${shapeName(shape)}`,
      shape,
      script: ['-b', 'tpcb-like']
    }))
  ]
  /** @type {import('../runner.mjs').Result[]} */
  const all = []
  for (const work of works.filter(({ name }) => name.includes(bench.match))) {
    // Servers that were measured in one mode are warm in the next.
    const isWarm = all.length > 0
    all.push(...(await measure(bench, { jetgres, postgres, bouncer }, { ...work, isWarm })))
  }
  return all
}

/**
 * @param {import('../runner.mjs').Bench} bench
 * @param {{ jetgres: Server, postgres: Server, bouncer: Server | undefined }} servers
 * @param {{
 *   name: string, shape: import('../pgbench.mjs').Shape, script: string[], isWarm: boolean
 * }} work
 */
async function measure(bench, { jetgres, postgres, bouncer }, { name, shape, script, isWarm }) {
  /** @param {Server} server */
  const once = async (server) => ({
    [name]: (await pgbench(server, { ...shape, script, seconds: bench.seconds })).tps
  })
  /** @type {Record<string, () => ReturnType<typeof once>>} */
  const sides = { jetgres: () => once(jetgres), direct: () => once(postgres) }
  if (bouncer) sides.pgbouncer = () => once(bouncer)
  const { jetgres: ours = [], direct, pgbouncer } = await alternate(bench, sides, { isWarm })
  const facts = { case: 'relay', unit: '1/s', isMoreBetter: true }
  const latency = (/** @type {Record<string, number>[]} */ runs) =>
    1e6 / median(runs.map((figures) => figures[name] ?? NaN))
  const added = `adds ${Math.round(latency(ours) - latency(direct ?? []))} µs to a transaction`
  const notes = shape.clients === 1 ? { [name]: added } : {}
  return [
    ...results({ ...facts, notes, peer: 'direct Postgres' }, ours, direct),
    ...(pgbouncer ? results({ ...facts, peer: 'PgBouncer' }, ours, pgbouncer) : [])
  ]
}
