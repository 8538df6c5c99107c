// Takes whole delivery frames straight out of what a NATS connection has read. nats.js's own parser goes
// through the head of each frame by a state machine and makes ten objects of it, which is most of what
// reading a delivery costs. Owns one look past nats.js: its parser, which still gets every other byte,
// in order. Must never take a frame that is not whole, nor one of a subscription that did not ask.

import type { NatsConnection } from 'nats'

/** A delivery's head and payload, where they stand. */
export class DeliveryFrame {
  readonly chunk: Uint8Array
  readonly replyStart: number
  readonly replyEnd: number
  readonly #subjectEnd: number
  readonly #start: number
  readonly #end: number
  #data: Uint8Array | undefined

  /** @param start of the payload */
  constructor(
    chunk: Uint8Array,
    subjectEnd: number,
    replyStart: number,
    replyEnd: number,
    start: number,
    end: number
  ) {
    this.chunk = chunk
    this.#subjectEnd = subjectEnd
    this.replyStart = replyStart
    this.replyEnd = replyEnd
    this.#start = start
    this.#end = end
  }

  /** Made when it is wanted: frames wait in thousands, and a view is larger than they are. */
  get data(): Uint8Array {
    this.#data ??= this.chunk.subarray(this.#start, this.#end)
    return this.#data
  }

  get subject(): string {
    let start = this.#subjectEnd
    while (this.chunk[start - 1] !== SPACE) start--
    return textOf(this.chunk, start, this.#subjectEnd)
  }
}

/** Called for each frame, in order with what nats.js's callback is given. Must not throw. */
export type OnFrame = (frame: DeliveryFrame) => void

/** What is used of nats.js's parser (2.29); test/ingest/delivery-frames.test.ts notices a change. */
interface NatsParser {
  readonly state: number
  readonly ma?: { readonly size: number }
  readonly msgBuf?: { readonly length: number }
  parse(chunk: Uint8Array): void
}

interface WithParser {
  readonly protocol?: { readonly parser?: Partial<NatsParser> }
}

/** nats.js's State.OP_START and State.MSG_PAYLOAD. */
const BETWEEN_FRAMES = 0
const IN_PAYLOAD = 15

const SPACE = 0x20
const CR = 0x0d
const LF = 0x0a
const ZERO = 0x30
const NINE = 0x39
/** `MSG ` */
const MSG = [0x4d, 0x53, 0x47, SPACE] as const
/** Of the head's end, and of the payload's. */
const LINE_END = 2

/** By parser: nats.js makes a new one with each connection. */
const readers = new WeakMap<object, Map<number, OnFrame>>()

/**
 * From now on `onFrame` is given the subscription's frames; what comes in pieces, or with headers, still
 * goes to its callback. Returns how to undo it. Where nats.js is another one, all go to the callback.
 */
export function takeFrames(connection: NatsConnection, sid: number, onFrame: OnFrame): () => void {
  const parser = (connection as unknown as WithParser).protocol?.parser
  if (typeof parser?.parse !== 'function' || typeof parser.state !== 'number')
    return () => undefined
  const takers = readers.get(parser) ?? install(parser as NatsParser)
  takers.set(sid, onFrame)
  return () => takers.delete(sid)
}

function install(parser: NatsParser): Map<number, OnFrame> {
  const takers = new Map<number, OnFrame>()
  const rest = parser.parse.bind(parser)
  parser.parse = (chunk) => {
    for (let at = 0; at < chunk.length;) {
      const end = parser.state === BETWEEN_FRAMES ? takeFrame(takers, chunk, at) : at
      if (end > at) at = end
      else {
        const next = takers.size > 0 ? pieceEnd(parser, chunk, at) : chunk.length
        rest(at === 0 && next === chunk.length ? chunk : chunk.subarray(at, next))
        at = next
      }
    }
  }
  readers.set(parser, takers)
  return takers
}

/** As much as nats.js's parser must be given to stand between frames again, or on the way there. */
function pieceEnd({ state, ma, msgBuf }: NatsParser, chunk: Uint8Array, at: number): number {
  if (state === IN_PAYLOAD) {
    const missing = (ma?.size ?? 0) - (msgBuf?.length ?? 0)
    return Math.min(chunk.length, at + Math.max(0, missing) + LINE_END)
  }
  const lineEnd = chunk.indexOf(LF, at)
  return lineEnd < 0 ? chunk.length : lineEnd + 1
}

/**
 * `MSG subject sid reply size\r\n payload \r\n` at `at`, if it is whole and somebody takes it.
 * @returns where it ends; `at`: it isn't for us. Runs for every delivery: no detours.
 */
function takeFrame(takers: Map<number, OnFrame>, chunk: Uint8Array, at: number): number {
  for (let i = 0; i < MSG.length; i++) if (chunk[at + i] !== MSG[i]) return at
  const subjectEnd = wordEnd(chunk, at + MSG.length)
  const sidEnd = wordEnd(chunk, subjectEnd + 1)
  const replyEnd = wordEnd(chunk, sidEnd + 1)
  const sizeEnd = wordEnd(chunk, replyEnd + 1)
  // Without a reply the last word is not there.
  if (chunk[replyEnd] !== SPACE || chunk[sizeEnd] !== CR || chunk[sizeEnd + 1] !== LF) return at
  const start = sizeEnd + LINE_END
  const end = start + numberAt(chunk, replyEnd + 1, sizeEnd)
  if (chunk[end] !== CR || chunk[end + 1] !== LF) return at
  const take = takers.get(numberAt(chunk, subjectEnd + 1, sidEnd))
  if (!take) return at
  take(new DeliveryFrame(chunk, subjectEnd, sidEnd + 1, replyEnd, start, end))
  return end + LINE_END
}

/** The next byte that is a blank or a control character, or the chunk's end. */
function wordEnd(chunk: Uint8Array, at: number): number {
  let i = at
  while ((chunk[i] as number) > SPACE) i++
  return i
}

/** Decimal digits at [start, end) as a number; NaN: something else, or nothing, is there. */
export function numberAt(bytes: Uint8Array, start: number, end: number): number {
  let value = start < end ? 0 : NaN
  for (let i = start; i < end; i++) {
    const digit = bytes[i] as number
    if (digit < ZERO || digit > NINE) return NaN
    value = value * 10 + (digit - ZERO)
  }
  return value
}

/** UTF-8 at [start, end). */
export const textOf = (bytes: Uint8Array, start: number, end: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString()
