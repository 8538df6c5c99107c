// DuckDB vectors → canonical values: the read side. Owns how each DuckDB type looks as a Value;
// must never keep a reference to a chunk's memory in what it returns, nor guess at a type that has
// no canonical form.

import {
  DuckDBBlobVector,
  DuckDBDecimalType,
  DuckDBListType,
  DuckDBListVector,
  DuckDBTypeId,
  DuckDBVarCharVector
} from '@duckdb/node-api'
import type { DuckDBDataChunk, DuckDBType, DuckDBVector } from '@duckdb/node-api'
import type { Value } from '../types/value.ts'
import { vectorValidity, vectorView } from './duck-memory.ts'
import { readText } from './duck-text.ts'
import { DATE_INFINITY } from './duck-types.ts'
import { StoreError } from './store-error.ts'

/** Reads the first `count` fields of a vector. */
export type ReadVector = (vector: DuckDBVector, count: number) => Value[]

/** How to read a column of this type. @throws StoreError for a type without a canonical form. */
export function vectorReader(type: DuckDBType): ReadVector {
  if (type instanceof DuckDBDecimalType) return decimalReader(type)
  if (type instanceof DuckDBListType) return listReader(vectorReader(type.valueType))
  const read = READ[type.typeId]
  if (!read) throw new StoreError(`the store can't return a value of type ${type.toString()}`)
  return read
}

/** About how much memory the chunk keeps: 16 bytes a field and its long texts. */
export function chunkBytes(chunk: DuckDBDataChunk): number {
  const rows = chunk.rowCount
  let bytes = rows * chunk.columnCount * 16
  for (let i = 0; i < chunk.columnCount; i++) bytes += textBytes(chunk.getColumnVector(i), rows)
  return bytes
}

function textBytes(vector: DuckDBVector, count: number): number {
  if (vector instanceof DuckDBListVector) {
    const { childVector } = vector
    return childVector.itemCount * 16 + textBytes(childVector, childVector.itemCount)
  }
  if (!(vector instanceof DuckDBVarCharVector || vector instanceof DuckDBBlobVector)) return 0
  const fields = vectorView(vector, Uint32Array, count * 4)
  const validity = vectorValidity(vector)
  let bytes = 0
  // What NULL has for a length is left from before.
  for (let i = 0; i < count; i++) if (!isNull(validity, i)) bytes += fields[i * 4] as number
  return bytes
}

const isNull = (validity: Uint8Array | undefined, i: number): boolean =>
  validity !== undefined && ((validity[i >> 3] as number) & (1 << (i & 7))) === 0

/** An array sized at once: growing it value by value takes twice as long. */
function room(count: number): Value[] {
  const values: Value[] = []
  values.length = count
  return values
}

/** A reader that turns every field that isn't NULL into a value by `read(i)`. */
function reader(open: (vector: DuckDBVector, count: number) => (i: number) => Value): ReadVector {
  return (vector, count) => {
    const read = open(vector, count)
    const validity = vectorValidity(vector)
    const values = room(count)
    if (validity) for (let i = 0; i < count; i++) values[i] = isNull(validity, i) ? null : read(i)
    else for (let i = 0; i < count; i++) values[i] = read(i)
    return values
  }
}

type View<T> = new (buffer: ArrayBuffer, byteOffset: number, length: number) => { [i: number]: T }

/** A column whose memory holds the canonical values as they are. */
function plain<T extends number | bigint>(view: View<T>): ReadVector {
  return (vector, count) => {
    const fields = vectorView(vector, view, count)
    const validity = vectorValidity(vector)
    const values = room(count)
    if (validity) {
      for (let i = 0; i < count; i++) values[i] = isNull(validity, i) ? null : (fields[i] as T)
    } else for (let i = 0; i < count; i++) values[i] = fields[i] as T
    return values
  }
}

const readBoolean = reader((vector, count) => {
  const fields = vectorView(vector, Uint8Array, count)
  return (i) => fields[i] !== 0
})

const readDate = reader((vector, count) => {
  const fields = vectorView(vector, Int32Array, count)
  return (i) => {
    const days = fields[i] as number
    if (days === DATE_INFINITY) return Infinity
    return days === -DATE_INFINITY ? -Infinity : days
  }
})

const readInterval = reader((vector, count) => {
  const parts = vectorView(vector, Int32Array, count * 4)
  const longs = vectorView(vector, BigInt64Array, count * 2)
  return (i) => ({
    months: parts[i * 4] as number,
    days: parts[i * 4 + 1] as number,
    micros: longs[i * 2 + 1] as bigint
  })
})

