// A portal of a SELECT answered here, as the extended protocol sees it: row limits, suspension, and
// the way back to the upstream while no row has been sent.

import { commandComplete, PORTAL_SUSPENDED } from '../wire/backend.ts'
import type { Field } from '../wire/backend.ts'
import type { Frame } from '../wire/frames.ts'
import { formatAt } from '../wire/frontend.ts'
import type { Conversation } from './conversation.ts'
import type { LocalPortal } from './local-portal.ts'
import { runLocal } from './local-run.ts'
import { UpstreamError } from './upstream-error.ts'

export class SelectPortal {
  readonly #local: LocalPortal
  /** The client's Bind, kept back in case the statement must be relayed. */
  readonly #bind: Buffer
  /** The upstream has the portal now. */
  #isRelayed = false

  constructor(local: LocalPortal, bind: Frame) {
    this.#local = local
    this.#bind = Buffer.from(bind.bytes)
  }

  /** The upstream's own description, in Bind's formats. */
  fields(): Field[] {
    return this.#local.plan.fields.map((field, i) => ({
      ...field,
      format: formatAt(this.#local.formats, i)
    }))
  }

  /** @throws PgError, UpstreamError */
  async execute(c: Conversation, frame: Frame, rowsMax: number): Promise<void> {
    if (this.#isRelayed) return c.link.request('execute', frame.bytes)
    const result = await runLocal(c, this.#local, rowsMax)
    if ('error' in result) throw result.error
    if ('relay' in result) return this.#relay(c, frame, result.relay)
    c.output.write(
      result.complete ? commandComplete(`SELECT ${result.rows}`) : PORTAL_SUSPENDED
    )
  }

  async close(): Promise<void> {
    await this.#local.close()
  }

  async #relay(c: Conversation, frame: Frame, reason: string): Promise<void> {
    const { error } = await c.ask([{ kind: 'bind', bytes: this.#bind }])
    if (error) throw new UpstreamError(error, (position) => position)
    this.#isRelayed = true
    c.mutated()
    c.lastRoute = { to: 'relay', reason }
    c.link.request('execute', frame.bytes)
  }
}
