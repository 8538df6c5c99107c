// The specification of WITH (connector = 'nats', …): every key that is accepted and its type.
// Data only. Keys and aliases are RisingWave's, of today and of its 1.2 release.

export type OptionKind =
  | 'string'
  | 'boolean'
  | 'integer'
  /** Not negative. */
  | 'natural'
  | 'naturals'
  | 'ackPolicy'
  | 'replayPolicy'
  | 'wait'

export interface OptionRule {
  readonly kind: OptionKind
  /** False: accepted, so that a script runs unchanged, and reported as having no effect. */
  readonly hasEffect: boolean
  /** Never shown again once it was given. */
  readonly isSecret: boolean
  /** Other spellings of the key that RisingWave takes. */
  readonly aliases: readonly string[]
  /** What its documentation has instead, and RisingWave refuses: taken, and told of. */
  readonly misspellings: readonly string[]
}

const used = (kind: OptionKind, ...aliases: string[]): OptionRule => ({
  kind,
  hasEffect: true,
  isSecret: false,
  aliases,
  misspellings: []
})
const secret = (): OptionRule => ({ ...used('string'), isSecret: true })
const unused = (kind: OptionKind, ...aliases: string[]): OptionRule => ({
  ...used(kind, ...aliases),
  hasEffect: false
})
const spelled = (rule: OptionRule, ...misspellings: string[]): OptionRule => ({
  ...rule,
  misspellings
})

export const OPTIONS: Readonly<Record<string, OptionRule>> = {
  connector: used('string'),
  server_url: used('string'),
  subject: used('string'),
  stream: used('string'),
  connect_mode: used('string'),
  username: spelled(used('string'), 'user'),
  password: secret(),
  jwt: secret(),
  nkey: secret(),
  creds: secret(),
  token: secret(),
  'tls.ca': used('string'),
  'tls.cert': used('string'),
  'tls.key': secret(),
  'scan.startup.mode': used('string'),
  'scan.startup.timestamp.millis': used('integer', 'scan.startup.timestamp_millis'),

  // What a stream is made with, where CREATE may make it.
  allow_create_stream: used('boolean'),
  max_bytes: used('integer'),
  max_messages: used('integer'),
  max_messages_per_subject: used('integer'),
  max_consumers: used('integer'),
  max_message_size: used('integer'),

  /** As ALTER … SET SOURCE_RATE_LIMIT. */
  source_rate_limit: used('natural'),

  /** Of the statement, not of the relation: whether CREATE answers when it has caught up. */
  wait: used('wait'),

  // Of a durable consumer; without one jetgres keeps the position by itself.
  'consumer.durable_name': used('string'),
  'consumer.description': used('string'),
  'consumer.ack_policy': used('ackPolicy'),
  'consumer.ack_wait.sec': spelled(used('natural'), 'consumer.ack_wait'),
  'consumer.max_ack_pending': used('integer'),
  'consumer.inactive_threshold.sec': spelled(used('natural'), 'consumer.inactive_threshold'),
  'consumer.num.replicas': used('natural', 'consumer.num_replicas'),
  'consumer.memory_storage': used('boolean'),
  'consumer.sample_frequency': used('natural'),

  // jetgres reads everything, in order, once, and asks for as much as it can take.
  'consumer.name': unused('string'),
  'consumer.deliver_policy': unused('string'),
  'consumer.deliver_subject': unused('string'),
  'consumer.max_deliver': unused('integer'),
  'consumer.filter_subject': unused('string'),
  'consumer.filter_subjects': unused('string'),
  'consumer.replay_policy': unused('replayPolicy'),
  'consumer.rate_limit': unused('natural'),
  'consumer.max_waiting': unused('integer'),
  'consumer.headers_only': unused('boolean'),
  'consumer.max_batch': unused('integer'),
  'consumer.max_bytes': unused('integer'),
  'consumer.max_expires.sec': spelled(unused('natural'), 'consumer.max_expires'),
  'consumer.backoff.sec': spelled(unused('naturals'), 'consumer.backoff')
}

const CANONICAL: ReadonlyMap<string, string> = new Map(
  Object.entries(OPTIONS).flatMap(([key, { aliases, misspellings }]) =>
    [key, ...aliases, ...misspellings].map((spelling): [string, string] => [spelling, key])
  )
)

/** RisingWave 1.2 had every key below it, and has dropped it without an alias. */
const OLD_PREFIX = /^nats\./

/** The key that a spelling stands for; undefined when it is unknown. */
export const canonicalKey = (spelling: string): string | undefined =>
  CANONICAL.get(spelling.replace(OLD_PREFIX, ''))

/** Whether RisingWave of today would refuse the spelling. */
export const isMisspelt = (spelling: string): boolean => {
  const rule = OPTIONS[canonicalKey(spelling) ?? '']
  return OLD_PREFIX.test(spelling) || rule?.misspellings.includes(spelling) === true
}

/** The known spelling nearest to an unknown one, if one is near. */
export function nearestKey(spelling: string): string | undefined {
  return nearest(spelling.replace(OLD_PREFIX, ''), [...CANONICAL.keys()])
}

/** The candidate at the smallest edit distance, at most a third of the word's length. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate, bestDistance)
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Levenshtein's distance, or `limit` when it isn't below. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const change = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(change, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
