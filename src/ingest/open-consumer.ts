// Makes the consumer that a relation reads by, beginning behind its position. An ephemeral one
// needs no acknowledgements and goes with its reader. A durable one stays, yet is made anew each
// time: one used before would give what was not acknowledged only later, out of order.

import { nuid } from 'nats'
import type { NatsConnection } from 'nats'

import { limits } from '../limits.ts'
import type { DurableConsumer, NatsConnector } from '../types/connector.ts'
import { makeCanary } from './canary.ts'
import type { Canary } from './canary.ts'
import { canaryName } from './consumer-names.ts'
import { consumerInfo, createConsumer, deleteConsumer } from './jetstream.ts'
import type { ConsumerInfo, ConsumerRequest, StreamInfo } from './jetstream.ts'
import { jumpsAreGaps, mayPassOver, retentionOf } from './stream-facts.ts'
import { filtersAreDisjoint, minimalFilters } from './subjects.ts'

export interface OpenConsumer {
  readonly name: string
  /** As the server has them: before 2.10 it drops several without a word. None: all there is. */
  readonly filters: readonly string[]
  readonly pending: number
  readonly canary: Canary | undefined
  /** Takes away what must not stay. Best effort. */
  leave(): Promise<void>
}

/**
 * @param name of what doesn't stay; one of this name that was left goes
 * @throws JetStreamError, NatsError
 */
export function openConsumer(
  connection: NatsConnection,
  info: StreamInfo,
  connector: NatsConnector,
  sequence: number,
  name = `jetgres_${nuid.next()}`
): Promise<OpenConsumer> {
  const minimal = minimalFilters(connector.subjects)
  const { durable } = connector
  const request: ConsumerRequest = {
    stream: connector.stream,
    name,
    filters: filtersAreDisjoint(minimal) ? minimal : [],
    start: { deliver_policy: 'by_start_sequence', opt_start_seq: sequence + 1 },
    inactiveMs: limits.consumerInactiveMs
  }
  return durable
    ? openDurable(connection, info, request, durable)
    : openEphemeral(connection, info, request)
}

async function openEphemeral(
  connection: NatsConnection,
  info: StreamInfo,
  request: ConsumerRequest
): Promise<OpenConsumer> {
  const canary = await canaryFor(connection, info, request)
  await deleteConsumer(connection, request.stream, request.name)
  const made = await createConsumer(connection, request)
  return {
    ...facts(made),
    canary,
    async leave() {
      await Promise.all([deleteConsumer(connection, request.stream, made.name), canary?.delete()])
    }
  }
}

type DurableRequest = ConsumerRequest & { readonly durable: DurableConsumer }

async function openDurable(
  connection: NatsConnection,
  info: StreamInfo,
  beside: ConsumerRequest,
  durable: DurableConsumer
): Promise<OpenConsumer> {
  const { stream } = beside
  const { name } = durable
  const request: DurableRequest = { ...beside, name, durable }
  const retention = retentionOf(info)
  const guard = retention === 'interest' ? await makeGuard(connection, request) : undefined
  await deleteConsumer(connection, stream, name)
  // The server lets nobody begin a work queue anywhere else.
  const start = retention === 'workqueue' ? { deliver_policy: 'all' as const } : request.start
  // On other streams it would keep what nobody needs, or be refused.
  const canary = retention === 'limits' ? await canaryFor(connection, info, beside) : undefined
  const made = await createConsumer(connection, { ...request, start })
  if (guard !== undefined) await deleteConsumer(connection, stream, guard)
  return {
    ...facts(made),
    canary,
    leave: async () => canary?.delete()
  }
}

/** Stands in while the consumer is made anew: the stream deletes what nobody is interested in. */
export const guardName = (name: string): string => `${name}_guard`

/** One that stayed of an interrupted try holds on to more: it will do. */
async function makeGuard(connection: NatsConnection, request: DurableRequest): Promise<string> {
  const name = guardName(request.name)
  try {
    await createConsumer(connection, { ...request, name })
  } catch (error) {
    await consumerInfo(connection, request.stream, name).catch(() => {
      throw error
    })
  }
  return name
}

/**
 * Where replicas move consumers each in its own time, a canary would tell nothing; nor does it tell
 * that a server skipped what it could not read (seen of 2.9: 17,155 deliveries, a block's worth),
 * so jumps that would be losses are looked at one by one: they are rare.
 */
async function canaryFor(
  connection: NatsConnection,
  info: StreamInfo,
  request: ConsumerRequest
): Promise<Canary | undefined> {
  const { name, filters } = request
  if (!mayPassOver(connection.info?.version, filters)) return undefined
  if ((info.config.num_replicas ?? 1) > 1 || jumpsAreGaps(info, filters)) return undefined
  return makeCanary(connection, { ...request, name: canaryName(name) })
}

function facts(made: ConsumerInfo): Pick<OpenConsumer, 'name' | 'filters' | 'pending'> {
  const { filter_subject: one, filter_subjects: several } = made.config
  return { name: made.name, filters: several ?? (one ? [one] : []), pending: made.num_pending }
}
