// The endless stream that crash.test.ts and its child agree on: each delivery follows from its
// sequence alone. Relation 1 is keyed, relation 2 keeps every row; one delivery in 50 is bad.

import type { Batch } from '../../src/types/connector.ts'
import { CREATED, batchOf } from './fixtures.ts'

export const isBad = (sequence: number): boolean => sequence % 50 === 0

/** The row of a delivery. */
export const rowOf = (sequence: number): [number, string] => [
  Math.imul(sequence, 2654435761) >>> 20,
  `row of ${sequence}`
]

/** The batch of the deliveries from `from` to `to`. */
export function deliveries(id: number, from: number, to: number): Batch {
  const all = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const good = all.filter((sequence) => !isBad(sequence))
  const batch = batchOf({
    id,
    rows: good.map(rowOf),
    sequences: good,
    position: to,
    created: CREATED,
    dropped: all.filter(isBad).map((sequence) => ({
      sequence,
      subject: 'x',
      error: 'bad',
      payload: new Uint8Array()
    }))
  })
  return good.length > 0 ? batch : { ...batch, columns: [[], []] }
}
