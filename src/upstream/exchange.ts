// A private exchange: what jetgres asks on a client's connection between the client's own requests,
// and the replies to it, none of which reach the client. Must never touch a socket.

import type { Frame } from '../wire/frames.ts'
import { frontend } from '../wire/frontend.ts'
import type { Replies, ReplySink, RequestKind } from './replies.ts'

/** One message of a private exchange. */
export interface Ask {
  readonly kind: RequestKind
  readonly bytes: Buffer
}

/** Stays inside the client's batch, or ends with a Sync of ours. */
export type ExchangeEnd = 'flush' | 'sync'

export interface ExchangeResult {
  /** Every reply, in order; ReadyForQuery included when the exchange ended in a Sync. */
  readonly frames: readonly Frame[]
  /** The ErrorResponse that ended it early. */
  readonly error: Frame | undefined
}

/** What to send for it. */
export function exchangeBytes(asks: readonly Ask[], end: ExchangeEnd): Buffer {
  const tail = end === 'sync' ? frontend.sync() : frontend.flush()
  return Buffer.concat([...asks.map((ask) => ask.bytes), tail])
}

/** Enters the replies that will be owed; resolves with them when the last is there, or never will be. */
export function expectReplies(
  replies: Replies,
  asks: readonly Ask[],
  end: ExchangeEnd,
  forward?: (frame: Frame) => void
): Promise<ExchangeResult> {
  return new Promise((resolve) => {
    const frames: Frame[] = []
    let error: Frame | undefined
    const sink: ReplySink = {
      frame: forward ?? ((frame) => frames.push(frame)),
      failed: (frame) => (error = frame),
      ended: () => resolve({ frames, error })
    }
    if (asks.length === 0 && end === 'flush') return resolve({ frames, error })
    for (const ask of asks) replies.expect(ask.kind, sink)
    if (end === 'sync') replies.expect('sync', sink)
  })
}
