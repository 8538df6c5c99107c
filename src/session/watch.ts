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
const waitBy = (locks: string): string => `SELECT pg_catalog.set_config('lock_timeout', '0', true),
  ${locks},
  pg_catalog.set_config('lock_timeout', s.own, true)
FROM (SELECT pg_catalog.current_setting('lock_timeout') AS own OFFSET 0) s`

/**
 * Where the lock ends with the statement's own transaction, whatever happens to that. In a block it
 * would stay until the block's end, once for each SELECT; there it is let go, unless a cancel comes
 * between the two: then the session keeps the lock of a gate that is never shut again.
 */
const WAIT = waitBy('pg_catalog.pg_advisory_xact_lock_shared($1::pg_catalog.int8)')
const WAIT_IN_BLOCK = waitBy(`pg_catalog.pg_advisory_lock_shared($1::pg_catalog.int8),
  pg_catalog.pg_advisory_unlock_shared($1::pg_catalog.int8)`)

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
      const wait = this.#c.inTransaction ? WAIT_IN_BLOCK : WAIT
      const { error } = await this.#c.ask(askOnce(shown(this.#text) + wait, [gate.key], PRIVATE))
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
