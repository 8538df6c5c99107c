// Keyed records in a few large buffers, outside of the collector's heap: a million rows as JavaScript
// objects would cost three times the memory and seconds of marking. Owns the records' layout, their
// index, and the room that replaced records leave behind; must never know what a field means.
//
//   record:  hash u32 │ capacity u32 │ key bytes u32 │ field bytes i32 (-1: no row) │ key │ fields

/** Small enough to be filled soon, large enough that a table has few. */
const SEGMENT_BYTES = 1024 * 1024
const HEADER_BYTES = 16
/** A location is the record's place among all segments, in units of this. */
const UNIT_BYTES = 8
const UNITS_PER_SEGMENT = SEGMENT_BYTES / UNIT_BYTES
const FIRST_SLOTS = 1024
/** A slot holds a location + 1, or one of these. */
const FREE = 0
const REMOVED = -1
const NO_ROW = -1

/** Keys are equal when their JavaScript values are: see normalized in batch-rows.ts. */
export type RowKey = string | number | bigint | boolean

/** A larger record is refused. */
export const RECORD_BYTES_MAX = 64 * 1024
const KEY_BYTES_MAX = 1024

interface Segment {
  readonly bytes: Buffer
  readonly words: Int32Array
  /** Where the next record goes. */
  end: number
}

/** The fields of one record: a view of the slab that is good until the slab is next changed. */
export interface Fields {
  bytes: Buffer
  start: number
  end: number
}

const keyBytes = Buffer.allocUnsafeSlow(KEY_BYTES_MAX)
const keyLongs = new BigInt64Array(keyBytes.buffer, 0, 1)
const keyWords = new Int32Array(keyBytes.buffer, 0, 2)

export class RowSlab {
  #slots = new Int32Array(FIRST_SLOTS)
  /** Of the record in each slot: growing needn't look at the records. */
  #hashes = new Int32Array(FIRST_SLOTS)
  /** Slots that aren't free. */
  #used = 0
  readonly #segments: Segment[] = []
  /** The segment that is being filled, and the one to be cleared next. */
  #current = -1
  #oldest = 0
  #deadBytes = 0
  #count = 0
  readonly #found: Fields = { bytes: keyBytes, start: 0, end: 0 }

  /** Records, those without a row included. */
  get count(): number {
    return this.#count
  }

  /** Memory taken. */
  get bytes(): number {
    return this.#segments.length * SEGMENT_BYTES + this.#slots.length * 8
  }

