// FORMAT UPSERT: which deliveries say that a row is to go. A delivery without a payload does; in a
// key-value bucket, whose values may be empty, the markers of its deletions do. Pure.

import type { Delivered, Encoding } from '../types/connector.ts'

const BUCKET = '$KV.'
/** Set by clients of a bucket. */
const OPERATION = 'KV-Operation'
const GONE = new Set(['DEL', 'PURGE'])
/** Set by servers (2.11 and newer) when a value's time is over. */
const MARKER = 'Nats-Marker-Reason'
/** Encodings in which no payload at all can be no value. */
const NEVER_EMPTY: ReadonlySet<Encoding['encode']> = new Set(['json', 'csv'])

/** Whether the delivery takes its key's row away. */
export function isTombstone(delivery: Delivered, encode: Encoding['encode']): boolean {
  if (delivery.payload.length > 0) return false
  if (NEVER_EMPTY.has(encode) || !delivery.subject.startsWith(BUCKET)) return true
  const { headers } = delivery
  return headers.has(MARKER) || GONE.has(headers.get(OPERATION)?.[0] ?? '')
}
