// From an Avro type to the function that reads one value of it, as it lies there: what a logical type
// means, and which column takes it, is not known here.

import type { Type } from 'avsc'

import { invariant } from '../errors.ts'
import { AvroSyntaxError } from './avro-cursor.ts'
import type { AvroCursor } from './avro-cursor.ts'
import { isArray, isEnum, isFixed, isMap, isRecord, isUnion, known } from './avro-type.ts'

/**
 * A value as read: boolean; number (int, float, double); bigint (long); string (string, and an
 * enum's symbol); Uint8Array (bytes and fixed, in the payload's memory); Raw[] (array; record, in
 * the order of its fields); [string, Raw][] (map); Branch (union); null.
 */
export type Raw = unknown

export type ReadRaw = (cursor: AvroCursor) => Raw

/** A union's value, and which of its types it has. */
export class Branch {
  readonly index: number
  readonly value: Raw

  constructor(index: number, value: Raw) {
    this.index = index
    this.value = value
  }
}

/** Types may contain themselves: `made` holds the readers that are being made. */
export function rawReader(given: Type, made = new Map<Type, ReadRaw>()): ReadRaw {
  const { type } = known(given)
  const ready = made.get(type)
  if (ready) return ready
  if (isRecord(type)) return recordReader(type, made)
  if (isArray(type)) return arrayReader(rawReader(type.itemsType, made))
  if (isMap(type)) return mapReader(rawReader(type.valuesType as Type, made))
  if (isUnion(type)) return unionReader(type.types.map((branch) => rawReader(branch, made)))
  if (isEnum(type)) return enumReader(type.symbols)
  if (isFixed(type)) return fixedReader(type.size)
  const read = PRIMITIVE[type.typeName]
  invariant(read, `a reader of Avro's ${type.typeName}`)
  return read
}

const PRIMITIVE: Readonly<Record<string, ReadRaw>> = {
  null: (cursor) => {
    cursor.nothing()
    return null
  },
  boolean: (cursor) => {
    const byte = cursor.byte()
    if (byte > 1) throw new AvroSyntaxError('a boolean is neither 0 nor 1')
    return byte === 1
  },
  int: (cursor) => cursor.int(),
  long: (cursor) => cursor.long(),
  float: (cursor) => cursor.float(),
  double: (cursor) => cursor.double(),
  bytes: (cursor) => cursor.bytes(),
  string: (cursor) => cursor.text()
}

function recordReader(
  type: Type & { readonly fields: readonly { readonly type: Type }[] },
  made: Map<Type, ReadRaw>
): ReadRaw {
  const readers: ReadRaw[] = []
  const read: ReadRaw = (cursor) =>
    cursor.inside(() => readers.map((readField) => readField(cursor)))
  made.set(type, read)
  for (const field of type.fields) readers.push(rawReader(field.type, made))
  return read
}

function arrayReader(readItem: ReadRaw): ReadRaw {
  return (cursor) =>
    cursor.inside(() => {
      const items: Raw[] = []
      cursor.blocks(() => items.push(readItem(cursor)))
      return items
    })
}

function mapReader(readValue: ReadRaw): ReadRaw {
  return (cursor) =>
    cursor.inside(() => {
      const entries: [string, Raw][] = []
      cursor.blocks(() => entries.push([cursor.text(), readValue(cursor)]))
      return entries
    })
}

function unionReader(readers: readonly ReadRaw[]): ReadRaw {
  return (cursor) => {
    const index = cursor.int()
    const read = readers[index]
    if (!read) throw new AvroSyntaxError(`a union has no type ${index}`)
    return cursor.inside(() => new Branch(index, read(cursor)))
  }
}

function enumReader(symbols: readonly string[]): ReadRaw {
  return (cursor) => {
    const index = cursor.int()
    const symbol = symbols[index]
    if (symbol === undefined) throw new AvroSyntaxError(`an enum has no symbol ${index}`)
    return symbol
  }
}

const fixedReader =
  (size: number): ReadRaw =>
  (cursor) =>
    cursor.fixed(size)
