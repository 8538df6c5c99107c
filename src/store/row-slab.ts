// Rows' fields by key: the index over what record-segments.ts keeps. Must never know what a field means.

import { HEADER_BYTES, NO_ROW, RECORD_BYTES_MAX, RecordSegments } from './record-segments.ts'
import type { SegmentFile } from './segment-file.ts'

const FIRST_SLOTS = 1024
const SLOT_BYTES = 8
/** A slot holds a location + 1, or one of these. */
const FREE = 0
const REMOVED = -1

/** Keys are equal when their JavaScript values are: see normalized in batch-rows.ts. */
export type RowKey = string | number | bigint | boolean

const KEY_BYTES_MAX = 1024

/** The fields of one record: a view of the slab that is good until the slab is next asked or changed. */
export interface Fields {
  bytes: Buffer
  start: number
  end: number
}

const keyBytes = Buffer.allocUnsafeSlow(KEY_BYTES_MAX)
const keyLongs = new BigInt64Array(keyBytes.buffer, 0, 1)
const keyWords = new Int32Array(keyBytes.buffer, 0, 2)

export class RowSlab {
  readonly #segments: RecordSegments
  #slots = new Int32Array(FIRST_SLOTS)
  /** Of the record in each slot: growing needn't look at the records. */
  #hashes = new Int32Array(FIRST_SLOTS)
  /** Slots that aren't free. */
  #used = 0
  #count = 0
  readonly #found: Fields = { bytes: keyBytes, start: 0, end: 0 }

  /** @param file where `spill` puts what is in memory; it is closed with the slab */
  constructor(file: SegmentFile) {
    this.#segments = new RecordSegments(file, (hash, from, to) => this.#moved(hash, from, to))
  }

  /** Records, those without a row included. */
  get count(): number {
    return this.#count
  }

  /** Memory taken. */
  get bytes(): number {
    return this.#segments.bytes + this.#slots.length * SLOT_BYTES
  }

  /** What so many records like these would take, the index for them included. */
  bytesExpected(count: number): number {
    return (this.#segments.used / Math.max(this.#count, 1)) * count + this.indexBytes(count)
  }

  /** Memory that the index for so many takes, which always has to be there. */
  indexBytes(count: number): number {
    return this.#slotsFor(count) * SLOT_BYTES
  }

  /** Frees so many bytes of memory, if records hold them. @throws what the file system says */
  spill(bytes: number): Promise<void> {
    return this.#segments.spill(bytes)
  }

  close(): void {
    this.#segments.close()
  }

  /**
   * The key's fields; null: it is known to have no row; undefined: it has no record.
   * @throws what the file system says
   */
  find(key: RowKey): Fields | null | undefined {
    const length = encodeKey(key)
    if (length < 0) return undefined
    const slot = this.#slotOf(hashOf(length), length)
    if (slot < 0) return undefined
    const record = this.#segments.at((this.#slots[slot] as number) - 1)
    if (record.fieldBytes === NO_ROW) return null
    const found = this.#found
    found.bytes = record.bytes
    found.start = record.keyAt + record.keyBytes
    found.end = found.start + record.fieldBytes
    return found
  }

  has(key: RowKey): boolean {
    const length = encodeKey(key)
    return length >= 0 && this.#slotOf(hashOf(length), length) >= 0
  }

  /** Keeps `size` bytes of `fields` for the key; false when that is too much. */
  set(key: RowKey, fields: Buffer, size: number, fieldsAt = 0): boolean {
    const length = encodeKey(key)
    if (length < 0 || HEADER_BYTES + length + size > RECORD_BYTES_MAX) return false
    this.#put(length, fields, fieldsAt, size)
    return true
  }

  /** Keeps that the key has no row; false for a key that can't be kept. */
  setNone(key: RowKey): boolean {
    const length = encodeKey(key)
    if (length < 0) return false
    this.#put(length, keyBytes, 0, NO_ROW)
    return true
  }

  #put(keyLength: number, fields: Buffer, fieldsAt: number, fieldBytes: number): void {
    const hash = hashOf(keyLength)
    const content = { hash, key: keyBytes, keyBytes: keyLength, fields, fieldsAt, fieldBytes }
    const slot = this.#slotOf(hash, keyLength)
    if (slot < 0) return this.#insert(hash, this.#segments.add(content))
    const location = (this.#slots[slot] as number) - 1
    if (this.#segments.change(location, content)) return
    this.#segments.bury(location)
    // The key's bytes are shared: what makes room must not encode another one meanwhile.
    this.#slots[slot] = this.#segments.add(content) + 1
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
    const { bytes, keyAt, keyBytes: itsLength } = this.#segments.at(location)
    if (itsLength !== length) return false
    for (let i = 0; i < length; i++) if (bytes[keyAt + i] !== keyBytes[i]) return false
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

  /** A record is to lie elsewhere: false when no key has it. */
  #moved(hash: number, from: number, to: number): boolean {
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const entry = this.#slots[slot] as number
      if (entry === FREE) return false
      if (entry !== from + 1) continue
      this.#slots[slot] = to + 1
      return true
    }
  }

  /** Forgets the key. */
  remove(key: RowKey): void {
    const length = encodeKey(key)
    const slot = length < 0 ? -1 : this.#slotOf(hashOf(length), length)
    if (slot < 0) return
    this.#segments.bury((this.#slots[slot] as number) - 1)
    this.#slots[slot] = REMOVED
    this.#count--
  }
}

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
