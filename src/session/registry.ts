// Who is connected: cancel keys and upstream backends, both mapped to sessions; and what sessions must
// know of each other. No behaviour.

import type { Consistency } from '../catalog/relation.ts'
import type { Endpoint } from '../upstream/target.ts'

/** What may be shown of a session. */
export interface SessionView {
  /** Of its upstream backend. */
  readonly pid: number
  readonly user: string
  readonly database: string
  readonly application: string
  readonly isBusy: boolean
  /** How its last statement was answered. */
  readonly lastRoute: string
  readonly messages: number
  /** The text that came last, as far as it is known. */
  readonly query: string
  /** Unix time in milliseconds. */
  readonly startedAt: number
}

/** What others may do with a session. */
export interface RegisteredSession {
  /** Stops what the session runs locally. False when it runs nothing here. */
  cancelLocal(): boolean
  /** The server that its upstream connection leads to. */
  readonly endpoint: Endpoint | undefined
  /** Changes with every message: tells whether the session is still at what it was at. */
  readonly messages: number
  /** The isolation level of its open transaction, as last heard. */
  readonly isolation: string
  /** Its jetgres.consistency, as last heard. */
  readonly consistency: Consistency
  /** Its open transaction has written to a relation: only the upstream knows what is in that. */
  wrote(relationId: number): void
  view(): SessionView
}

export class SessionRegistry {
  #schemaChanges = 0
  readonly #byPid = new Map<number, { secret: Buffer; session: RegisteredSession }>()

  add(pid: number, secret: Buffer, session: RegisteredSession): void {
    this.#byPid.set(pid, { secret, session })
  }

  remove(pid: number, session: RegisteredSession): void {
    if (this.#byPid.get(pid)?.session === session) this.#byPid.delete(pid)
  }

  /** The session a CancelRequest means; a wrong secret means nobody. */
  byKey(pid: number, secret: Buffer): RegisteredSession | undefined {
    const entry = this.#byPid.get(pid)
    return entry?.secret.equals(secret) ? entry.session : undefined
  }

  /** The session whose upstream backend has this pid. */
  byPid(pid: number): RegisteredSession | undefined {
    return this.#byPid.get(pid)?.session
  }

  /**
   * Counts what sessions have committed that may change names or privileges for the others. Not all
   * of it is seen: a plan goes out of date by itself as well.
   */
  get schemaChanges(): number {
    return this.#schemaChanges
  }

  schemaChanged(): void {
    this.#schemaChanges++
  }

  /** The first so many, oldest first. */
  sessions(limit: number): SessionView[] {
    return [...this.#byPid.values()].slice(0, limit).map(({ session }) => session.view())
  }

  get size(): number {
    return this.#byPid.size
  }
}
