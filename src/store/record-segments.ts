// Keyed records in a few large buffers, outside of the collector's heap: a million rows as JavaScript
// objects would cost three times the memory and seconds of marking. What memory has no room for lies in
// a file. Owns the records' layout and the room that dead ones leave; which record is a key's, and what
// a field means, it must never know.
//
//   record:  hash u32 │ capacity u32 │ key bytes u32 │ field bytes i32 (-1: no row) │ key │ fields

import type { SegmentFile } from './segment-file.ts'

/** Small enough to be filled soon, large enough that a table has few. */
export const SEGMENT_BYTES = 1024 * 1024
export const HEADER_BYTES = 16
/** A location is the record's place among all segments, in units of this. */
const UNIT_BYTES = 8
const UNITS_PER_SEGMENT = SEGMENT_BYTES / UNIT_BYTES
export const NO_ROW = -1

/** A larger record is refused. */
export const RECORD_BYTES_MAX = 64 * 1024
/** A location and one have room in 31 bits: 16 GiB. */
const SEGMENTS_MAX = 2 ** 31 / UNITS_PER_SEGMENT - 1
/** Read of a record in the file at once: most are shorter. */
const READ_BYTES = 512
/** Of the header's words. */
const [HASH, CAPACITY, KEY, FIELDS] = [0, 1, 2, 3] as const

interface Memory {
  readonly bytes: Buffer
  readonly words: Int32Array
}

interface Segment {
  /** undefined: it is in the file. */
  memory: Memory | undefined
  /** It is in the file, or on its way there: its records stay as they are. */
  isSealed: boolean
  /** Where the next record goes. */
  end: number
}

/** A record, good until another one is looked at or any is changed. */
export interface Found {
  readonly bytes: Buffer
  /** Where its key begins, and how long it is. */
  readonly keyAt: number
  readonly keyBytes: number
  /** NO_ROW, or how many bytes of fields follow the key. */
  readonly fieldBytes: number
}

/** What a record is made of. */
export interface Content {
  readonly hash: number
  readonly key: Buffer
  readonly keyBytes: number
  /** They begin at `fieldsAt`. */
  readonly fields: Buffer
  readonly fieldsAt: number
  /** NO_ROW: there are none. */
  readonly fieldBytes: number
}

/** A record moves: the index is to follow. False: nothing refers to it, it is dead. */
export type Moved = (hash: number, from: number, to: number) => boolean

export class RecordSegments {
  readonly #file: SegmentFile
  readonly #moved: Moved
  readonly #segments: Segment[] = []
  /** The segment that is being filled, and the one cleared last. */
  #current = -1
  #cleared = 0
  /** Full ones in memory, that filled longest ago first. */
  #full: number[] = []
  #inMemory = 0
  #deadBytes = 0
  /** A record out of the file, and which one. */
  readonly #scratch = memoryOf(RECORD_BYTES_MAX)
  #inScratch = -1
  readonly #found = { bytes: this.#scratch.bytes, keyAt: 0, keyBytes: 0, fieldBytes: 0 }

  constructor(file: SegmentFile, moved: Moved) {
    this.#file = file
    this.#moved = moved
  }

  /** Memory taken. */
  get bytes(): number {
    return this.#inMemory * SEGMENT_BYTES
  }

  /** Bytes filled, in memory and in the file. */
  get used(): number {
    return this.#segments.reduce((sum, { end }) => sum + end, 0)
  }

  at(location: number): Found {
    const memory = this.#memoryOf(location)
    const { words } = memory
    const at = this.#placeIn(memory, location)
    const found = this.#found
    found.bytes = memory.bytes
    found.keyAt = at + HEADER_BYTES
    found.keyBytes = words[at / 4 + KEY] as number
    found.fieldBytes = words[at / 4 + FIELDS] as number
    return found
  }

  /** Where the record is now. @throws Error when there are too many, and what the file system says */
  add(content: Content): number {
    const needed = capacityFor(content)
    let segment = this.#segments[this.#current]
    if (!segment || segment.end + needed > SEGMENT_BYTES) segment = this.#next(needed)
    const at = segment.end
    segment.end += needed
    const { bytes, words } = segment.memory!
    words[at / 4 + HASH] = content.hash
    words[at / 4 + CAPACITY] = needed
    words[at / 4 + KEY] = content.keyBytes
    content.key.copy(bytes, at + HEADER_BYTES, 0, content.keyBytes)
    setFields(segment.memory!, at, content)
    return this.#current * UNITS_PER_SEGMENT + at / UNIT_BYTES
  }

  /** Gives the record of this key other fields, where it is; false when there is no room for them. */
  change(location: number, content: Content): boolean {
    const segment = this.#segments[Math.floor(location / UNITS_PER_SEGMENT)]!
    if (segment.isSealed) return false
    const memory = segment.memory!
    const at = placeOf(location)
    if (capacityFor(content) > (memory.words[at / 4 + CAPACITY] as number)) return false
    setFields(memory, at, content)
    return true
  }

