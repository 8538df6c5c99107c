// A portal of one of our own statements (CREATE … WITH connector, SHOW SOURCES, …).

import { inFailedTransaction } from '../errors.ts'
import { NO_DATA, rowDescription } from '../wire/backend.ts'
import type { Frame } from '../wire/frames.ts'
import { formatAt } from '../wire/frontend.ts'
import type { OurStatement } from '../sql/statement.ts'
import type { Conversation } from './conversation.ts'
import { encodeRowsOf, fieldsOf, isRelayed } from './statements/reply.ts'
import type { Relayed } from './statements/reply.ts'
import { keepsRoute, runStatement } from './statements/run.ts'
import { UpstreamError } from './upstream-error.ts'

export class OurPortal {
  readonly #ours: { readonly statement: OurStatement; readonly text: string }
  readonly #formats: readonly number[]
  /** The client's frames, kept back in case the statement is Postgres's after all. */
  readonly #kept: { readonly parse: Buffer; readonly bind: Buffer }

  constructor(
    ours: { readonly statement: OurStatement; readonly text: string },
    formats: readonly number[],
    kept: { readonly parse: Buffer; readonly bind: Buffer }
  ) {
    this.#ours = ours
    this.#formats = formats
    // Frames are slices of what the socket gave; these outlive it.
    this.#kept = { parse: Buffer.from(kept.parse), bind: Buffer.from(kept.bind) }
  }

  /** RowDescription, or NoData. */
  get description(): Buffer {
    const fields = fieldsOf(this.#ours.statement, (i) => formatAt(this.#formats, i))
    return fields.length === 0 ? NO_DATA : rowDescription(fields)
  }

  /** @throws PgError, UpstreamError */
  async execute(c: Conversation, frame: Frame): Promise<void> {
    const { statement, text } = this.#ours
    const reply = await runStatement(c, statement, text)
    if (isRelayed(reply)) return this.#relay(c, frame, reply)
    if (!keepsRoute(statement)) c.lastRoute = { to: 'define' }
    c.output.write(encodeRowsOf(reply))
  }

  /** @throws PgError 25P02 */
  async checkOpen(c: Conversation): Promise<void> {
    if (c.hasFailed) throw inFailedTransaction()
  }

  close(): undefined {
    // Nothing is held.
  }

  async #relay(c: Conversation, frame: Frame, relayed: Relayed): Promise<void> {
    const { error } = await c.ask([
      { kind: 'parse', bytes: this.#kept.parse },
      { kind: 'bind', bytes: this.#kept.bind }
    ])
    if (error) throw new UpstreamError(error, (position) => position)
    c.mutated()
    c.lastRoute = relayed === 'relay' ? { to: 'relay' } : { to: 'relay', reason: relayed.relay }
    c.link.request('execute', frame.bytes)
  }
}
