// A nested protobuf message as canonical JSON text, for jsonb columns. As protobuf's specification
// has it (64-bit integers are strings, well-known types have forms of their own), except that
// fields keep the names of the .proto file, and that a field without presence always shows.

import protobuf from 'protobufjs'
import protojson from 'protobufjs/ext/protojson.js'

import { float4Text } from '../types/float-text.ts'
import { columnFields, columnName, typeNamed } from './protobuf-columns.ts'

/** A decoded message: what is its own was in the payload, the rest are defaults. */
export type Message = Readonly<Record<string, unknown>>

/** protobufjs writes these; Any holds a message that we write. */
const WELL_KNOWN =
  /^\.google\.protobuf\.(?:Timestamp|Duration|FieldMask|Struct|Value|ListValue|\w+Value)$/
const ANY = '.google.protobuf.Any'

type Print = (value: unknown) => string

interface Member {
  readonly key: string
  /** protobufjs's name. */
  readonly name: string
  /** Left out where the payload has none. */
  readonly isOptional: boolean
  readonly print: Print
}

const MEMBERS = new WeakMap<protobuf.Type, readonly Member[]>()

/** @throws Error for what has no JSON form: an Any of unknown type, a Timestamp out of range */
export function messageJson(type: protobuf.Type, message: Message): string {
  if (type.fullName === ANY) return anyJson(type.root, message)
  if (isWellKnown(type)) return JSON.stringify(protojson.toJson(type, message))
  return `{${membersOf(type, message).join(',')}}`
}

/** A field's value as JSON, repeated fields and maps included. */
export const fieldJson = (field: protobuf.Field): Print =>
  field instanceof protobuf.MapField ? mapPrinter(field) : repeatedPrinter(field)

const isWellKnown = ({ fullName }: protobuf.Type): boolean => WELL_KNOWN.test(fullName)

function membersOf(type: protobuf.Type, message: Message): string[] {
  const members = MEMBERS.get(type) ?? compile(type)
  const printed: string[] = []
  for (const { key, name, isOptional, print } of members) {
    if (isOptional && !isPresent(message, name)) continue
    printed.push(`${key}:${print(message[name])}`)
  }
  return printed
}

export const isPresent = (message: Message, name: string): boolean =>
  Object.hasOwn(message, name) && message[name] !== null

function compile(type: protobuf.Type): readonly Member[] {
  const members = columnFields(type).map((field) => ({
    key: JSON.stringify(columnName(field)),
    name: field.name,
    isOptional: hasPresence(field),
    print: fieldJson(field)
  }))
  MEMBERS.set(type, members)
  return members
}

/** Whether a payload without the field differs from one with its default. */
export const hasPresence = (field: protobuf.Field): boolean =>
  !field.repeated &&
  !field.map &&
  (field.resolvedType instanceof protobuf.Type || Boolean(field.hasPresence))

function repeatedPrinter(field: protobuf.Field): Print {
  const print = singlePrinter(field)
  if (!field.repeated) return print
  return (values) => `[${(values as readonly unknown[]).map(print).join(',')}]`
}

function mapPrinter(field: protobuf.MapField): Print {
  const print = singlePrinter(field)
  const isUnsigned = /^(?:uint64|fixed64)$/.test(field.keyType)
  // protobufjs keeps 64-bit keys as eight characters of their bytes.
  const keyOf = field.keyType.endsWith('64')
    ? (key: string) => `${protobuf.util.longFromHash(key, isUnsigned) as bigint | number}`
    : (key: string) => key
  return (map) => {
    const members = Object.entries(map as Message)
    return `{${members.map(([k, v]) => `${JSON.stringify(keyOf(k))}:${print(v)}`).join(',')}}`
  }
}

function singlePrinter(field: Pick<protobuf.FieldBase, 'type' | 'resolvedType'>): Print {
  const { resolvedType } = field
  if (resolvedType instanceof protobuf.Type) {
    return (value) => messageJson(resolvedType, value as Message)
  }
  if (resolvedType instanceof protobuf.Enum) return enumPrinter(resolvedType)
  switch (field.type) {
    case 'bytes':
      return (value) => `"${Buffer.from(value as Uint8Array).toString('base64')}"`
    case 'float':
      return (value) => floatJson(value as number, float4Text)
    case 'double':
      return (value) => floatJson(value as number, String)
    case 'string':
      return (value) => JSON.stringify(value)
    default:
      // Integers and booleans; those of 64 bits are strings.
      return field.type.endsWith('64') ? (value) => `"${String(value)}"` : String
  }
}

/** A number that has no name stays a number. */
function enumPrinter({ valuesById }: protobuf.Enum): Print {
  return (value) => JSON.stringify(valuesById[value as number] ?? value)
}

const floatJson = (value: number, text: (value: number) => string): string =>
  Number.isFinite(value) ? text(value) : `"${value}"`

function anyJson(root: protobuf.Root, message: Message): string {
  const url = (message['typeUrl'] ?? message['type_url'] ?? '') as string
  if (url === '') return '{}'
  const name = url.slice(url.lastIndexOf('/') + 1)
  const type = typeNamed(root, name)
  if (!type) throw new Error(`the schema has no message ${name}`)
  const inner = type.decode((message['value'] as Uint8Array | undefined) ?? new Uint8Array(0))
  const kind = `"@type":${JSON.stringify(url)}`
  if (isWellKnown(type) || type.fullName === ANY) {
    return `{${kind},"value":${messageJson(type, inner as unknown as Message)}}`
  }
  return `{${[kind, ...membersOf(type, inner as unknown as Message)].join(',')}}`
}
