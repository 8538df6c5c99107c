// @ts-check
// Relayed reads: 1 M rows that the upstream's Postgres fetches from jetgres's back channel and adds up
// itself. The peer is the same Postgres fetching the same rows from another, by the same postgres_fdw
// and fetch size, so that the ratio is that of the two servers behind it.

import { copyIn, eventColumns, eventJson, eventRow } from '../rows.mjs'
import { alternate, results } from '../runner.mjs'
import { connect, Jetgres, Postgres, startNats } from '../servers.mjs'
import { loadRelation, makeStream, publish } from '../streams.mjs'

const columns = eventColumns.replace(' PRIMARY KEY', '')
const queries = {
  'count(*)': 'SELECT count(*) FROM events',
  'sum of an int': 'SELECT count(*), sum(duration) FROM events',
  'sums of three numbers': 'SELECT count(*), sum(id), sum(duration), sum(device) FROM events',
  'all ten columns':
    'SELECT count(id), count(device), count(kind), count(country), count(browser), sum(amount),' +
    ' count(duration), count(ok), max(ts), count(note) FROM events'
}

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { cleanups, say } = bench
  const rows = Math.round(1_000_000 * bench.scale)
  const nats = await startNats(cleanups)
  const [upstream, other] = [await Postgres.start(cleanups), await Postgres.start(cleanups)]
  const where = `host=${upstream.socketDir}&port=${upstream.port}`
  const jetgres = await Jetgres.start(cleanups, {
    ...bench,
    upstream: `postgresql://postgres@/postgres?${where}`
  })
  const ours = await connect(cleanups, jetgres)
  const direct = await connect(cleanups, upstream)
  say(`  loading ${rows} rows into both`)
  await makeStream(nats, 'events')
  await publish(nats, 'events', rows, (n) => eventJson(eventRow(n)))
  await loadRelation(ours, nats, 'events', eventColumns, rows)
  const theirs = await connect(cleanups, other)
  await theirs.query(`CREATE TABLE events (${columns})`)
  await copyIn(theirs, 'events', rows, (n) => eventRow(n))
  await attach(direct, other.port)

  /** @param {string} schema */
  const measure = async (schema) => {
    await direct.query(`SET search_path = ${schema}`)
    /** @type {Record<string, number>} */
    const rates = {}
    for (const [name, sql] of Object.entries(queries)) {
      const from = performance.now()
      const answer = await direct.query({ text: sql, rowMode: 'array' })
      const count = Number(answer.rows[0]?.[0])
      if (count !== rows) throw new Error(`${count} instead of ${rows} rows`)
      rates[name] = (rows / (performance.now() - from)) * 1_000
    }
    return rates
  }
  const samples = await alternate(bench, {
    jetgres: () => measure('public'),
    postgres: () => measure('far')
  })
  const facts = {
    case: 'back-channel',
    unit: 'rows/s',
    isMoreBetter: true,
    peer: 'postgres_fdw on plain Postgres'
  }
  return results(facts, samples.jetgres, samples.postgres)
}

/**
 * The other's table as the only child of an empty one, as jetgres has its live child: Postgres would
 * else have the other add up.
 * @param {import('pg').Client} client
 * @param {number} port
 */
async function attach(client, port) {
  const [{ fetchSize } = {}] = (
    await client.query(`SELECT split_part(option, '=', 2) AS "fetchSize"
      FROM pg_foreign_server, unnest(srvoptions) AS option WHERE option LIKE 'fetch_size=%'`)
  ).rows
  await client.query(`
    CREATE SCHEMA far;
    CREATE EXTENSION IF NOT EXISTS postgres_fdw;
    CREATE SERVER other FOREIGN DATA WRAPPER postgres_fdw OPTIONS
      (host '127.0.0.1', port '${port}', dbname 'postgres', fetch_size '${fetchSize}');
    CREATE USER MAPPING FOR PUBLIC SERVER other OPTIONS (user 'postgres');
    CREATE TABLE far.events (${columns});
    CREATE FOREIGN TABLE far.events_there () INHERITS (far.events) SERVER other
      OPTIONS (schema_name 'public', table_name 'events')`)
}
