// Reads the fields of one message body in order. Never reads past its end: a short body is the
// peer's fault (08P01), not a crash.

import { protocolViolation } from '../errors.ts'

export class BodyReader {
  readonly #bytes: Buffer
  #offset: number

  /** `from`: where the body begins, if `bytes` has more. */
  constructor(bytes: Buffer, from = 0) {
    this.#bytes = bytes
    this.#offset = from
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  byte(): number {
    return this.#bytes[this.#advance(1)]!
  }

  int16(): number {
    return this.#bytes.readInt16BE(this.#advance(2))
  }

  int32(): number {
    return this.#bytes.readInt32BE(this.#advance(4))
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4))
  }

  /** A NUL-terminated string. */
  cstring(): string {
    if (this.#bytes[this.#offset] === 0) {
      this.#offset++
      return ''
    }
    const end = this.#bytes.indexOf(0, this.#offset)
    if (end < 0) throw protocolViolation('invalid string in message')
    const text = this.#bytes.toString('utf8', this.#offset, end)
    this.#offset = end + 1
    return text
  }

  /** `length` bytes, or null for -1 (SQL NULL). */
  counted(): Buffer | null {
    const length = this.int32()
    if (length === -1) return null
    if (length < 0) throw protocolViolation('insufficient data left in message')
    const start = this.#advance(length)
    return this.#bytes.subarray(start, start + length)
  }

  /** `count` values of one reader, bounded by what the body can hold. */
  list<T>(count: number, read: () => T): T[] {
    if (count < 0 || count > this.remaining) throw protocolViolation('invalid message format')
    const values: T[] = []
    for (let i = 0; i < count; i++) values.push(read())
    return values
  }

  /** What was read is the whole message. */
  end<T>(message: T): T {
    if (this.remaining > 0) throw protocolViolation('invalid message format')
    return message
  }

  #advance(bytes: number): number {
    const start = this.#offset
    if (this.remaining < bytes) throw protocolViolation('insufficient data left in message')
    this.#offset += bytes
    return start
  }
}
