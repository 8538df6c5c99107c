// The columns that INCLUDE adds: what NATS tells of a delivery beside its payload. Compiled once a
// relation. Whatever a delivery lacks is NULL; without a key column's value there is no row.

import { PgError } from '../errors.ts'
import type { Delivered, IncludedColumn } from '../types/connector.ts'
import { toJsonb } from '../types/jsonb.ts'
import { OID } from '../types/oids.ts'
import type { Column, RelationSchema, Value } from '../types/value.ts'
import { requirementOf } from './required.ts'

/** Appends the columns' values to the row, or tells why the delivery can be no row. */
export type IncludedReader = (delivery: Delivered, row: Value[]) => string | undefined

type Read = (delivery: Delivered) => Value

/** Without partitions there is one. */
const PARTITION = '0'
const KEY_HEADER = 'Nats-Msg-Id'
/** A key-value bucket's deliveries are $KV.<bucket>.<key>, the key being as long as it likes. */
const KEY_VALUE = /^\$KV\.[^.]+\./

/** `columns` are the included ones, in the schema's order. */
export function compileIncluded(
  schema: RelationSchema,
  columns: readonly Column[],
  included: readonly IncludedColumn[]
): IncludedReader {
  const readers = columns.map((column) => {
    const facts = included.find((other) => other.column === column.name)
    const read = facts ? readerOf(facts, column) : () => null
    return { read, required: requirementOf(column, schema) }
  })
  return (delivery, row) => {
    for (const { read, required } of readers) {
      const value = valueOf(read, delivery)
      if (value === null && required !== undefined) return `${required} is null`
      row.push(value)
    }
    return undefined
  }
}

/** What no Postgres type can hold (a NUL in a header) is NULL. */
function valueOf(read: Read, delivery: Delivered): Value {
  try {
    return read(delivery)
  } catch (error) {
    if (error instanceof PgError) return null
    throw error
  }
}

function readerOf({ field, header }: IncludedColumn, column: Column): Read {
  switch (field) {
    case 'partition':
      return () => PARTITION
    case 'offset':
      return ({ sequence }) => String(sequence)
    case 'sequence':
      return ({ sequence }) => BigInt(sequence)
    case 'timestamp':
      return ({ timestampMicros }) => timestampMicros
    case 'subject':
      return ({ subject }) => subject
    case 'key':
      return keyOf
    case 'payload':
      return payloadReader()
    case 'header':
      return header === undefined ? allHeaders : headerReader(header, column)
  }
}

/** What identifies a delivery to its publisher. */
function keyOf({ subject, headers }: Delivered): Value {
  const place = KEY_VALUE.exec(subject)
  return place ? subject.slice(place[0].length) : (headers.get(KEY_HEADER)?.[0] ?? null)
}

function payloadReader(): Read {
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  return ({ payload }) => (payload.length === 0 ? null : toJsonb(utf8.decode(payload)))
}

/** A header that comes once is a string, one that comes several times an array of them. */
function allHeaders({ headers }: Delivered): Value {
  const members = Array.from(headers, ([name, values]): [string, unknown] => [
    name,
    values.length === 1 ? values[0] : values
  ])
  return toJsonb(JSON.stringify(Object.fromEntries(members)))
}

/** By its exact name, else by the first that differs in case only; of several values the first. */
function headerReader(name: string, column: Column): Read {
  const lower = name.toLowerCase()
  const isBytes = column.type.oid === OID.bytea
  return ({ headers }) => {
    const values =
      headers.get(name) ?? [...headers].find(([other]) => other.toLowerCase() === lower)?.[1]
    const value = values?.[0]
    if (value === undefined) return null
    return isBytes ? Buffer.from(value, 'utf8') : value
  }
}
