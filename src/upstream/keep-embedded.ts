// Keeps the embedded Postgres running: one that ends by itself (killed, out of memory) is started
// again at the same place, until it is asked to stop.

import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import { startEmbedded } from './embedded.ts'
import type { EmbeddedOptions, EmbeddedPostgres } from './embedded.ts'

export class KeptPostgres {
  readonly #options: EmbeddedOptions
  readonly #log: Logger
  #current: EmbeddedPostgres
  #isStopping = false
  #retry: NodeJS.Timeout | undefined
  /** A start under way, to be waited for by `stop`. */
  #starting: Promise<void> | undefined

  private constructor(options: EmbeddedOptions, current: EmbeddedPostgres) {
    this.#options = options
    this.#log = options.log
    this.#current = current
    this.#watch()
  }

  /** @throws Error when the first start fails */
  static async start(options: EmbeddedOptions): Promise<KeptPostgres> {
    return new KeptPostgres(options, await startEmbedded(options))
  }

  get current(): EmbeddedPostgres {
    return this.#current
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    clearTimeout(this.#retry)
    await this.#starting
    await this.#current.stop()
  }

  #watch(): void {
    void this.#current.exited.then((how) => {
      if (this.#isStopping) return
      this.#log.error({ how }, 'embedded postgres ended by itself')
      this.#starting = this.#again()
    })
  }

  async #again(): Promise<void> {
    try {
      this.#current = await startEmbedded(this.#options)
      this.#watch()
    } catch (err) {
      this.#log.error({ err }, 'embedded postgres could not be started again')
      this.#retry = setTimeout(() => {
        this.#starting = this.#again()
      }, limits.embeddedRetryMs)
    }
  }
}
