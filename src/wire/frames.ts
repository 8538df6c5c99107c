// Cuts a byte stream into frames: one type byte, four length bytes, a body (protocol, "Message
// Formats"). Owns the boundaries only; must never look into a body nor copy one without need.

import { protocolViolation } from '../errors.ts'
import { limits } from '../limits.ts'

/** One whole frame. `bytes` is the frame as it came, header included. */
export interface Frame {
  readonly type: number
  readonly bytes: Buffer
}

/** Of type and length: where a frame's body begins. */
export const HEADER_BYTES = 5

/** The body of a frame: what follows type and length. */
export const bodyOf = (frame: Frame): Buffer => frame.bytes.subarray(HEADER_BYTES)

/** A message's type byte. */
export const code = (letter: string): number => letter.charCodeAt(0)

/**
 * Throws 08P01 for a length no peer may send.
 * The length is checked before anything waits for, or allocates, the body.
 */
function frameLength(buffer: Buffer, offset: number): number {
  const length = buffer.readInt32BE(offset + 1)
  if (length < 4 || length > limits.frameBytesMax) {
    throw protocolViolation(`invalid message length: ${length}`, { severity: 'FATAL' })
  }
  return length + 1
}

/** Where the frame at `start` ends; 0 unless it is whole, and its length one that a peer may send. */
export function frameEnd(chunk: Buffer, start: number): number {
  if (start + HEADER_BYTES > chunk.length) return 0
  const end = start + 1 + chunk.readInt32BE(start + 1)
  return end >= start + HEADER_BYTES && end <= chunk.length ? end : 0
}

/** Whole frames out of arbitrary chunks. For the client's side, where frames are looked into. */
export class FrameReader {
  /** What came after the last whole frame; of the first of them, from #offset on. */
  #rest: Buffer[] = []
  #offset = 0
  #restBytes = 0
  /** Size of the frame at the head of `rest`, once its header is there. */
  #wanted = HEADER_BYTES

  /** Bytes that wait for the rest of their frame. */
  get pendingBytes(): number {
    return this.#restBytes
  }

  /** The frames that are whole with this chunk. @throws PgError 08P01 on an impossible length */
  *push(chunk: Buffer): Generator<Frame> {
    this.add(chunk)
    for (let frame = this.next(); frame; frame = this.next()) yield frame
  }

  add(chunk: Buffer): void {
    this.#rest.push(chunk)
    this.#restBytes += chunk.length
  }

  /** The next whole frame, if there is one. @throws PgError 08P01 on an impossible length */
  next(): Frame | undefined {
    if (this.#restBytes < this.#wanted) return undefined
    const buffer = this.#contiguous()
    const start = this.#offset
    const size = frameLength(buffer, start)
    this.#wanted = size
    if (this.#restBytes < size) return undefined
    this.#wanted = HEADER_BYTES
    this.#restBytes -= size
    this.#offset += size
    if (this.#restBytes === 0) this.#clear()
    return { type: buffer[start]!, bytes: part(buffer, start, start + size) }
  }

  /** Hands over what has not become a frame (a TLS upgrade, a hand-over). */
  takeRest(): Buffer {
    const rest = this.#restBytes === 0 ? Buffer.alloc(0) : this.#contiguous().subarray(this.#offset)
    this.#clear()
    this.#restBytes = 0
    this.#wanted = HEADER_BYTES
    return rest
  }

  /** The bytes that wait, in one buffer, from #offset on. */
  #contiguous(): Buffer {
    const first = this.#rest[0]!
    if (this.#rest.length === 1) return first
    const joined = Buffer.concat([first.subarray(this.#offset), ...this.#rest.slice(1)])
    this.#rest = [joined]
    this.#offset = 0
    return joined
  }

  #clear(): void {
    this.#rest = []
    this.#offset = 0
  }
}

/** How the owner of a FrameScanner wants a frame: as it streams in, undivided, or for itself. */
export type Treatment = 'pass' | 'whole' | 'take'

export interface ScannerSink {
  /** Asked, perhaps twice, when a frame's header is there. Must not change anything. */
  treat(type: number): Treatment
  /** Bytes to be relayed as they are: many frames, or part of one. */
  passed(bytes: Buffer): void
  /**
   * A frame treated as `whole` is complete, with its first body byte at `at`; its bytes will come
   * through `passed`. A function that it returns is called when all before it have come.
   */
  saw(type: number, buffer: Buffer, at: number): (() => void) | undefined
  taken(frame: Frame): void
}

/**
 * Walks the upstream's bytes. What passes does so as slices of the chunk it came in, even in parts,
 * so that a gigabyte row is never held. Order is kept: bytes before a taken frame are passed before
 * it is handed over.
 */
export class FrameScanner {
  readonly #sink: ScannerSink
  /** Bytes of the frame in hand that still pass through. */
  #passing = 0
  /** The beginning of a frame that can't be handled in parts. */
  #partial: Buffer = Buffer.alloc(0)
  /** Where the bytes begin that were not passed on. */
  #start = 0

  constructor(sink: ScannerSink) {
    this.#sink = sink
  }

  /** @throws PgError 08P01 on an impossible length */
  push(chunk: Buffer): void {
    const buffer = this.#partial.length === 0 ? chunk : Buffer.concat([this.#partial, chunk])
    this.#partial = Buffer.alloc(0)
    const skipped = Math.min(this.#passing, buffer.length)
    this.#passing -= skipped
    this.#start = 0
    const end = this.#walk(buffer, skipped)
    this.#passUpTo(buffer, end)
    if (end < buffer.length) this.#partial = buffer.subarray(end)
  }

  /** Returns where the walk ended. */
  #walk(buffer: Buffer, from: number): number {
    let offset = from
    while (buffer.length - offset >= HEADER_BYTES) {
      const type = buffer[offset]!
      const end = offset + frameLength(buffer, offset)
      const treatment = this.#sink.treat(type)
      if (end > buffer.length) {
        if (treatment !== 'pass') break
        this.#passing = end - buffer.length
        return buffer.length
      }
      if (treatment === 'take') {
        this.#passUpTo(buffer, offset)
        this.#sink.taken({ type, bytes: buffer.subarray(offset, end) })
        this.#start = end
      } else if (treatment === 'whole') {
        this.#see(type, buffer, offset)
      }
      offset = end
    }
    return offset
  }

  #see(type: number, buffer: Buffer, offset: number): void {
    const before = this.#sink.saw(type, buffer, offset + HEADER_BYTES)
    if (!before) return
    this.#passUpTo(buffer, offset)
    before()
  }

  #passUpTo(buffer: Buffer, end: number): void {
    if (end > this.#start) this.#sink.passed(part(buffer, this.#start, end))
    this.#start = end
  }
}

/** The buffer itself where that is all of it: making a Buffer costs more than walking one. */
const part = (buffer: Buffer, start: number, end: number): Buffer =>
  start === 0 && end === buffer.length ? buffer : buffer.subarray(start, end)
