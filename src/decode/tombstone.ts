// FORMAT UPSERT: which deliveries say that a row is to go. A delivery without a payload does; in a
// key-value bucket, whose values may be empty, the markers of its deletions do. Pure.

import type { Delivered, Encoding } from '../types/connector.ts'

const BUCKET = '$KV.'
/** Set by clients of a bucket. */
const OPERATION = 'KV-Operation'
const GONE = new Set(['DEL', 'PURGE'])
/** Set by servers (2.11 and newer) when a value's time is over. */
const MARKER = 'Nats-Marker-Reason'

/** Whether the delivery takes its key's row away. */
export function isTombstone(delivery: Delivered, encode: Encoding['encode']): boolean {
  if (delivery.payload.length > 0) return false
  // An empty text is no JSON: it can be no value.
  if (encode === 'json' || !delivery.subject.startsWith(BUCKET)) return true
  const { headers } = delivery
  return headers.has(MARKER) || GONE.has(headers.get(OPERATION)?.[0] ?? '')
}
