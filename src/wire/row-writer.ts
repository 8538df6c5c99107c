// Builds DataRow frames into one growing buffer: the hot path of every local answer. Knows field
// bytes only, no types.

/** A lookup's one row fits; a scan's buffer grows once and then keeps its size. */
const INITIAL_BYTES = 1024
const KEPT_BYTES_MAX = 1024 * 1024
const HEADER_BYTES = 7
/** Fewer bytes are copied faster one by one than by a call. */
const COPY_BYTES = 24
const [MINUS, POINT, ZERO] = [45, 46, 48]
const INT32_MAX = 0x7fffffff
/** Of a safe integer, its sign included. */
const DIGITS_MAX = 17

function digitsOf(value: number): number {
  let digits = 1
  for (let bound = 10; value >= bound; bound *= 10) digits++
  return digits
}

export class RowWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  #length = 0
  #rowStart = 0

  get length(): number {
    return this.#length
  }

  startRow(fields: number): void {
    this.#reserve(HEADER_BYTES)
    this.#rowStart = this.#length
    this.#buffer[this.#length] = 0x44
    this.#buffer[this.#length + 5] = fields >> 8
    this.#buffer[this.#length + 6] = fields
    this.#length += HEADER_BYTES
  }

  writeNull(): void {
    this.#reserve(4)
    this.#length = this.#putInt32(this.#length, -1)
  }

  /** A field in UTF-8. */
  writeText(text: string): void {
    this.#reserve(4 + text.length * 3)
    const written = this.#buffer.write(text, this.#length + 4)
    this.#buffer.writeInt32BE(written, this.#length)
    this.#length += 4 + written
  }

  writeBytes(bytes: Uint8Array): void {
    this.#reserve(4 + bytes.length)
    this.#buffer.writeInt32BE(bytes.length, this.#length)
    this.#buffer.set(bytes, this.#length + 4)
    this.#length += 4 + bytes.length
  }

  /** A field of some of these bytes. */
  writeSlice(bytes: Buffer, start: number, size: number): void {
    this.#reserve(4 + size)
    const buffer = this.#buffer
    let at = this.#putInt32(this.#length, size)
    if (size > COPY_BYTES) {
      bytes.copy(buffer, at, start, start + size)
      at += size
    } else for (let i = start; i < start + size; i++) buffer[at++] = bytes[i]!
    this.#length = at
  }

  /** A field of plain ASCII. */
  writeAscii(text: string): void {
    this.#reserve(4 + text.length)
    const at = this.#putInt32(this.#length, text.length)
    for (let i = 0; i < text.length; i++) this.#buffer[at + i] = text.charCodeAt(i)
    this.#length = at + text.length
  }

  /** A field with the decimal digits of a safe integer. */
  writeDecimal(value: number): void {
    this.#reserve(4 + DIGITS_MAX)
    const buffer = this.#buffer
    let rest = value < 0 ? -value : value
    let at = this.#length + 4
    if (value < 0) buffer[at++] = MINUS
    const end = at + digitsOf(rest)
    let to = end
    // Above 2³¹ the remainder of doubles is slow: at most two such steps.
    while (rest > INT32_MAX) {
      const above = Math.floor(rest / 1_000_000)
      let six = rest - above * 1_000_000
      for (let i = 0; i < 6; i++, six = (six / 10) | 0) buffer[--to] = ZERO + (six % 10)
      rest = above
    }
    for (; to > at; rest = (rest / 10) | 0) buffer[--to] = ZERO + (rest % 10)
    this.#putInt32(this.#length, end - this.#length - 4)
    this.#length = end
  }

  /** A field with a decimal: `part` is what follows the point, in so many digits (0: no point). */
  writeFixed(isNegative: boolean, whole: number, part: number, digits: number): void {
    this.writeDecimal(whole)
    const size = this.#length
    const wholeDigits = digitsOf(whole)
    this.#reserve(digits + 2)
    const buffer = this.#buffer
    let at = size
    if (isNegative) {
      buffer.copyWithin(size - wholeDigits + 1, size - wholeDigits, size)
      buffer[size - wholeDigits] = MINUS
      at++
    }
    if (digits > 0) {
      buffer[at] = POINT
      for (let i = digits, rest = part; i > 0; i--, rest = (rest / 10) | 0) {
        buffer[at + i] = ZERO + (rest % 10)
      }
      at += digits + 1
    }
    const start = size - wholeDigits
    this.#putInt32(start - 4, at - start)
    this.#length = at
  }

  /** A field of two bytes. */
  writeInt16(value: number): void {
    this.#reserve(6)
    const at = this.#putInt32(this.#length, 2)
    this.#buffer[at] = value >> 8
    this.#buffer[at + 1] = value
    this.#length = at + 2
  }

  /** A field of four bytes. */
  writeInt32(value: number): void {
    this.#reserve(8)
    this.#length = this.#putInt32(this.#putInt32(this.#length, 4), value)
  }

  /** A field of eight bytes, given as two words. */
  writeInt64(high: number, low: number): void {
    this.#reserve(12)
    const at = this.#putInt32(this.#length, 8)
    this.#length = this.#putInt32(this.#putInt32(at, high), low)
  }

  /** Returns where the next byte goes. */
  #putInt32(at: number, value: number): number {
    const buffer = this.#buffer
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
    return at + 4
  }

  /** Fields as they are on the wire, lengths included. */
  copy(bytes: Buffer, start: number, end: number): void {
    this.#reserve(end - start)
    bytes.copy(this.#buffer, this.#length, start, end)
    this.#length += end - start
  }

  endRow(): void {
    this.#putInt32(this.#rowStart + 1, this.#length - this.#rowStart - 1)
  }

  /** The frames written since the last take; the caller owns them. */
  take(): Buffer {
    const frames = this.#buffer.subarray(0, this.#length)
    this.#buffer = Buffer.allocUnsafe(Math.min(this.#buffer.length, KEPT_BYTES_MAX))
    this.#length = 0
    return frames
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}
