// Keeps a relation that mirrors its stream (a SOURCE) from holding what the stream has let go: looks
// where the stream begins by now, and what was deleted from its middle, and has the rows of these
// removed. Owns the looking; whoever removes rows owns what else that means.

import type { NatsConnection } from 'nats'

import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { NatsConnector, StreamPosition } from '../types/connector.ts'
import type { NatsConnections, NatsLease } from './connection.ts'
import { deletedSequences, streamInfo } from './jetstream.ts'
import type { StreamInfo } from './jetstream.ts'
import { isSameLife } from './stream-life.ts'

/** Removes the rows of deliveries before a sequence, and of these behind it. */
export type Trim = (first: number, deleted: readonly number[]) => Promise<void>

export interface TrimmerOptions {
  readonly connector: NatsConnector
  readonly connections: NatsConnections
  readonly log: Logger
}

export class Trimmer {
  readonly #options: TrimmerOptions
  readonly #trim: Trim
  readonly #position: () => StreamPosition
  #lease: NatsLease | undefined
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()
  /** Every row before this one, in this life of the stream, is gone, and none can come any more. */
  #trimmed: StreamPosition = { sequence: 0, created: '' }
  /** Deleted from the middle, and the rows are gone as well. */
  #gone: ReadonlySet<number> = new Set()
  /** How many deletions the stream counted when it was last asked which. */
  #deletions = 0

  /** @param position the last committed one */
  constructor(options: TrimmerOptions, trim: Trim, position: () => StreamPosition) {
    this.#options = options
    this.#trim = trim
    this.#position = position
  }

  start(): void {
    const { connections, connector } = this.#options
    this.#lease = connections.lease(connector, () => undefined)
    this.#plan()
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const lease = this.#lease
    this.#lease = undefined
    await this.#looking
    await lease?.release()
  }

  #plan(): void {
    this.#timer = setTimeout(() => {
      this.#looking = this.#look().catch((err: unknown) =>
        this.#options.log.debug({ err }, 'what the stream let go stays for now')
      )
      void this.#looking.then(() => {
        if (this.#lease) this.#plan()
      })
    }, limits.streamCheckMs)
  }

  async #look(): Promise<void> {
    const { connector } = this.#options
    const connection = this.#lease?.current
    if (!connection) return
    const info = await streamInfo(connection, connector.stream)
    // What was received before the look, and is committed after it, is behind this position.
    const before = this.#position()
    const { created } = before
    if (!isSameLife(info, created)) return
    if (created !== this.#trimmed.created) this.#gone = new Set()
    const first = info.state.first_seq
    const hasMoved = created !== this.#trimmed.created || first > this.#trimmed.sequence
    const known = hasMoved ? -1 : this.#deletions
    const deleted = await this.#deleted(connection, info, known)
    const fresh = deleted.filter((sequence) => !this.#gone.has(sequence))
    if (hasMoved || fresh.length > 0) await this.#trim(first, fresh)
    if (before.sequence >= first - 1) this.#trimmed = { sequence: first, created }
    this.#gone = new Set(deleted.filter((sequence) => sequence <= before.sequence))
    // Of one whose row is still to come, the next look must tell again.
    this.#deletions = this.#gone.size === deleted.length ? (info.state.num_deleted ?? 0) : -1
  }

  /** What was deleted from the middle of the stream; as it was, where the count is the known one. */
  async #deleted(
    connection: NatsConnection,
    { state }: StreamInfo,
    known: number
  ): Promise<readonly number[]> {
    const count = state.num_deleted ?? 0
    if (count === known) return [...this.#gone]
    if (count === 0 || count > limits.streamDeletionsMax) return []
    return deletedSequences(connection, this.#options.connector.stream)
  }
}
