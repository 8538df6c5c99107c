// Reads Avro's binary form: numbers, lengths, blocks. Owns the bounds: nothing is read beyond the
// payload, and nothing is built that the payload has not paid for with its own bytes (a block of a
// billion nulls takes six). Knows no schema.

import { limits } from '../limits.ts'

/** A payload that is not what the schema says. */
export class AvroSyntaxError extends Error {}

export class AvroCursor {
  readonly #bytes: Buffer
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  #at: number
  #depth = 0
  /** Values so far that took no byte. */
  #empty = 0

  constructor(payload: Uint8Array, start: number) {
    this.#bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
    this.#at = start
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  byte(): number {
    const byte = this.#bytes[this.#at]
    if (byte === undefined) throw tooShort()
    this.#at++
    return byte
  }

  int(): number {
    const value = Number(this.long())
    if (value === (value | 0)) return value
    throw new AvroSyntaxError('an int has more than 32 bits')
  }

  /** Zigzag, seven bits a byte, the lowest ones first. */
  long(): bigint {
    let low = 0
    for (let shift = 0; shift < 49; shift += 7) {
      const byte = this.byte()
      low += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return BigInt(low % 2 === 0 ? low / 2 : -(low + 1) / 2)
    }
    return this.#longRest(BigInt(low))
  }

  #longRest(low: bigint): bigint {
    let value = low
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte >= 0x80) continue
      if (value >= 1n << 64n) break
      return (value >> 1n) ^ -(value & 1n)
    }
    throw new AvroSyntaxError('a long has more than 64 bits')
  }

  float(): number {
    return this.#take(4).readFloatLE()
  }

  double(): number {
    return this.#take(8).readDoubleLE()
  }

  bytes(): Uint8Array {
    return this.#take(this.#length())
  }

  fixed(size: number): Uint8Array {
    if (size === 0) this.nothing()
    return this.#take(size)
  }

  text(): string {
    const bytes = this.#take(this.#length())
    try {
      return this.#utf8.decode(bytes)
    } catch {
      throw new AvroSyntaxError('a string is not valid UTF-8')
    }
  }

  /** A value that takes no byte: as many as there are bytes are plenty, and some for small ones. */
  nothing(): void {
    if (++this.#empty <= this.#bytes.length + limits.avroEmptyValuesMax) return
    throw new AvroSyntaxError('it has too many values without content')
  }

  /** Reads the items of an array or a map, block by block. */
  blocks(readItem: () => void): void {
    for (;;) {
      let count = Number(this.long())
      if (count === 0) return
      if (count < 0) {
        this.#length()
        count = -count
      }
      for (let i = 0; i < count; i++) {
        const before = this.#at
        readItem()
        if (this.#at === before) this.nothing()
      }
    }
  }

  /** Reads what lies inside of something. */
  inside<T>(read: () => T): T {
    if (++this.#depth > limits.jsonDepthMax) {
      throw new AvroSyntaxError(`it is nested more than ${limits.jsonDepthMax} deep`)
    }
    const value = read()
    this.#depth--
    return value
  }

  #length(): number {
    const length = Number(this.long())
    if (length >= 0 && length <= this.#bytes.length - this.#at) return length
    throw length < 0 ? new AvroSyntaxError('a length is negative') : tooShort()
  }

  #take(length: number): Buffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw tooShort()
    const taken = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return taken
  }
}

const tooShort = (): AvroSyntaxError => new AvroSyntaxError('it ends too early')
