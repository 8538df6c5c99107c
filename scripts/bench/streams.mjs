// @ts-check
// Streams, what is published to them, and relations over them.

import { setTimeout as delay } from 'node:timers/promises'

import { openPublisher } from './publisher.mjs'
import { slices } from './rows.mjs'

/** @typedef {import('nats').NatsConnection} NatsConnection */
/** @typedef {{ url: string, connection: NatsConnection }} Nats */

/** @param {Nats} nats @param {string} name also its one subject */
export async function makeStream({ connection }, name) {
  const manager = await connection.jetstreamManager()
  await manager.streams.add({ name, subjects: [name] })
}

/**
 * Publishes `count` payloads, and returns when they are stored.
 * @param {Nats} nats
 * @param {string} name
 * @param {number} count
 * @param {(n: number) => import('./publisher.mjs').Payload} payload
 */
export async function publish(nats, name, count, payload) {
  const publisher = await openPublisher(nats, name)
  for (const payloads of slices(0, count, payload)) await publisher.send(payloads)
  await publisher.end()
}

/**
 * The statement that makes a relation.
 * @param {Nats} nats
 * @param {string} name of the relation
 * @param {string} columns
 * @param {string} [stream]
 * @param {string} [encoding]
 */
export function createRelation({ url }, name, columns, stream = name, encoding = 'JSON') {
  const where = { connector: 'nats', server_url: url, subject: stream, stream }
  const options = { ...where, connect_mode: 'plain' }
  const list = Object.entries(options).map(([key, value]) => `${key} = '${value}'`)
  return `CREATE TABLE ${name} (${columns}) WITH (${list.join(', ')}) FORMAT PLAIN ENCODE ${encoding}`
}

/** It takes longer than the server lets a statement wait; NATS can't be asked just now. */
const passing = ['55000', 'HV00N']
const pauseMs = 20

/**
 * Until the relation shows everything its stream holds. One statement waits in the server; where
 * that fails for what passes, it is asked again.
 * @param {import('pg').Client} client
 * @param {string} query
 * @param {(rows: unknown[][]) => boolean} isThere
 * @param {number} [deadlineMs]
 */
export async function caughtUp(client, query, isThere, deadlineMs = 600_000) {
  const deadline = performance.now() + deadlineMs
  await client.query("SET jetgres.consistency = 'stream'")
  for (;;) {
    const answer = await client.query({ text: query, rowMode: 'array' }).catch(async (error) => {
      if (!passing.includes(error.code)) throw error
      await delay(pauseMs)
    })
    if (answer && isThere(answer.rows)) break
    if (performance.now() > deadline) throw new Error(`not caught up in ${deadlineMs} ms: ${query}`)
  }
  const at = performance.now()
  await client.query('RESET jetgres.consistency')
  return at
}

/**
 * Makes a relation over a stream and waits for its rows.
 * @param {import('pg').Client} client
 * @param {Nats} nats
 * @param {string} name
 * @param {string} columns
 * @param {number} count
 */
export async function loadRelation(client, nats, name, columns, count) {
  await client.query(createRelation(nats, name, columns))
  await hasRows(client, name, count)
}

/**
 * Until a relation shows so many rows.
 * @param {import('pg').Client} client
 * @param {string} name
 * @param {number} count
 */
export async function hasRows(client, name, count) {
  const counted = (/** @type {unknown[][]} */ rows) => Number(rows[0]?.[0]) === count
  await caughtUp(client, `SELECT count(*) FROM ${name}`, counted)
}