  /** What so many records like these would take. */
  bytesExpected(count: number): number {
    const used = this.#segments.reduce((sum, { end }) => sum + end, 0)
    return (used / Math.max(this.#count, 1)) * count + this.#slotsFor(count) * 8
  }

  /** The key's fields; null: it is known to have no row; undefined: it has no record. */
  find(key: RowKey): Fields | null | undefined {
    const length = encodeKey(key)
    if (length < 0) return undefined
    const slot = this.#slotOf(hashOf(length), length)
    if (slot < 0) return undefined
    const location = (this.#slots[slot] as number) - 1
    const { bytes, words } = this.#segments[Math.floor(location / UNITS_PER_SEGMENT)] as Segment
    const at = (location % UNITS_PER_SEGMENT) * UNIT_BYTES
    const size = words[at / 4 + 3] as number
    if (size === NO_ROW) return null
    const found = this.#found
    found.bytes = bytes
    found.start = at + HEADER_BYTES + length
    found.end = found.start + size
    return found
  }

  has(key: RowKey): boolean {
    const length = encodeKey(key)
    return length >= 0 && this.#slotOf(hashOf(length), length) >= 0
  }

  /** Keeps the first `size` bytes of `fields` for the key; false when that is too much. */
  set(key: RowKey, fields: Buffer, size: number): boolean {
    const length = encodeKey(key)
    if (length < 0 || HEADER_BYTES + length + size > RECORD_BYTES_MAX) return false
    this.#put(length, fields, size)
    return true
  }

  /** Keeps that the key has no row; false for a key that can't be kept. */
  setNone(key: RowKey): boolean {
    const length = encodeKey(key)
    if (length < 0) return false
    this.#put(length, keyBytes, NO_ROW)
    return true
  }

  #put(length: number, fields: Buffer, size: number): void {
    const hash = hashOf(length)
    const needed = roundUp(HEADER_BYTES + length + Math.max(size, 0))
    const slot = this.#slotOf(hash, length)
    if (slot >= 0) {
      const location = (this.#slots[slot] as number) - 1
      const { bytes, words } = this.#segments[Math.floor(location / UNITS_PER_SEGMENT)] as Segment
      const at = (location % UNITS_PER_SEGMENT) * UNIT_BYTES
      const capacity = words[at / 4 + 1] as number
      if (needed <= capacity) {
        words[at / 4 + 3] = size
        if (size > 0) fields.copy(bytes, at + HEADER_BYTES + length, 0, size)
        return
      }
      this.#deadBytes += capacity
    }
    // The key's bytes are shared: what makes room must not encode another one meanwhile.
    const { segment, at, location } = this.#room(needed)
    const { bytes, words } = segment
    words[at / 4] = hash
    words[at / 4 + 1] = needed
    words[at / 4 + 2] = length
    words[at / 4 + 3] = size
    keyBytes.copy(bytes, at + HEADER_BYTES, 0, length)
    if (size > 0) fields.copy(bytes, at + HEADER_BYTES + length, 0, size)
    if (slot >= 0) this.#slots[slot] = location + 1
    else this.#insert(hash, location)
  }

  /** The slot of the key in `keyBytes`; -1 when there is none. */
  #slotOf(hash: number, length: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] as number
      if (entry === FREE) return -1
      if (entry !== REMOVED && this.#hashes[slot] === hash && this.#isKey(entry - 1, length)) {
        return slot
      }
    }
  }

  #isKey(location: number, length: number): boolean {
    const { bytes, words } = this.#segments[Math.floor(location / UNITS_PER_SEGMENT)] as Segment
    const at = (location % UNITS_PER_SEGMENT) * UNIT_BYTES
    if (words[at / 4 + 2] !== length) return false
    const start = at + HEADER_BYTES
    for (let i = 0; i < length; i++) if (bytes[start + i] !== keyBytes[i]) return false
    return true
  }

  #insert(hash: number, location: number): void {
    if (this.#used * 3 >= this.#slots.length * 2) this.#grow()
    const slot = freeSlot(this.#slots, hash)
    this.#slots[slot] = location + 1
    this.#hashes[slot] = hash
    this.#used++
    this.#count++
  }

  /** Makes room in the index for so many records: growing step by step takes longer each time. */
  reserve(count: number): void {
    const length = this.#slotsFor(count)
    if (length > this.#slots.length) this.#index(length)
  }

  #slotsFor(count: number): number {
    let length = this.#slots.length
    while (count * 3 >= length * 2) length *= 2
    return length
  }

  #grow(): void {
    const isFull = this.#count * 3 >= this.#slots.length
    this.#index(this.#slots.length * (isFull ? 2 : 1))
  }

