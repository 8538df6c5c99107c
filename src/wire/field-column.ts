// One column of some rows, as the bytes of its fields: what rows are put together from, a column at a
// time, because a call for each field costs more than its bytes. Knows bytes only, no types.

/** What NULL has for a length, on the wire too. */
export const NULL_LENGTH = -1
/** Longer fields are copied faster by a call. */
const COPY_BYTES = 96
/** Room kept for the next rows. */
const KEPT_BYTES_MAX = 1024 * 1024

export class FieldColumn {
  /** Digits, letters and the like only: COPY has nothing to escape. */
  readonly isPlain: boolean
  /** Where each field begins in `bytes`, and how long it is. */
  starts = new Int32Array(0)
  lengths = new Int32Array(0)
  bytes: Buffer = Buffer.alloc(0)
  /** The same bytes. */
  view = viewOf(this.bytes)
  /** Room of its own, where the fields do not lie elsewhere. */
  #room = this.bytes
  #roomView = this.view
  /** How much of it is taken by `append`. */
  #length = 0

  constructor(isPlain = false) {
    this.isPlain = isPlain
  }

  /** To hold so many fields, in `size` bytes that are to be filled. */
  open(count: number, size: number): void {
    this.#hold(count)
    if (size > this.#room.length || this.#room.length > KEPT_BYTES_MAX) this.#grow(size)
    this.bytes = this.#room
    this.view = this.#roomView
    this.#length = size
  }

  /** To hold so many fields of one size, which are to be filled. */
  fixed(count: number, size: number): DataView {
    this.open(count, count * size)
    for (let field = 0; field < count; field++) this.starts[field] = field * size
    this.lengths.fill(size, 0, count)
    return this.view
  }

  /** To hold so many fields that lie in these bytes. */
  lie(count: number, bytes: Buffer, view: DataView): void {
    this.#hold(count)
    this.bytes = bytes
    this.view = view
  }

  /** Puts bytes behind those of `open`; returns where they are. */
  append(bytes: Uint8Array): number {
    const at = this.#extend(bytes.length)
    this.bytes.set(bytes, at)
    return at
  }

  /** As append, and they are that field. */
  appendBytes(field: number, bytes: Uint8Array): void {
    this.starts[field] = this.append(bytes)
    this.lengths[field] = bytes.length
  }

  appendText(field: number, text: string): void {
    const at = this.#extend(text.length * 3)
    const size = this.bytes.write(text, at)
    this.#length = at + size
    this.starts[field] = at
    this.lengths[field] = size
  }

  #extend(size: number): number {
    const at = this.#length
    this.#length += size
    if (this.#length > this.bytes.length) {
      const before = this.bytes.subarray(0, at)
      this.#grow(Math.max(this.#length, at * 2))
      this.#room.set(before)
      this.bytes = this.#room
      this.view = this.#roomView
    }
    return at
  }

  #hold(count: number): void {
    if (count <= this.starts.length) return
    this.starts = new Int32Array(count)
    this.lengths = new Int32Array(count)
  }

  #grow(size: number): void {
    this.#room = Buffer.allocUnsafeSlow(size)
    this.#roomView = viewOf(this.#room)
  }
}

export const viewOf = ({ buffer, byteOffset, length }: Buffer): DataView =>
  new DataView(buffer, byteOffset, length)

/** The target of many fields: a buffer, and the same as a view. */
export interface Target {
  readonly bytes: Buffer
  readonly view: DataView
}

/** Copies a field that isn't NULL to `at`. */
export function copyField(column: FieldColumn, field: number, to: Target, at: number): void {
  const start = column.starts[field] as number
  const length = column.lengths[field] as number
  if (length > COPY_BYTES) column.bytes.copy(to.bytes, at, start, start + length)
  else copyShort(column.view, start, to.view, at, length)
}

/** By words, the last of which may overlap the one before. */
function copyShort(from: DataView, start: number, to: DataView, at: number, length: number): void {
  const last = length - 4
  if (last >= 0) {
    for (let i = 0; i < last; i += 4) to.setInt32(at + i, from.getInt32(start + i, true), true)
    to.setInt32(at + last, from.getInt32(start + last, true), true)
  } else for (let i = 0; i < length; i++) to.setInt8(at + i, from.getInt8(start + i))
}
