// Requests of the extended protocol in a session where nothing is ours to answer: they go upstream in
// the chunk they came in, and of their bodies only a Parse's text is looked at. Owns no state of the
// session; a frame that it does not know to be the upstream's business it leaves, with all behind it.

import type { RequestKind } from '../upstream/replies.ts'
import { frameEnd, HEADER_BYTES } from '../wire/frames.ts'
import type { Conversation } from './conversation.ts'
import { TYPE } from './frame-types.ts'
import { inspectKnown } from './known-selects.ts'
import { isUnpreparable } from './prepare-transaction.ts'

export class PassThrough {
  readonly #c: Conversation
  #frames = 0

  constructor(conversation: Conversation) {
    this.#c = conversation
  }

  /** Frames passed so far. */
  get frames(): number {
    return this.#frames
  }

  /**
   * Sends the whole frames at the chunk's beginning that are the upstream's, and returns where the
   * others begin. Only for a session that has no statement or portal of ours.
   */
  take(chunk: Buffer): number {
    const { link } = this.#c
    if (link.skipping || link.copying || link.closed) return 0
    let at = 0
    for (let end = frameEnd(chunk, at); end > 0; end = frameEnd(chunk, at)) {
      if (!this.#passes(chunk, at, end)) break
      this.#frames++
      at = end
    }
    if (at > 0) link.send(at === chunk.length ? chunk : chunk.subarray(0, at))
    return at
  }

  #passes(chunk: Buffer, at: number, end: number): boolean {
    const body = at + HEADER_BYTES
    switch (chunk[at]) {
      case TYPE.parse:
        return this.#parse(chunk, body, end)
      case TYPE.bind:
        if (chunk[body] === 0) this.#c.hasUnnamed = true
        return this.#request('bind')
      case TYPE.describe:
        return this.#request('describe')
      case TYPE.execute:
        this.#c.executed()
        return this.#request('execute')
      case TYPE.close:
        return this.#request('close')
      case TYPE.sync:
        return this.#sync()
      default:
        return false
    }
  }

  #request(kind: RequestKind): true {
    this.#c.batchStarted()
    this.#c.link.expect(kind)
    return true
  }

  /** A Sync behind nothing is answered here. */
  #sync(): boolean {
    if (!this.#c.link.dirty) return false
    this.#c.batchEnded()
    this.#c.link.expect('sync')
    return true
  }

  #parse(chunk: Buffer, body: number, end: number): boolean {
    const nameEnd = chunk[body] === 0 ? body : chunk.indexOf(0, body)
    const textEnd = chunk.indexOf(0, nameEnd + 1)
    if (nameEnd < 0 || textEnd < 0 || textEnd >= end) return false
    const text = chunk.toString('utf8', nameEnd + 1, textEnd)
    if (!this.#isPlain(text)) return false
    this.#c.sawRelayed(text)
    this.#c.text = text
    if (nameEnd === body) this.#c.hasUnnamed = true
    return this.#request('parse')
  }

  #isPlain(text: string): boolean {
    if (isUnpreparable(this.#c, text)) return false
    try {
      return inspectKnown(text, this.#c.context.names()).kind === 'plain'
    } catch {
      // It is for us, and wrong: said in its turn.
      return false
    }
  }
}
