// While a SELECT runs here for long, the session's backend waits beside it, at a gate: so whatever is
// done to the backend (pg_cancel_backend, pg_terminate_backend, its own time limits) reaches the
// SELECT, and pg_stat_activity shows it. Owns that wait; the SELECT itself is local-run.ts's.

import { limits } from '../limits.ts'
import type { Gate } from '../upstream/gates.ts'
import type { Conversation } from './conversation.ts'
import { askOnce } from './facts.ts'
import type { LocalPortal } from './local-portal.ts'
import { UpstreamError } from './upstream-error.ts'

const PRIVATE = 'jetgres watch'

/** lock_timeout is about locks that the client asked for. */
const WAIT = `SELECT pg_catalog.set_config('lock_timeout', '0', true),
  pg_catalog.pg_advisory_lock_shared($1::pg_catalog.int8),
  pg_catalog.pg_advisory_unlock_shared($1::pg_catalog.int8),
  pg_catalog.set_config('lock_timeout', s.own, true)
FROM (SELECT pg_catalog.current_setting('lock_timeout') AS own OFFSET 0) s`

export class Watch {
  readonly #c: Conversation
  readonly #portal: LocalPortal
  readonly #text: string
  readonly #timer: NodeJS.Timeout
  #isOver = false
  #waiting: Promise<void> | undefined
  #gate: Gate | undefined
  #error: UpstreamError | undefined

  constructor(c: Conversation, portal: LocalPortal, text: string) {
    this.#c = c
    this.#portal = portal
    this.#text = text
    const begin = (): void => void (this.#waiting = this.#wait())
    this.#timer = setTimeout(begin, limits.watchAfterMs)
  }

  /** Resolves when the backend waits no more, to what it was told meanwhile, if anything. */
  async end(): Promise<UpstreamError | undefined> {
    this.#isOver = true
    clearTimeout(this.#timer)
    if (!this.#waiting) return undefined
    await this.#gate?.open()
    await this.#waiting
    return this.#error
  }

  /** Never rejects: a SELECT without its watch is still right. */
  async #wait(): Promise<void> {
    const { context, identity, link } = this.#c
    try {
      const gate = await context.maintenance.database(identity.database).gates.shut()
      if (this.#isOver) return await gate.open()
      this.#gate = gate
      const { error } = await this.#c.ask(askOnce(shown(this.#text) + WAIT, [gate.key], PRIVATE))
      if (!error) return
      this.#error = new UpstreamError(error)
      this.#portal.stop('upstream')
    } catch (err) {
      if (!link.closed) context.log.debug({ err }, 'a local statement goes on unwatched')
    }
  }
}

/** The client's statement, for pg_stat_activity. */
function shown(text: string): string {
  const inside = text.slice(0, limits.watchedSqlCharsShown).replaceAll(/\*(?=\/)|\/(?=\*)/g, '$& ')
  return `/* ${inside} */ `
}