  /** Also rids the index of removed slots, which may be room enough. */
  #index(length: number): void {
    const slots = new Int32Array(length)
    const hashes = new Int32Array(slots.length)
    for (let old = 0; old < this.#slots.length; old++) {
      const entry = this.#slots[old] as number
      if (entry <= 0) continue
      const hash = this.#hashes[old] as number
      const slot = freeSlot(slots, hash)
      slots[slot] = entry
      hashes[slot] = hash
    }
    this.#slots = slots
    this.#hashes = hashes
    this.#used = this.#count
  }

  /** Room for a record of this size. */
  #room(size: number): { segment: Segment; at: number; location: number } {
    let segment = this.#segments[this.#current]
    if (!segment || segment.end + size > SEGMENT_BYTES) segment = this.#nextSegment(size)
    const at = segment.end
    segment.end += size
    return { segment, at, location: this.#current * UNITS_PER_SEGMENT + at / UNIT_BYTES }
  }

  /** A third of dead records is worth clearing a segment for; most often that makes the room. */
  #nextSegment(size: number): Segment {
    const total = this.#segments.length * SEGMENT_BYTES
    if (this.#segments.length > 2 && this.#deadBytes * 3 > total) {
      this.#oldest = (this.#oldest + 1) % this.#segments.length
      if (this.#oldest === this.#current) this.#oldest = (this.#oldest + 1) % this.#segments.length
      this.#clear(this.#oldest)
      const cleared = this.#segments[this.#oldest] as Segment
      this.#current = this.#oldest
      if (cleared.end + size <= SEGMENT_BYTES) return cleared
    }
    const bytes = Buffer.allocUnsafeSlow(SEGMENT_BYTES)
    const segment = { bytes, words: new Int32Array(bytes.buffer), end: 0 }
    this.#current = this.#segments.push(segment) - 1
    return segment
  }

  /** Moves a segment's live records together. */
  #clear(number: number): void {
    const segment = this.#segments[number] as Segment
    const { bytes, words, end } = segment
    segment.end = 0
    for (let at = 0; at < end;) {
      const capacity = words[at / 4 + 1] as number
      const slot = this.#slotAt(
        words[at / 4] as number,
        number * UNITS_PER_SEGMENT + at / UNIT_BYTES
      )
      if (slot < 0) this.#deadBytes -= capacity
      else {
        const to = segment.end
        bytes.copyWithin(to, at, at + capacity)
        this.#slots[slot] = number * UNITS_PER_SEGMENT + to / UNIT_BYTES + 1
        segment.end = to + capacity
      }
      at += capacity
    }
  }

  /** The slot that refers to this place; -1 when none does: the record is dead. */
  #slotAt(hash: number, location: number): number {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] as number
      if (entry === location + 1) return slot
      if (entry === FREE) return -1
    }
  }

  /** Forgets the key. */
  remove(key: RowKey): void {
    const length = encodeKey(key)
    const slot = length < 0 ? -1 : this.#slotOf(hashOf(length), length)
    if (slot < 0) return
    const location = (this.#slots[slot] as number) - 1
    const { words } = this.#segments[Math.floor(location / UNITS_PER_SEGMENT)] as Segment
    const at = (location % UNITS_PER_SEGMENT) * UNIT_BYTES
    this.#deadBytes += words[at / 4 + 1] as number
    this.#slots[slot] = REMOVED
    this.#count--
  }
}

const roundUp = (bytes: number): number => Math.ceil(bytes / UNIT_BYTES) * UNIT_BYTES

function freeSlot(slots: Int32Array, hash: number): number {
  const mask = slots.length - 1
  let slot = hash & mask
  while ((slots[slot] as number) > 0) slot = (slot + 1) & mask
  return slot
}

/** Writes the key into `keyBytes`; its length, or -1 for one that can't be kept. */
function encodeKey(key: RowKey): number {
  if (typeof key === 'bigint') keyLongs[0] = key
  else if (typeof key === 'number') {
    // An infinite date.
    if (!Number.isInteger(key)) return -1
    keyWords[0] = key
    keyWords[1] = Math.floor(key / 0x100000000)
  } else if (typeof key === 'boolean') keyLongs[0] = key ? 1n : 0n
  else return key.length * 3 > KEY_BYTES_MAX ? -1 : keyBytes.write(key)
  return 8
}

/** Of the first `length` bytes of `keyBytes`: two rounds of MurmurHash3's mixing a word. */
function hashOf(length: number): number {
  let hash = length
  if (length === 8) {
    hash = mixed(hash ^ (keyWords[0] as number))
    return mixed(hash ^ (keyWords[1] as number))
  }
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ (keyBytes[i] as number), 0x01000193)
  return mixed(hash)
}

function mixed(value: number): number {
  let h = Math.imul(value ^ (value >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}