const readBlob = reader((vector) => {
  const blobs = vector as DuckDBBlobVector
  return (i) => Uint8Array.from(blobs.getItemBytes(i) as Uint8Array)
})

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** A little-endian 128-bit number, its top bit flipped so that it sorts as its text does. */
const readUuid = reader((vector, count) => {
  const bytes = vectorView(vector, Uint8Array, count * 16)
  return (i) => {
    let text = HEX[(bytes[i * 16 + 15] as number) ^ 0x80] as string
    for (let at = 14; at >= 0; at--) {
      if (at === 11 || at === 9 || at === 7 || at === 5) text += '-'
      text += HEX[bytes[i * 16 + at] as number] as string
    }
    return text
  }
})

function int128(vector: DuckDBVector, count: number): (i: number) => bigint {
  const low = vectorView(vector, BigUint64Array, count * 2)
  const high = vectorView(vector, BigInt64Array, count * 2)
  return (i) => ((high[i * 2 + 1] as bigint) << 64n) + (low[i * 2] as bigint)
}

function uint128(vector: DuckDBVector, count: number): (i: number) => bigint {
  const words = vectorView(vector, BigUint64Array, count * 2)
  return (i) => ((words[i * 2 + 1] as bigint) << 64n) + (words[i * 2] as bigint)
}

function decimalReader(type: DuckDBDecimalType): ReadVector {
  const { width, scale } = type
  return reader((vector, count) => {
    const digits = decimalDigits(width, vector, count)
    return (i) => withPoint(digits(i).toString(), scale)
  })
}

/** DECIMAL is kept in the smallest integer that has room for its width. */
function decimalDigits(width: number, vector: DuckDBVector, count: number) {
  if (width > 18) return int128(vector, count)
  const view = width > 9 ? BigInt64Array : width > 4 ? Int32Array : Int16Array
  const fields: { [i: number]: number | bigint } = vectorView<{ [i: number]: number | bigint }>(
    vector,
    view,
    count
  )
  return (i: number): number | bigint => fields[i] as number | bigint
}

function withPoint(digits: string, scale: number): string {
  if (scale === 0) return digits
  const sign = digits.startsWith('-') ? '-' : ''
  const padded = digits.slice(sign.length).padStart(scale + 1, '0')
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

function listReader(readChild: ReadVector): ReadVector {
  return reader((vector) => {
    const list = vector as DuckDBListVector
    const child = readChild(list.childVector, list.childVector.itemCount)
    return (i) => {
      const start = list.getEntryOffset(i)
      return child.slice(start, start + list.getEntryLength(i))
    }
  })
}

const READ: Readonly<Partial<Record<DuckDBTypeId, ReadVector>>> = {
  [DuckDBTypeId.BOOLEAN]: readBoolean,
  [DuckDBTypeId.TINYINT]: plain(Int8Array),
  [DuckDBTypeId.SMALLINT]: plain(Int16Array),
  [DuckDBTypeId.INTEGER]: plain(Int32Array),
  [DuckDBTypeId.BIGINT]: plain(BigInt64Array),
  [DuckDBTypeId.UTINYINT]: plain(Uint8Array),
  [DuckDBTypeId.USMALLINT]: plain(Uint16Array),
  [DuckDBTypeId.UINTEGER]: plain(Uint32Array),
  [DuckDBTypeId.UBIGINT]: reader((vector, count) => {
    const fields = vectorView(vector, BigUint64Array, count)
    return (i) => String(fields[i])
  }),
  [DuckDBTypeId.HUGEINT]: reader((vector, count) => {
    const read = int128(vector, count)
    return (i) => read(i).toString()
  }),
  [DuckDBTypeId.UHUGEINT]: reader((vector, count) => {
    const read = uint128(vector, count)
    return (i) => read(i).toString()
  }),
  [DuckDBTypeId.FLOAT]: plain(Float32Array),
  [DuckDBTypeId.DOUBLE]: plain(Float64Array),
  [DuckDBTypeId.DATE]: readDate,
  [DuckDBTypeId.TIME]: plain(BigInt64Array),
  [DuckDBTypeId.TIMESTAMP]: plain(BigInt64Array),
  [DuckDBTypeId.TIMESTAMP_TZ]: plain(BigInt64Array),
  [DuckDBTypeId.INTERVAL]: readInterval,
  [DuckDBTypeId.VARCHAR]: readText,
  [DuckDBTypeId.BLOB]: readBlob,
  [DuckDBTypeId.UUID]: readUuid,
  [DuckDBTypeId.SQLNULL]: (_vector, count) => room(count).fill(null)
}
