// WITH (wait = 'caught_up'): the end of the transaction that made a relation is told to the client only
// when the relation has what its stream held then. Says by NOTICE how far it is. To be told to stop is
// no failure: the relation has been made, so it is a WARNING, as in Postgres's wait for a standby.

import { untilCaughtUp } from '../catalog/catch-up.ts'
import type { CatchUpEnd } from '../catalog/catch-up.ts'
import type { Relation } from '../catalog/relation.ts'
import { limits } from '../limits.ts'
import { notice, warning } from '../wire/backend.ts'
import type { Conversation } from './conversation.ts'
import type { StopReason } from './local-portal.ts'

const GOES_ON = 'The relation has been made and goes on catching up: see jetgres.relations.'

export class CatchUpWait {
  readonly #c: Conversation
  readonly #relation: Relation
  readonly #stopping = new AbortController()
  #stopped: StopReason | undefined
  #noticeTimer: NodeJS.Timeout | undefined

  constructor(c: Conversation, relation: Relation) {
    this.#c = c
    this.#relation = relation
  }

  stop(reason: StopReason): void {
    this.#stopped ??= reason
    this.#stopping.abort()
  }

  /** Never rejects. `timeoutMs` is statement_timeout; 0: none. */
  async run(timeoutMs: number): Promise<void> {
    const { catalog } = this.#c.context
    const isThere = (): boolean => catalog.byId(this.#relation.id) === this.#relation
    const limitMs = Math.min(timeoutMs > 0 ? timeoutMs : Infinity, limits.catchUpWaitMs)
    const timer = setTimeout(() => this.stop('statement timeout'), limitMs)
    this.#noticeLater(limits.progressNoticeMsMin)
    const { signal } = this.#stopping
    const aborted = new Promise<CatchUpEnd>((resolve) => {
      signal.addEventListener('abort', () => resolve('stopped'), { once: true })
    })
    const end = await Promise.race([untilCaughtUp(this.#relation, isThere, signal), aborted])
    clearTimeout(timer)
    clearTimeout(this.#noticeTimer)
    this.#stopping.abort()
    this.#tell(end)
  }

  #tell(end: CatchUpEnd): void {
    const { output } = this.#c
    const { label } = this.#relation
    if (output.closed) return
    if (end === 'stalled') {
      const { lastError = '' } = this.#relation.status() ?? {}
      output.write(warning(`relation "${label}" cannot catch up: ${lastError}`, GOES_ON))
    } else if (this.#stopped) {
      const why = `due to ${this.#stopped}`
      output.write(warning(`canceling the wait for relation "${label}" ${why}`, GOES_ON))
    }
  }

  /** Soon at first, then ever more rarely: a long catch-up must not fill the screen. */
  #noticeLater(ms: number): void {
    this.#noticeTimer = setTimeout(() => {
      if (!this.#c.output.closed) this.#c.output.write(notice(progressOf(this.#relation)))
      this.#noticeLater(Math.min(2 * ms, limits.progressNoticeMsMax))
    }, ms)
  }
}

function progressOf(relation: Relation): string {
  const { state = 'waiting', progress, lag, secondsLeft } = relation.status() ?? {}
  const facts = [
    state,
    ...(progress === undefined ? [] : [`${progress} %`]),
    ...(lag === undefined ? [] : [`${lag} deliveries to go`]),
    ...(secondsLeft === undefined ? [] : [`about ${Math.ceil(secondsLeft)} s left`])
  ]
  return `relation "${relation.label}": ${facts.join(', ')}`
}
