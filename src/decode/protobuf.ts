// A protobuf payload to a row. protobufjs's generated code reads the message; each column then takes
// its field by a function compiled for its type. Only nested messages pass through JSON.

import type protobuf from 'protobufjs'

import { invalidTableDefinition } from '../errors.ts'
import type { Decoded, ProtobufEncoding } from '../types/connector.ts'
import type { Column, RelationSchema, Value } from '../types/value.ts'
import type { PayloadDecoder } from './decoder.ts'
import { Misfit } from './misfit.ts'
import { columnFields, columnName } from './protobuf-columns.ts'
import { hasPresence, isPresent } from './protobuf-json.ts'
import type { Message } from './protobuf-json.ts'
import { messageType } from './protobuf-schema.ts'
import { valueReader } from './protobuf-value.ts'
import type { ReadValue } from './protobuf-value.ts'
import { requirementOf } from './required.ts'

interface Target {
  /** The field's name in a decoded message. */
  readonly name: string
  readonly isOptional: boolean
  readonly read: ReadValue
  readonly required: string | undefined
}

/** @throws PgError 22023 for a schema that cannot be read, 42P16 for a column it does not offer */
export async function compileProtobufDecoder(
  schema: RelationSchema,
  encoding: ProtobufEncoding
): Promise<PayloadDecoder> {
  const type = await messageType(encoding.schema, encoding.message, encoding.location)
  const fields = new Map(columnFields(type).map((field) => [columnName(field), field]))
  const targets = schema.columns.map((column) => targetOf(column, fields, schema))
  return (payload) => {
    let message: Message
    try {
      message = type.decode(asBuffer(payload)) as unknown as Message
    } catch (error) {
      return failed(`payload is not a valid ${encoding.message}: ${said(error)}`)
    }
    return toRow(targets, message)
  }
}

/** protobufjs reads a Buffer's text natively. */
const asBuffer = (payload: Uint8Array): Buffer =>
  Buffer.from(payload.buffer, payload.byteOffset, payload.length)

const failed = (error: string): Decoded => ({ ok: false, error })

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function targetOf(
  column: Column,
  fields: ReadonlyMap<string, protobuf.Field>,
  schema: RelationSchema
): Target {
  const field = fields.get(column.name)
  if (!field) throw notInSource(column.name)
  return {
    name: field.name,
    isOptional: hasPresence(field),
    read: valueReader(field, column.type),
    required: requirementOf(column, schema)
  }
}

/** RisingWave's words. */
const notInSource = (name: string): Error =>
  invalidTableDefinition(`Column "${name}" is defined in SQL but not found in the source`)

function toRow(targets: readonly Target[], message: Message): Decoded {
  const row: Value[] = []
  for (const { name, isOptional, read, required } of targets) {
    if (isOptional && !isPresent(message, name)) {
      if (required !== undefined) return failed(`${required} is missing`)
      row.push(null)
      continue
    }
    const value = read(message[name])
    if (value instanceof Misfit) {
      if (required !== undefined) return failed(`${required} does not take its value: ${value.why}`)
      row.push(null)
    } else row.push(value)
  }
  return { ok: true, row }
}
