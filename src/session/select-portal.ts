// A portal of a SELECT answered here, as the extended protocol sees it: row limits, suspension, and
// the way back to the upstream while no row has been sent. One with a name is bound upstream too,
// though never executed there: its name is taken, CLOSE and ROLLBACK TO end it, pg_cursors shows it.

import { inFailedTransaction, invalidCursorName } from '../errors.ts'
import { NO_DATA, PORTAL_SUSPENDED, selected } from '../wire/backend.ts'
import type { Ask } from '../upstream/exchange.ts'
import type { Frame } from '../wire/frames.ts'
import { frontend } from '../wire/frontend.ts'
import type { Conversation } from './conversation.ts'
import { askOnce, textRowsOf } from './facts.ts'
import type { LocalPortal, RunResult } from './local-portal.ts'
import { answerNow, runLocal } from './local-run.ts'
import type { PreparedSelect } from './prepared-select.ts'
import { UpstreamError } from './upstream-error.ts'

const IS_OPEN = 'SELECT name FROM pg_catalog.pg_cursors WHERE name = $1'

export class SelectPortal {
  readonly #name: string
  /** The statement. */
  readonly #local: LocalPortal
  /** The client's Bind, kept back in case the statement must be relayed. */
  readonly #bind: Buffer
  readonly #statement: PreparedSelect
  /** The upstream has a portal of this name. */
  #isHeld = false
  /** The session's epoch in which it was last known to be open upstream. */
  #epoch = -1
  #isRelayed = false
  /** Rows the client has had from here, and whether there were no more. */
  #rows = 0
  #isAtEnd = false

  constructor(name: string, local: LocalPortal, bind: Frame, statement: PreparedSelect) {
    this.#statement = statement
    this.#name = name
    this.#local = local
    this.#bind = bind.bytes
  }

  get isHeld(): boolean {
    return this.#isHeld
  }

  /**
   * Binds it upstream where it has a name; without its live child a relation can't be planned there.
   * @throws UpstreamError 42P03 and whatever else a Bind may meet
   */
  async hold(c: Conversation): Promise<void> {
    if (this.#name === '' || !this.#local.plan.relations.every(({ hasChild }) => hasChild)) return
    await this.bindUpstream(c)
  }

  /** @throws PgError 25P02, 34000: what SQL has done since may have ended it */
  async checkOpen(c: Conversation): Promise<void> {
    if (this.#isRelayed) return
    if (c.hasFailed) throw inFailedTransaction()
    if (!this.#isHeld || this.#epoch === c.epoch) return
    const { frames, error } = await c.ask(askOnce(IS_OPEN, [this.#name]))
    if (error) throw new UpstreamError(error)
    if (textRowsOf(frames).length === 0) {
      throw invalidCursorName(`portal "${this.#name}" does not exist`)
    }
    this.#epoch = c.epoch
  }

  /** The upstream's own RowDescription, in Bind's formats. */
  get description(): Buffer {
    return this.#local.plan.fields.length === 0 ? NO_DATA : this.#local.description
  }

  /** Nothing of it is sent, and the upstream knows nothing of it. */
  get mayRelay(): boolean {
    return !this.#isRelayed && !this.#isHeld && !this.#local.hasSent
  }

  describeNow(c: Conversation): boolean {
    c.output.write(this.description)
    return true
  }

  /** Answers at once where that is possible; else false. */
  executeNow(c: Conversation, rowsMax: number): boolean {
    const result = this.#isRelayed ? undefined : answerNow(c, this.#local, rowsMax)
    if (result) this.#complete(c, result)
    return result !== undefined
  }

  /** @throws PgError, UpstreamError */
  async execute(c: Conversation, frame: Frame, rowsMax: number): Promise<void> {
    if (this.#isRelayed) return c.link.request('execute', frame.bytes)
    const result = await runLocal(c, this.#local, this.#statement.text, rowsMax)
    if ('error' in result) throw result.error
    if ('relay' in result) return this.#relay(c, frame, result.relay)
    this.#complete(c, result)
  }

  #complete(c: Conversation, { rows, complete }: RunResult): void {
    this.#rows += rows
    this.#isAtEnd ||= complete
    c.output.write(complete ? selected(rows) : PORTAL_SUSPENDED)
  }

  /** Some of its rows were read here, and there may be more. */
  get isPartlyRead(): boolean {
    return this.#rows > 0 && !this.#isAtEnd && !this.#isRelayed
  }

  /** Reads up to so many rows that nobody gets; returns how many there were. @throws PgError, UpstreamError */
  async skip(c: Conversation, rows: number): Promise<number> {
    this.#local.passRows(() => Buffer.alloc(0))
    const result = await runLocal(c, this.#local, this.#statement.text, rows)
    this.#local.passRows((frames) => frames)
    if ('error' in result) throw result.error
    if ('relay' in result) throw new Error(result.relay)
    this.#rows += result.rows
    this.#isAtEnd ||= result.complete
    return result.rows
  }

  /** SQL could move the upstream's portal of this name, which still stands before its first row. */
  get isBehind(): boolean {
    return this.#isHeld && !this.#isRelayed
  }

  /** From here on it is the upstream's, brought to where it was read here. @throws UpstreamError */
  async handOver(c: Conversation, end: 'flush' | 'sync'): Promise<void> {
    const { error } = await c.link.exchange(this.#catchUp(), end, (frame) => void frame)
    if (error) throw new UpstreamError(error)
    this.#isRelayed = true
    await this.#local.close()
  }

  /**
   * The upstream's rows come in an order of their own, and of a later moment: read on behind some of
   * these, they would be some twice and some never. It is closed then, and FETCH finds none.
   */
  #catchUp(): Ask[] {
    const name = this.#name
    if (this.#isAtEnd)
      return [{ kind: 'execute', bytes: frontend.execute({ portal: name, rows: 0 }) }]
    return this.#rows > 0 ? [{ kind: 'close', bytes: frontend.close({ type: 'P', name }) }] : []
  }

  /** Without a promise where nothing is held. */
  close(): Promise<void> | undefined {
    return this.#local.close()
  }

  async #relay(c: Conversation, frame: Frame, reason: string): Promise<void> {
    if (!this.#isHeld) await this.bindUpstream(c)
    this.#isRelayed = true
    c.mutated()
    c.lastRoute = { to: 'relay', reason }
    c.link.request('execute', frame.bytes)
  }

  /** @throws UpstreamError */
  async bindUpstream(c: Conversation): Promise<void> {
    await this.#statement.parseUpstream(c)
    if (this.#name === '') c.hasUnnamed = true
    const { error } = await c.ask([{ kind: 'bind', bytes: this.#bind }])
    if (error) throw new UpstreamError(error, (position) => position)
    this.#isHeld = true
    this.#epoch = c.epoch
  }
}
