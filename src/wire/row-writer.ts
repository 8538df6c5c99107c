// The growing buffer that an answer's rows are written into, and DataRow frames field by field: for
// single rows; many are written by columns (data-rows.ts). Knows field bytes only, no types.

/** Some rows of look-ups fit; a scan's buffer grows once and then keeps its size. */
const INITIAL_BYTES = 4096
/** With less left a buffer is not written on. */
const WORTH_BYTES = 512
const KEPT_BYTES_MAX = 1024 * 1024
const HEADER_BYTES = 7

export class RowWriter {
  #buffer = Buffer.allocUnsafe(INITIAL_BYTES)
  /** Where what is not taken begins, and ends. */
  #start = 0
  #length = 0
  #rowStart = 0

  get length(): number {
    return this.#length - this.#start
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

  /** Room for whole frames of so many bytes: they are to be put into `bytes` from here on. */
  room(size: number): number {
    this.#reserve(size)
    const at = this.#length
    this.#length += size
    return at
  }

  /** What is written into, until the next take or the next writing. */
  get bytes(): Buffer {
    return this.#buffer
  }

  /** The frames written since the last take; the caller owns them. */
  take(): Buffer {
    const frames = this.#buffer.subarray(this.#start, this.#length)
    const size = this.#buffer.length
    if (size === INITIAL_BYTES && size - this.#length >= WORTH_BYTES) this.#start = this.#length
    else {
      this.#buffer = Buffer.allocUnsafe(Math.min(size, KEPT_BYTES_MAX))
      this.#start = this.#length = 0
    }
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
