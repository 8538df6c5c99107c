// What a session's parts share while they answer: the link, the output, what is known of the
// session, and the rules by which a local answer takes its place among relayed ones.

// The global one is looked up by a call, each time.
import { performance } from 'node:perf_hooks'

import { toPgError } from '../errors.ts'
import type { Consistency, Relation } from '../catalog/relation.ts'
import type { Ask, ExchangeResult } from '../upstream/exchange.ts'
import type { Link } from '../upstream/link.ts'
import type { SocketOutput } from '../upstream/socket-output.ts'
import { encodeErrorFields, errorResponse } from '../wire/backend.ts'
import { frontend } from '../wire/frontend.ts'
import type { Route, SessionContext } from './context.ts'
import { CatchUpWait } from './catch-up-wait.ts'
import type { LocalPortal, StopReason } from './local-portal.ts'
import { Overloads } from './overloads.ts'
import { UpstreamError } from './upstream-error.ts'

/** What the client said of itself at the start. */
export interface Identity {
  readonly user: string
  readonly database: string
  /** pg_dump, by the name it gives itself. */
  readonly isDump: boolean
}

/** Binding it can only fail, and says in the upstream's log why. */
const NO_SUCH_STATEMENT = 'jetgres: the statement failed before it reached Postgres'

/** What sets a level: BEGIN, SET TRANSACTION, SET SESSION CHARACTERISTICS, a setting. All short. */
const ISOLATION = /repeatable|serializable/i
const ISOLATION_TEXT_CHARS = 500

/** What changes names or privileges for other sessions, where it begins a text. */
const SCHEMA_CHANGE = /^\s*(?:alter|create|drop|grant|reassign|revoke|truncate)\b/i

const RELAY: Route = { to: 'relay' }

export class Conversation {
  readonly link: Link
  readonly output: SocketOutput
  readonly context: SessionContext
  readonly identity: Identity
  /** Last heard; '' until asked in this transaction. */
  isolation = ''
  consistency: Consistency = 'received'
  /** Of its upstream backend, as logs and the status page name the session; 0 before it is let in. */
  pid = 0
  /** The text that came last, as far as it is known; for the list of slow statements alone. */
  text = ''
  readonly overloads = new Overloads()
  /** Why the portal bound last is not answered here, when it names a relation. */
  relayReason: string | undefined
  /** The upstream may have an unnamed statement or portal, which a simple query ends. */
  hasUnnamed = false
  /** Relations that the open transaction has written to. */
  readonly written = new Set<number>()
  /** Counts what may have changed settings, names or privileges. */
  #epoch = 0
  /** Inside Parse…Sync. */
  #inBatch = false
  #lastRoute: Route = { to: 'relay' }
  /** When the statement in hand was relayed (performance.now). */
  #relayedAt: number | undefined
  /** The local SELECT that runs now. */
  #running: LocalPortal | undefined
  /** The wait for a relation that the client asked for. */
  #waiting: CatchUpWait | undefined
  /** Relations made or altered in the transaction that is open. */
  #made: Relation[] = []
  /** What a commit of it allows, run when the twins have been looked at. */
  #afterwards: (() => Promise<void>)[] = []
  /** A relation was made, dropped or altered: look at the twins when the transaction is over. */
  #touchedCatalog = false
  #onIdle: (() => void)[] = []
  /** The session has asked for REPEATABLE READ or SERIALIZABLE at least once. */
  #mayRepeat = false
  /** The transaction, or statement, in hand may change what other sessions know. */
  #changesSchema = false

  constructor(link: Link, output: SocketOutput, context: SessionContext, identity: Identity) {
    this.link = link
    this.output = output
    this.context = context
    this.identity = identity
  }

  get lastRoute(): Route {
    return this.#lastRoute
  }

  /** Set once for each statement, when its way is known. */
  set lastRoute(route: Route) {
    this.#lastRoute = route
    this.context.activity.routed(route)
    if (route.to === 'relay') this.#relayedAt ??= performance.now()
  }

  get epoch(): number {
    return this.#epoch
  }

  get inTransaction(): boolean {
    return this.link.status === 'T'
  }

  get hasFailed(): boolean {
    return this.link.status === 'E'
  }

  /** A simple query of ours takes its turn at once, and changes nothing upstream. */
  get isUndisturbed(): boolean {
    return this.link.isQuiet && !this.hasUnnamed && !this.hasFailed
  }

  /** Changes with anything done, here or by another session, that plans may depend on: a sum of counts. */
  get planEpoch(): number {
    return this.#epoch + this.context.registry.schemaChanges
  }

  /** Something is relayed that may change what was known of the session. */
  mutated(): void {
    this.#epoch++
  }

  /** An Execute is relayed. */
  executed(): void {
    this.mutated()
    this.lastRoute =
      this.relayReason === undefined ? RELAY : { to: 'relay', reason: this.relayReason }
  }

  batchStarted(): void {
    this.#inBatch = true
  }

  batchEnded(): void {
    this.#inBatch = false
  }

  /** Called when the transaction, if any, is over. */
  onIdle(listener: () => void): void {
    this.#onIdle.push(listener)
  }

