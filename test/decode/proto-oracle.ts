// A protobuf message of scalars and what becomes of any bytes that claim to be one, read by the
// wire format's own rules: an oracle that shares nothing with the decoder. Also their generator.

import type { Random } from '../support/random.ts'

/** Fields 1 to 9; `r` packed or not. */
export const PROTO_TEXT = `
syntax = "proto3";
package fuzz;
message Row {
  int32 id = 1; string s = 2; bytes b = 3; double d = 4; bool f = 5; uint64 u = 6;
  repeated sint32 r = 7; fixed32 x = 8; optional int64 l = 9;
}`

export interface Read {
  id: number
  s: string
  b: Buffer
  d: number
  /** Undefined: readers differ over it. */
  f: boolean | undefined
  u: bigint
  r: number[]
  x: number
  l: bigint | null
}

class Malformed extends Error {}

const VARINT = 0
const FIXED64 = 1
const BYTES = 2
const GROUP = 3
const GROUP_END = 4
const FIXED32 = 5

class Walker {
  readonly bytes: Buffer
  at = 0

  constructor(bytes: Buffer) {
    this.bytes = bytes
  }

  take(length: number): Buffer {
    if (length > this.bytes.length - this.at) throw new Malformed()
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  varint(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.take(1)[0]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asUintN(64, value)
    }
    throw new Malformed()
  }

  /** Only bits past the 64th set: C++ and Java read false, protobufjs true, Go refuses it. */
  bool(): boolean | undefined {
    const from = this.at
    const value = this.varint()
    const past = this.at - from === 10 && this.bytes[this.at - 1]! > 1
    return value === 0n && past ? undefined : value !== 0n
  }

  /** A length is 32 bits wide. */
  length(): number {
    const length = this.varint()
    if (length > 0xffff_ffffn) throw new Malformed()
    return Number(length)
  }

  tag(): { field: number; wire: number } {
    const tag = this.varint()
    if (tag > 0xffff_ffffn || tag >> 3n === 0n) throw new Malformed()
    return { field: Number(tag >> 3n), wire: Number(tag & 7n) }
  }

  skip(wire: number, field: number, depth = 0): void {
    if (wire === VARINT) this.#skipVarint()
    else if (wire === FIXED64) this.take(8)
    else if (wire === BYTES) this.take(this.length())
    else if (wire === FIXED32) this.take(4)
    else if (wire === GROUP && depth < 100) this.#skipGroup(field, depth)
    else throw new Malformed()
  }

  /** protobufjs does not look at how long a number is that nobody wants; no row depends on it. */
  #skipVarint(): void {
    while (this.take(1)[0]! >= 0x80);
  }

  #skipGroup(field: number, depth: number): void {
    for (;;) {
      const inner = this.tag()
      if (inner.wire !== GROUP_END) this.skip(inner.wire, inner.field, depth + 1)
      else if (inner.field === field) return
      else throw new Malformed()
    }
  }
}

const zigzag = (value: bigint): number => {
  const low = BigInt.asUintN(32, value)
  return Number((low >> 1n) ^ -(low & 1n))
}

/** The message in these bytes; undefined when they hold none. */
export function readRow(bytes: Buffer): Read | undefined {
  const row: Read = { id: 0, s: '', b: Buffer.of(), d: 0, f: false, u: 0n, r: [], x: 0, l: null }
  const walker = new Walker(bytes)
  try {
    while (walker.at < bytes.length) readField(walker, row)
    return row
  } catch (error) {
    if (error instanceof Malformed) return undefined
    throw error
  }
}

