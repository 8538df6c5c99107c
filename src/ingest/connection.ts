// NATS connections: one for each set of servers and credentials, shared by all relations that name
// it, opened by the first and closed by the last. Owns reconnecting, also where nats.js gives up.
// Must never know streams, consumers or relations.

import { setTimeout as sleep } from 'node:timers/promises'

import { connect, Events, NatsError } from 'nats'
import type { NatsConnection } from 'nats'

import type { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { NatsConnector } from '../types/connector.ts'
import { connectionKey, connectOptions } from './connect-options.ts'
import { natsFailure, serverNames } from './nats-errors.ts'

/** One user's hold on a shared connection. */
export interface NatsLease {
  /** The connection while it is up. */
  readonly current: NatsConnection | undefined
  /** Why it isn't up; undefined while it is, or before the first attempt ended. */
  readonly lastError: PgError | undefined
  release(): Promise<void>
}

/** All NATS connections of this process. */
export class NatsConnections {
  readonly #log: Logger
  readonly #shared = new Map<string, SharedConnection>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** @param onChange called, never before this returns, whenever the connection came up or went. */
  lease(connector: NatsConnector, onChange: () => void): NatsLease {
    const key = connectionKey(connector)
    const shared = this.#shared.get(key) ?? this.#open(key, connector)
    shared.listeners.add(onChange)
    return {
      get current() {
        return shared.current
      },
      get lastError() {
        return shared.lastError
      },
      release: () => this.#release(key, shared, onChange)
    }
  }

  /** Each connection, and why it isn't up. */
  states(): { readonly servers: string; readonly isUp: boolean; readonly error?: string }[] {
    return [...this.#shared.values()].map(({ servers, current, lastError }) => ({
      servers,
      isUp: current !== undefined,
      ...(lastError && { error: lastError.message })
    }))
  }

  /** How many connections are held open. */
  get size(): number {
    return this.#shared.size
  }

  async close(): Promise<void> {
    const all = [...this.#shared.values()]
    this.#shared.clear()
    await Promise.all(all.map((shared) => shared.close()))
  }

  #open(key: string, connector: NatsConnector): SharedConnection {
    const shared = new SharedConnection(connector, this.#log)
    this.#shared.set(key, shared)
    return shared
  }

  async #release(key: string, shared: SharedConnection, listener: () => void): Promise<void> {
    if (!shared.listeners.delete(listener) || shared.listeners.size > 0) return
    if (this.#shared.get(key) === shared) this.#shared.delete(key)
    await shared.close()
  }
}

class SharedConnection {
  readonly listeners = new Set<() => void>()
  readonly #connector: NatsConnector
  readonly #log: Logger
  readonly #closing = new AbortController()
  readonly #running: Promise<void>
  #connection: NatsConnection | undefined
  #up = false
  #lastError: PgError | undefined

  constructor(connector: NatsConnector, log: Logger) {
    this.#connector = connector
    this.#log = log.child({ nats: serverNames(connector) })
    this.#running = this.#run()
  }

  get current(): NatsConnection | undefined {
    return this.#up ? this.#connection : undefined
  }

  get lastError(): PgError | undefined {
    return this.#lastError
  }

  /** For messages: without what may be secret. */
  get servers(): string {
    return serverNames(this.#connector)
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#connection?.close()
    await this.#running
  }

  /** nats.js reconnects by itself; the loop is for first attempts and for when it gives up. */
  async #run(): Promise<void> {
    for (let failures = 0; !this.#closing.signal.aborted; failures++) {
      const connection = await this.#connect()
      if (connection) {
        failures = 0
        await this.#use(connection)
      }
      await this.#delay(failures)
    }
  }

  async #connect(): Promise<NatsConnection | undefined> {
    try {
      return await connect(connectOptions(this.#connector))
    } catch (error) {
      this.#fail(natsFailure(error, this.#connector))
      return undefined
    }
  }

  async #use(connection: NatsConnection): Promise<void> {
    if (this.#closing.signal.aborted) return connection.close()
    this.#connection = connection
    this.#change(true)
    // Not awaited: the iterator of a closed connection falls silent, it does not end.
    void this.#watch(connection)
    const error = await connection.closed()
    this.#connection = undefined
    if (error) this.#lastError = natsFailure(error, this.#connector)
    this.#change(false)
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type === Events.Reconnect) this.#change(true)
      if (status.type === Events.Disconnect) this.#change(false)
      if (status.type === Events.Error && !this.#up) this.#refused(status.data)
    }
  }

  /** While nats.js reconnects it tells only here that the server does not want us. */
  #refused(code: unknown): void {
    const error = new NatsError('refused', typeof code === 'string' ? code : '')
    if (error.isAuthError()) this.#fail(natsFailure(error, this.#connector))
  }

  #fail(error: PgError): void {
    const repeated = this.#lastError?.message === error.message
    this.#lastError = error
    if (!repeated) this.#log.warn({ err: error, detail: error.detail }, 'NATS connection failed')
    this.#notify()
  }

  #change(up: boolean): void {
    if (up === this.#up) return
    this.#up = up
    if (up) this.#lastError = undefined
    if (!this.#closing.signal.aborted) {
      this.#log.info({ up }, up ? 'NATS connection is up' : 'NATS connection is down')
    }
    this.#notify()
  }

  #notify(): void {
    for (const listener of this.listeners) listener()
  }

  async #delay(failures: number): Promise<void> {
    const ms = Math.min(limits.natsReconnectDelayMs * 2 ** failures, limits.retryDelayMsMax)
    await sleep(ms, undefined, { signal: this.#closing.signal }).catch(() => undefined)
  }
}
