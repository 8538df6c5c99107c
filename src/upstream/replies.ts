// Which replies the upstream still owes, in order, and to whom: the client, or a private exchange of
// ours. This is what lets local answers take their place between relayed ones.
// Pure state; must never touch a socket.

import { code } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'

export type RequestKind =
  'parse' | 'bind' | 'describe' | 'execute' | 'close' | 'sync' | 'query' | 'function'

/** Takes the replies of one private exchange. */
export interface ReplySink {
  frame(frame: Frame): void
  /** An ErrorResponse; what was asked after it, up to a Sync, is skipped by the upstream. */
  failed(frame: Frame): void
  /** The last of the exchange's replies is there, or never will be. */
  ended(): void
}

interface Expectation {
  readonly kind: RequestKind
  readonly sink?: ReplySink
}

const letters = (text: string): ReadonlySet<number> => new Set(Array.from(text, code))

/** The messages that end the reply to each request (protocol, "Message Flow"). */
const TERMINALS: Readonly<Record<RequestKind, ReadonlySet<number>>> = {
  parse: letters('1'),
  bind: letters('2'),
  describe: letters('Tn'),
  execute: letters('CIs'),
  close: letters('3'),
  sync: letters('Z'),
  query: letters('Z'),
  function: letters('Z')
}

/** One shared object a kind: a client may pipeline 100,000 requests. */
const FOR_CLIENT = Object.fromEntries(
  (Object.keys(TERMINALS) as RequestKind[]).map((kind) => [kind, { kind }])
) as Readonly<Record<RequestKind, Expectation>>

export class Replies {
  #queue: Expectation[] = []
  /** Index of the front; the array is cut only now and then. */
  #head = 0

  get size(): number {
    return this.#queue.length - this.#head
  }

  /** Who gets the next reply: a private exchange, or (undefined) the client. */
  get sink(): ReplySink | undefined {
    return this.#queue[this.#head]?.sink
  }

  /** The kind of request whose reply comes next. */
  get kind(): RequestKind | undefined {
    return this.#queue[this.#head]?.kind
  }

  expect(kind: RequestKind, sink?: ReplySink): void {
    this.#queue.push(sink ? { kind, sink } : FOR_CLIENT[kind])
  }

  /** Does a message of this type end the reply in hand? */
  ends(type: number): boolean {
    const kind = this.kind
    return kind !== undefined && TERMINALS[kind].has(type)
  }

  /** The reply in hand is complete. Start-up ends in a ReadyForQuery that nobody asked for. */
  advance(): void {
    if (this.size === 0) return
    const done = this.#queue[this.#head++]
    if (done?.sink && done.sink !== this.sink) done.sink.ended()
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head)
      this.#head = 0
    }
  }

  /**
   * An ErrorResponse came. In the extended protocol the upstream now skips to the next Sync, simple
   * queries included; after a simple query or a function call only ReadyForQuery is still owed.
   */
  fail(): void {
    const kind = this.kind
    if (kind === 'query' || kind === 'function' || kind === 'sync') return
    while (this.size > 0 && this.kind !== 'sync') this.advance()
  }

  /** Forgets all but the reply in hand. */
  keepFirst(): void {
    this.#queue.length = this.#head + 1
  }

  /** The upstream is gone: nothing will be answered. */
  abandon(): void {
    while (this.size > 0) this.advance()
  }
}
