// @ts-check
// COPY in and out of 1 GB of an upstream table, directly and through jetgres.

import { pipeline } from 'node:stream/promises'
import { Readable } from 'node:stream'

import pgCopy from 'pg-copy-streams'

import { rawClient } from '../raw-client.mjs'
import { alternate, results } from '../runner.mjs'
import { connect, Jetgres, Postgres } from '../servers.mjs'

/** Rows of which eight fill a page: of smaller ones Postgres has more to do, of larger ones less fits. */
const chunk = Buffer.from(`12345678\t${'x'.repeat(980)}\n`.repeat(66))
const gigabyte = 1e9
const mebibyte = 1024 * 1024

/** @typedef {{ host: string, port: number }} Server */

/** @param {import('../runner.mjs').Bench} bench */
export async function run(bench) {
  const { cleanups } = bench
  const postgres = await Postgres.start(cleanups)
  const { socketDir, port } = postgres
  const upstream = `postgresql://postgres@/postgres?host=${socketDir}&port=${port}`
  const jetgres = await Jetgres.start(cleanups, { ...bench, upstream })
  const chunks = Math.ceil((gigabyte * bench.scale) / chunk.length)
  const [ours, theirs] = [await sideOf(bench, jetgres), await sideOf(bench, postgres)]
  await theirs.client.query('CREATE UNLOGGED TABLE bulk (n int, filling text)')
  const sides = { jetgres: () => measure(ours, chunks), direct: () => measure(theirs, chunks) }
  const before = jetgres.residentMiB()
  const samples = await alternate(bench, sides, { isWarm: true })
  const peak = `jetgres's memory: ${before.toFixed(0)} MiB before, ${jetgres.residentMiB('VmHWM').toFixed(0)} at its peak`
  const facts = { case: 'relay-bulk', unit: 'MiB/s', isMoreBetter: true, peer: 'direct Postgres' }
  return results({ ...facts, notes: { 'COPY out': peak } }, samples.jetgres, samples.direct)
}

/** @param {import('../runner.mjs').Bench} bench @param {Server} server */
async function sideOf({ cleanups }, server) {
  const client = await connect(cleanups, server)
  const raw = await rawClient(server)
  cleanups.add(() => raw.end())
  return { client, raw }
}

/** @param {Awaited<ReturnType<typeof sideOf>>} side @param {number} chunks */
async function measure({ client, raw }, chunks) {
  await client.query('TRUNCATE bulk')
  const size = (chunks * chunk.length) / mebibyte
  const from = performance.now()
  const source = Readable.from(Array.from({ length: chunks }, () => chunk))
  await pipeline(source, client.query(pgCopy.from('COPY bulk FROM STDIN')))
  const between = performance.now()
  const { bytes } = await raw.query('COPY bulk TO STDOUT')
  if (bytes < chunks * chunk.length) throw new Error(`only ${bytes} bytes came back`)
  const to = performance.now()
  return {
    'COPY in': (size / (between - from)) * 1_000,
    'COPY out': (size / (to - between)) * 1_000
  }
}