  /** An exchange that leaves the client's batch or transaction open. */
  ask(asks: readonly Ask[]): Promise<ExchangeResult> {
    return this.link.exchange(asks, 'flush')
  }

  /** Ends a request of ours outside any batch; afterwards `link.status` is true again. */
  async finish(): Promise<void> {
    await this.link.exchange([], 'sync')
    await this.afterRequest(this.link.status)
  }

  /**
   * Notes a text that is relayed: after one that asks for another isolation level, a
   * transaction that isn't known to be READ COMMITTED is taken to keep its first snapshot.
   */
  sawRelayed(text: string): void {
    this.#mayRepeat ||= text.length < ISOLATION_TEXT_CHARS && ISOLATION.test(text)
    this.#changesSchema ||= SCHEMA_CHANGE.test(text)
  }

  /** What the back channel takes the open transaction's level for. */
  get assumedIsolation(): string {
    if (this.isolation === '' && this.#mayRepeat) return 'repeatable read'
    return this.isolation
  }

  /** What was just learnt of the session; the back channel goes by it too. */
  heard(facts: { readonly isolation: string; readonly consistency: Consistency }): void {
    this.isolation = facts.isolation
    this.consistency = facts.consistency
  }

  /** Tells the client of an error and makes the upstream's transaction fail with it. */
  async report(error: unknown): Promise<void> {
    if (error instanceof UpstreamError)
      return void this.output.write(encodeErrorFields(error.fields))
    // The upstream's own last words have gone to the client.
    if (this.link.closed) return
    const pgError = toPgError(error)
    if (pgError.code === 'XX000') this.context.log.error({ err: error }, 'internal error')
    if (!this.link.closed && !this.link.skipping && (this.#inBatch || this.inTransaction)) {
      await this.ask([
        { kind: 'bind', bytes: frontend.bind({ statement: NO_SUCH_STATEMENT, values: [] }) }
      ])
    }
    this.output.write(errorResponse(pgError))
  }

  get isRunning(): boolean {
    return this.#running !== undefined
  }

  running(portal: LocalPortal | undefined): void {
    this.#running = portal
  }

  /** Stops the local SELECT in hand, or the wait; false when there is none. */
  stopLocal(reason: StopReason): boolean {
    const work = this.#running ?? this.#waiting
    work?.stop(reason)
    return work !== undefined
  }

  /** The client waits for a relation that its transaction has made. */
  get isWaiting(): boolean {
    return this.#waiting !== undefined
  }

  /** Has the client wait for a relation when the transaction that makes it has ended. */
  waitFor(relation: Relation, timeoutMs: number): void {
    this.afterwards(async () => {
      if (!relation.isActive || this.output.closed || this.link.closed) return
      this.#waiting = new CatchUpWait(this, relation)
      await this.#waiting.run(timeoutMs)
      this.#waiting = undefined
    })
  }

  /** The open transaction has made or altered relations. */
  get hasDefined(): boolean {
    return this.#made.length > 0
  }

  made(relation: Relation): void {
    this.#depend(relation)
  }

  /** Its twin was altered in the transaction that is open. */
  altered(relation: Relation): void {
    relation.isAltering = true
    this.#depend(relation)
  }

  #depend(relation: Relation): void {
    this.#made.push(relation)
    this.context.catalog.setOpen(relation, true)
    this.#touchedCatalog = true
  }

  touchedCatalog(): void {
    this.#touchedCatalog = true
  }

  /** Puts work off until the transaction has ended; it must look itself how that went. */
  afterwards(work: () => Promise<void>): void {
    this.#afterwards.push(work)
    this.#touchedCatalog = true
  }

  /**
   * A ReadyForQuery is due with this status. When that ends a transaction, what depended on it is
   * settled first: the promise, if any, holds the client's ReadyForQuery back.
   */
  afterRequest(status: string): Promise<void> | undefined {
    if (this.#relayedAt !== undefined) this.#relayEnded(this.#relayedAt)
    if (status !== 'I') return undefined
    this.isolation = ''
    if (this.written.size > 0) this.written.clear()
    if (this.#changesSchema) this.context.registry.schemaChanged()
    this.#changesSchema = false
    for (const listener of this.#onIdle) listener()
    return this.#touchedCatalog ? this.#settle() : undefined
  }

  #relayEnded(since: number): void {
    this.#relayedAt = undefined
    this.context.activity.took('relay', performance.now() - since, this.text, this.pid)
  }

  /** The client is gone: what it left open was rolled back. */
  async closed(): Promise<void> {
    for (const listener of this.#onIdle) listener()
    if (this.#touchedCatalog) await this.#settle()
  }

  async #settle(): Promise<void> {
    const [made, afterwards] = [this.#made, this.#afterwards]
    this.#made = []
    this.#afterwards = []
    this.#touchedCatalog = false
    const { catalog, log } = this.context
    for (const relation of made) catalog.setOpen(relation, false)
    try {
      await catalog.reconcile(this.identity.database)
      for (const work of afterwards) await work()
    } catch (err) {
      log.warn({ err }, 'twins could not be looked at; tried again soon')
    }
  }
}
