// What a client that is let in asks for: who answers each of its frames. The decisions are
// inspect.ts's and plan.ts's, the local answers extended.ts's and simple.ts's.
// Must never re-encode what it relays, and knows nothing of how a session starts or ends.

import { PgError } from '../errors.ts'
import { readyForQuery } from '../wire/backend.ts'
import { HEADER_BYTES } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'
import { decodeQuery } from '../wire/frontend.ts'
import type { Conversation } from './conversation.ts'
import { Extended } from './extended.ts'
import { FLUSH_BYTES, REQUESTS, TYPE } from './frame-types.ts'
import { PassThrough } from './pass-through.ts'
import { Simple } from './simple.ts'

export class Requests {
  readonly #c: Conversation
  readonly #simple: Simple
  readonly #extended: Extended
  readonly #passThrough: PassThrough
  #hasTerminated = false

  constructor(conversation: Conversation) {
    this.#c = conversation
    this.#simple = new Simple(conversation)
    this.#extended = new Extended(conversation)
    this.#passThrough = new PassThrough(conversation)
  }

  /** The client has said that it wants no more answers. */
  get hasTerminated(): boolean {
    return this.#hasTerminated
  }

  /** Frames that were passed on without being handled one by one. */
  get passed(): number {
    return this.#passThrough.frames
  }

  /** Passes on what needs no handling; returns where, of the chunk, the rest begins. */
  pass(chunk: Buffer): number {
    return this.#extended.isClear ? this.#passThrough.take(chunk) : 0
  }

  /** Returns a promise only when something has to be waited for. */
  handle(frame: Frame): Promise<void> | undefined {
    // Whatever comes amid a COPY's data is the upstream's to refuse.
    if (this.#c.link.skipping || this.#c.link.copying) return this.relay(frame)
    try {
      return this.#request(frame)
    } catch (error) {
      const kind = REQUESTS.get(frame.type)
      if (!kind || !(error instanceof PgError) || error.code !== '08P01') throw error
      // What a sound frame holds is no message: Postgres says what is wrong, and goes on.
      return this.#c.link.request(kind, frame.bytes)
    }
  }

  /** What belongs to no request: COPY data, Flush, Terminate, what is to be skipped. */
  relay(frame: Frame): undefined {
    const { link } = this.#c
    if (frame.type === TYPE.sync && link.status !== '') void this.#sync(frame)
    else if (frame.type === TYPE.copyDone || frame.type === TYPE.copyFail) link.endCopy(frame.bytes)
    else link.send(frame.bytes)
    if (frame.type === TYPE.terminate) this.#terminate()
    return undefined
  }

  /** @throws PgError 08P01 when what the frame holds can't be read; nothing is done then */
  #request(frame: Frame): Promise<void> | undefined {
    switch (frame.type) {
      case TYPE.query:
        return this.#query(frame)
      case TYPE.parse:
        return this.#extended.parse(frame)
      case TYPE.bind:
        return this.#extended.bind(frame)
      case TYPE.describe:
        return this.#extended.describe(frame)
      case TYPE.execute:
        return this.#extended.execute(frame)
      case TYPE.close:
        return this.#extended.close(frame)
      case TYPE.sync:
        return this.#sync(frame)
      case TYPE.call:
        return this.#call(frame)
      case TYPE.flush:
        return this.#flush(frame)
      default:
        return this.relay(frame)
    }
  }

  #query(frame: Frame): Promise<void> | undefined {
    const text = decodeQuery(frame.bytes, HEADER_BYTES)
    this.#extended.queryCame()
    this.#c.text = text
    const skipped = this.#extended.skip(text)
    if (skipped) return skipped.then(() => this.#ready())
    const ask = (): Promise<void> | undefined => this.#simple.query(frame, text)
    return this.#extended.beforeMove(text, 'sync')?.then(ask) ?? ask()
  }

  /** A simple query that was answered here is over. */
  async #ready(): Promise<void> {
    const { link } = this.#c
    if (link.closed) return
    if (link.dirty || link.skipping) await this.#c.finish()
    this.#c.output.write(readyForQuery(link.status))
  }

  #sync(frame: Frame): Promise<void> | undefined {
    const { link } = this.#c
    if (link.copying) return link.send(frame.bytes)
    this.#c.batchEnded()
    if (link.dirty) return link.request('sync', frame.bytes)
    const settled = this.#c.afterRequest(link.status)
    this.#c.output.write(readyForQuery(link.status))
    return settled
  }

  #call(frame: Frame): undefined {
    this.#c.mutated()
    return this.#c.link.request('function', frame.bytes)
  }

  /** With a body it is an error, and all up to Sync is skipped. */
  #flush(frame: Frame): undefined {
    if (frame.bytes.length > FLUSH_BYTES) return this.#c.link.request('close', frame.bytes)
    return this.relay(frame)
  }

  #terminate(): void {
    this.#hasTerminated = true
    this.#c.link.close()
  }
}
