// The consumer.* options of WITH: which of them a relation's consumer can have. Pure.

import { invalidParameterValue } from '../errors.ts'
import type { StatedConsumer } from '../types/connector.ts'
import type { Options } from './given-options.ts'

/** nats-server's isValidName (server/consumer.go): it becomes a token of subjects. */
const FORBIDDEN = /[\s.*>/\\\p{Cc}]/u

const NUMBERS = {
  'consumer.ack_wait.sec': 'ackWaitSeconds',
  'consumer.max_ack_pending': 'ackPendingMax',
  'consumer.inactive_threshold.sec': 'inactiveSeconds',
  'consumer.num.replicas': 'replicas',
  'consumer.sample_frequency': 'sampled'
} as const

/** Undefined where the statement says nothing of its consumer. @throws PgError 22023 */
export function readConsumer(options: Options): StatedConsumer | undefined {
  const description = options.get('consumer.description')?.value
  const inMemory = options.get('consumer.memory_storage')?.value.toLowerCase()
  const consumer = {
    ...readName(options),
    ...readAckPolicy(options),
    ...readNumbers(options),
    ...(description === undefined ? {} : { description }),
    ...(inMemory === undefined ? {} : { inMemory: inMemory === 'true' })
  }
  return Object.keys(consumer).length === 0 ? undefined : consumer
}

function readName(options: Options): Pick<StatedConsumer, 'name'> {
  const given = options.get('consumer.durable_name')
  if (!given) return {}
  const name = given.value.trim()
  if (name !== '' && !FORBIDDEN.test(name)) return { name }
  throw invalidParameterValue(`invalid consumer name "${name}"`, {
    position: given.valuePosition,
    hint: 'The name of a consumer holds no white space, dots, slashes, * or >.'
  })
}

function readAckPolicy(options: Options): Pick<StatedConsumer, 'ackPolicy'> {
  const given = options.get('consumer.ack_policy')
  if (!given) return {}
  const policy = given.value.toLowerCase()
  if (policy === 'all' || policy === 'explicit') return { ackPolicy: policy }
  options.notices.push(
    `option "${given.key}" = none has no effect: a durable consumer is acknowledged`
  )
  return {}
}

function readNumbers(options: Options): Partial<StatedConsumer> {
  const given = Object.entries(NUMBERS).filter(([key]) => options.has(key))
  return Object.fromEntries(
    given.map(([key, property]) => [property, Number(options.required(key).value)])
  )
}
