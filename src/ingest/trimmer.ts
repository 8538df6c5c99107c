// Keeps a relation that mirrors its stream (a SOURCE) from holding what the stream has let go: looks
// where the stream begins by now, and has the rows before that removed. Owns the looking; whoever
// removes rows owns what else that means. Deletions from the middle of a stream it does not see.

import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import type { NatsConnector, StreamPosition } from '../types/connector.ts'
import type { NatsConnections, NatsLease } from './connection.ts'
import { streamInfo } from './jetstream.ts'

export interface TrimmerOptions {
  readonly connector: NatsConnector
  readonly connections: NatsConnections
  readonly log: Logger
}

export class Trimmer {
  readonly #options: TrimmerOptions
  readonly #trim: (first: number) => Promise<void>
  readonly #position: () => StreamPosition
  #lease: NatsLease | undefined
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> = Promise.resolve()
  /** Every row before this one, in this life of the stream, is gone, and none can come any more. */
  #trimmed: StreamPosition = { sequence: 0, created: '' }

  /**
   * @param trim removes the rows of deliveries before this sequence
   * @param position the last committed one
   */
  constructor(
    options: TrimmerOptions,
    trim: (first: number) => Promise<void>,
    position: () => StreamPosition
  ) {
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
    const { created, state } = await streamInfo(connection, connector.stream)
    // What was received before the look, and is committed after it, is behind this position.
    const before = this.#position()
    if (created !== before.created) return
    const first = state.first_seq
    if (created === this.#trimmed.created && first <= this.#trimmed.sequence) return
    await this.#trim(first)
    if (before.sequence >= first - 1) this.#trimmed = { sequence: first, created }
  }
}