  /** Nothing will refer to the record any more. */
  bury(location: number): void {
    const memory = this.#memoryOf(location)
    this.#deadBytes += memory.words[this.#placeIn(memory, location) / 4 + CAPACITY] as number
  }

  /**
   * Moves full segments into the file until so many bytes of memory are free; the records in them stay
   * readable throughout. Not to be called again before it has ended.
   * @throws what the file system says
   */
  async spill(bytes: number): Promise<void> {
    for (let freed = 0; freed < bytes; freed += SEGMENT_BYTES) {
      const number = this.#full.shift()
      if (number === undefined) return
      const segment = this.#segments[number]!
      segment.isSealed = true
      await this.#file.write(segment.memory!.bytes, number * SEGMENT_BYTES)
      segment.memory = undefined
      this.#inMemory--
    }
  }

  close(): void {
    this.#full = []
    this.#file.close()
  }

  /** Where the record is to be read: in its segment, or fetched from the file by itself. */
  #memoryOf(location: number): Memory {
    const { memory } = this.#segments[Math.floor(location / UNITS_PER_SEGMENT)]!
    if (memory) return memory
    if (this.#inScratch !== location) this.#read(location)
    return this.#scratch
  }

  #placeIn(memory: Memory, location: number): number {
    return memory === this.#scratch ? 0 : placeOf(location)
  }

  #read(location: number): void {
    const { bytes, words } = this.#scratch
    const position = location * UNIT_BYTES
    this.#inScratch = -1
    this.#file.read(bytes, READ_BYTES, position)
    const capacity = words[CAPACITY] as number
    if (capacity > READ_BYTES) this.#file.read(bytes, capacity, position)
    this.#inScratch = location
  }

  /** A third of dead records is worth clearing a segment for; most often that makes the room. */
  #next(needed: number): Segment {
    if (this.#current >= 0) this.#full.push(this.#current)
    const total = this.#segments.length * SEGMENT_BYTES
    if (this.#segments.length > 2 && this.#deadBytes * 3 > total) {
      const cleared = this.#clearOne()
      if (cleared && cleared.end + needed <= SEGMENT_BYTES) return cleared
      if (cleared) this.#full.push(this.#current)
    }
    if (this.#segments.length === SEGMENTS_MAX) throw new Error('too many rows to be kept')
    const segment = { memory: memoryOf(SEGMENT_BYTES), isSealed: false, end: 0 }
    this.#inMemory++
    this.#current = this.#segments.push(segment) - 1
    return segment
  }

  /** Goes round: the one that was cleared longest ago. It becomes the current one. */
  #clearOne(): Segment | undefined {
    const number = (this.#cleared + 1) % this.#segments.length
    this.#cleared = number
    const segment = this.#segments[number]!
    const isOnItsWay = segment.isSealed && segment.memory !== undefined
    if (isOnItsWay) return undefined
    this.#full = this.#full.filter((each) => each !== number)
    if (!segment.memory) this.#fetch(number, segment)
    this.#clear(number, segment)
    this.#current = number
    return segment
  }

  #fetch(number: number, segment: Segment): void {
    const memory = memoryOf(SEGMENT_BYTES)
    this.#file.read(memory.bytes, segment.end, number * SEGMENT_BYTES)
    segment.memory = memory
    segment.isSealed = false
    this.#inMemory++
    this.#inScratch = -1
  }

  /** Moves a segment's live records together. */
  #clear(number: number, segment: Segment): void {
    const { bytes, words } = segment.memory!
    const first = number * UNITS_PER_SEGMENT
    const { end } = segment
    segment.end = 0
    for (let at = 0; at < end;) {
      const capacity = words[at / 4 + CAPACITY] as number
      const hash = words[at / 4 + HASH] as number
      const to = segment.end
      if (this.#moved(hash, first + at / UNIT_BYTES, first + to / UNIT_BYTES)) {
        bytes.copyWithin(to, at, at + capacity)
        segment.end = to + capacity
      } else this.#deadBytes -= capacity
      at += capacity
    }
  }
}

function memoryOf(size: number): Memory {
  const bytes = Buffer.allocUnsafeSlow(size)
  return { bytes, words: new Int32Array(bytes.buffer) }
}

const placeOf = (location: number): number => (location % UNITS_PER_SEGMENT) * UNIT_BYTES

/** Of a record, its header included: so that the next one begins at a whole unit. */
const capacityFor = ({ keyBytes, fieldBytes }: Content): number =>
  Math.ceil((HEADER_BYTES + keyBytes + Math.max(fieldBytes, 0)) / UNIT_BYTES) * UNIT_BYTES

function setFields({ bytes, words }: Memory, at: number, content: Content): void {
  const { keyBytes, fields, fieldsAt, fieldBytes } = content
  words[at / 4 + FIELDS] = fieldBytes
  if (fieldBytes > 0)
    fields.copy(bytes, at + HEADER_BYTES + keyBytes, fieldsAt, fieldsAt + fieldBytes)
}