function readField(walker: Walker, row: Read): void {
  const { field, wire } = walker.tag()
  if (field === 1 && wire === VARINT) row.id = Number(BigInt.asIntN(32, walker.varint()))
  else if (field === 2 && wire === BYTES) row.s = utf8(walker.take(walker.length()))
  else if (field === 3 && wire === BYTES) row.b = walker.take(walker.length())
  else if (field === 4 && wire === FIXED64) row.d = walker.take(8).readDoubleLE()
  else if (field === 5 && wire === VARINT) row.f = walker.bool()
  else if (field === 6 && wire === VARINT) row.u = walker.varint()
  else if (field === 7 && wire === VARINT) row.r.push(zigzag(walker.varint()))
  else if (field === 7 && wire === BYTES) readPacked(walker, row)
  else if (field === 8 && wire === FIXED32) row.x = walker.take(4).readUInt32LE()
  else if (field === 9 && wire === VARINT) row.l = BigInt.asIntN(64, walker.varint())
  else walker.skip(wire, field)
}

function readPacked(walker: Walker, row: Read): void {
  const packed = new Walker(walker.take(walker.length()))
  while (packed.at < packed.bytes.length) row.r.push(zigzag(packed.varint()))
}

function utf8(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw new Malformed()
  }
}

const varint = (value: bigint): Buffer => {
  const bytes: number[] = []
  let rest = BigInt.asUintN(64, value)
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(rest)])
}

const delimited = (bytes: Buffer): Buffer => Buffer.concat([varint(BigInt(bytes.length)), bytes])

const NUMBERS = [0n, 1n, -1n, 127n, 128n, 2n ** 31n, -(2n ** 31n), 2n ** 63n - 1n, -(2n ** 63n)]

/** A message of random fields in random order and number, then perhaps damaged. */
export function protoBytes(seeds: Random): Buffer {
  const parts = Array.from({ length: seeds.int(0, 12) }, () => part(seeds))
  const bytes = Buffer.concat(parts)
  const how = seeds.int(0, 5)
  if (how === 0 && bytes.length > 0) return bytes.subarray(0, seeds.int(0, bytes.length - 1))
  if (how === 1) return Buffer.concat([bytes, seeds.bytes(seeds.int(1, 12))])
  if (how !== 2) return bytes
  for (let n = seeds.int(1, 3); n > 0 && bytes.length > 0; n--) {
    bytes[seeds.int(0, bytes.length - 1)] = seeds.int(0, 255)
  }
  return bytes
}

function part(seeds: Random): Buffer {
  const field = seeds.pick([1, 2, 3, 4, 5, 6, 7, 7, 8, 9, seeds.int(10, 100_000)])
  const own: Record<number, number> = { 2: BYTES, 3: BYTES, 4: FIXED64, 7: BYTES, 8: FIXED32 }
  const wire = seeds.bool(0.9) ? (own[field] ?? VARINT) : seeds.int(0, 5)
  const tag = varint(BigInt(field * 8 + wire))
  const number = (): Buffer => varint(seeds.pick(NUMBERS) + BigInt(seeds.int(0, 3)))
  switch (wire) {
    case VARINT:
      return Buffer.concat([tag, number()])
    case FIXED64:
      return Buffer.concat([tag, seeds.bytes(8)])
    case FIXED32:
      return Buffer.concat([tag, seeds.bytes(4)])
    case BYTES:
      return Buffer.concat([tag, delimited(content(seeds, field, number))])
    case GROUP:
      return Buffer.concat([tag, ...nested(seeds), varint(BigInt(field * 8 + GROUP_END))])
    default:
      return tag
  }
}

function content(seeds: Random, field: number, number: () => Buffer): Buffer {
  if (field === 7) return Buffer.concat(Array.from({ length: seeds.int(0, 4) }, number))
  return seeds.pick([
    Buffer.of(),
    Buffer.from('aé😀'),
    Buffer.from('a\0b'),
    Buffer.from('\ufeffx'),
    seeds.bytes(seeds.int(0, 6)),
    Buffer.alloc(seeds.int(0, 5_000), 'x')
  ])
}

const nested = (seeds: Random): Buffer[] => (seeds.bool() ? [] : [part(seeds)])
