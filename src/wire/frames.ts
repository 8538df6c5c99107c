// Cuts a byte stream into frames: one type byte, four length bytes, a body (protocol, "Message
// Formats"). Owns the boundaries only; must never look into a body nor copy one without need.

import { protocolViolation } from '../errors.ts'
import { limits } from '../limits.ts'

/** One whole frame. `bytes` is the frame as it came, header included. */
export interface Frame {
  readonly type: number
  readonly bytes: Buffer
}

const HEADER_BYTES = 5

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

/** Whole frames out of arbitrary chunks. For the client's side, where frames are looked into. */
export class FrameReader {
  /** What came after the last whole frame. */
  #rest: Buffer[] = []
  #restBytes = 0
  /** Size of the frame at the head of `rest`, once its header is there. */
  #wanted = HEADER_BYTES

  /** Bytes that wait for the rest of their frame. */
  get pendingBytes(): number {
    return this.#restBytes
  }

  /** @throws PgError 08P01 on an impossible length */
  *push(chunk: Buffer): Generator<Frame> {
    this.#rest.push(chunk)
    this.#restBytes += chunk.length
    if (this.#restBytes < this.#wanted) return
    const buffer = this.#rest.length === 1 ? chunk : Buffer.concat(this.#rest)
    let offset = 0
    this.#wanted = HEADER_BYTES
    while (buffer.length - offset >= HEADER_BYTES) {
      const size = frameLength(buffer, offset)
      if (buffer.length - offset < size) {
        this.#wanted = size
        break
      }
      yield { type: buffer[offset]!, bytes: buffer.subarray(offset, offset + size) }
      offset += size
    }
    this.#rest = offset < buffer.length ? [buffer.subarray(offset)] : []
    this.#restBytes = buffer.length - offset
  }

  /** Hands over what has not become a frame (a TLS upgrade, a hand-over). */
  takeRest(): Buffer {
    const rest = Buffer.concat(this.#rest)
    this.#rest = []
    this.#restBytes = 0
    this.#wanted = HEADER_BYTES
    return rest
  }
}

/** What a FrameScanner tells its owner. `bytes` of a pass may hold many frames or part of one. */
export interface ScannerSink {
  /** Asked once a frame: true when the owner wants it whole through `taken`. */
  wants(type: number): boolean
  /** Bytes to be relayed as they are. */
  passed(bytes: Buffer): void
  taken(frame: Frame): void
}

/**
 * Walks the upstream's bytes: frames nobody wants pass through as slices of the chunk they came in,
 * even in parts, so that a gigabyte row is never held; frames that are wanted are collected whole.
 * Order is kept: bytes before a taken frame are passed before it is handed over.
 */
export class FrameScanner {
  readonly #sink: ScannerSink
  /** Bytes of the frame in hand that still pass through. */
  #passing = 0
  /** A taken frame, or a header, that the chunks so far end in. */
  #partial: Buffer[] = []
  #partialBytes = 0

  constructor(sink: ScannerSink) {
    this.#sink = sink
  }

  /** @throws PgError 08P01 on an impossible length */
  push(chunk: Buffer): void {
    const buffer = this.#join(chunk)
    let start = 0
    let offset = this.#passing
    this.#passing = 0
    if (offset >= buffer.length) {
      this.#passing = offset - buffer.length
      if (buffer.length > 0) this.#sink.passed(buffer)
      return
    }
    while (buffer.length - offset >= HEADER_BYTES) {
      const size = frameLength(buffer, offset)
      const wanted = this.#sink.wants(buffer[offset]!)
      const end = offset + size
      if (wanted) {
        if (end > buffer.length) break
        if (offset > start) this.#sink.passed(buffer.subarray(start, offset))
        this.#sink.taken({ type: buffer[offset]!, bytes: buffer.subarray(offset, end) })
        start = end
      } else if (end > buffer.length) {
        this.#passing = end - buffer.length
        offset = buffer.length
        break
      }
      offset = end
    }
    if (offset > start) this.#sink.passed(buffer.subarray(start, offset))
    if (offset < buffer.length) this.#keep(buffer.subarray(offset))
  }

  #join(chunk: Buffer): Buffer {
    if (this.#partialBytes === 0) return chunk
    const joined = Buffer.concat([...this.#partial, chunk])
    this.#partial = []
    this.#partialBytes = 0
    return joined
  }

  #keep(rest: Buffer): void {
    this.#partial = [rest]
    this.#partialBytes = rest.length
  }
}
