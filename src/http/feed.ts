// The page's live feed: server-sent events for everybody who looks, made once for all of them, and the
// samples of the last hour behind its curves. Nobody looking costs one sample every ten seconds.

import type { ServerResponse } from 'node:http'

import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import { History } from './history.ts'
import type { Sample } from './history.ts'
import { overview } from './overview.ts'
import type { Watched } from './overview.ts'
import { countRows } from './relation-detail.ts'

const SAMPLE_SECONDS = 10

export class Feed {
  readonly #watched: Watched
  readonly #log: Logger
  readonly #history = new History(SAMPLE_SECONDS)
  readonly #viewers = new Set<ServerResponse>()
  readonly #timers: readonly NodeJS.Timeout[]
  #rows: ReadonlyMap<number, number> = new Map()
  #isBusy = false

  constructor(watched: Watched, log: Logger) {
    this.#watched = watched
    this.#log = log
    this.#sample()
    this.#timers = [
      setInterval(() => this.#sample(), SAMPLE_SECONDS * 1_000).unref(),
      setInterval(() => this.#tell(), limits.statusFeedMs).unref()
    ]
  }

  /** Sends events until the other side leaves. False: too many are looking. */
  async show(response: ServerResponse): Promise<boolean> {
    if (this.#viewers.size >= limits.statusViewersMax) return false
    this.#viewers.add(response)
    response.on('close', () => this.#viewers.delete(response))
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    await this.#count()
    response.write(event('overview', await overview(this.#watched, this.#rows)))
    response.write(event('history', this.#histories()))
    return true
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    for (const response of this.#viewers) response.destroy()
  }

  #sample(): void {
    const samples = new Map<number, Sample>()
    for (const relation of this.#watched.catalog.relations().slice(0, limits.relationsShownMax)) {
      const { received = 0, lag } = relation.status() ?? {}
      samples.set(relation.id, { received, lag })
    }
    this.#history.add(samples)
    if (this.#viewers.size > 0)
      void this.#count().then(() => this.#send('history', this.#histories()))
  }

  async #count(): Promise<void> {
    const { catalog, store } = this.#watched
    try {
      this.#rows = await countRows(catalog.relations().slice(0, limits.relationsShownMax), store)
    } catch (err) {
      this.#log.debug({ err }, 'rows could not be counted for the status page')
    }
  }

  #histories(): object {
    const relations = this.#watched.catalog.relations()
    return Object.fromEntries(relations.map(({ id }) => [id, this.#history.of(id)]))
  }

  #tell(): void {
    if (this.#viewers.size === 0 || this.#isBusy) return
    this.#isBusy = true
    overview(this.#watched, this.#rows)
      .then((now) => this.#send('overview', now))
      .catch((err: unknown) => this.#log.debug({ err }, 'no overview for the status page'))
      .finally(() => (this.#isBusy = false))
  }

  /** Who doesn't read what came before gets no more of it. */
  #send(name: string, data: object): void {
    const text = event(name, data)
    for (const response of this.#viewers) if (!response.writableNeedDrain) response.write(text)
  }
}

const event = (name: string, data: object): string =>
  `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
