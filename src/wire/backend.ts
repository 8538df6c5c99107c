// What servers send: encoding for our clients, decoding for what we ask of the upstream. Pure.

import type { PgError } from '../errors.ts'
import { BodyReader } from './cursor.ts'

export interface Field {
  readonly name: string
  readonly tableOid: number
  readonly attnum: number
  readonly typeOid: number
  readonly typeSize: number
  readonly typmod: number
  readonly format: number
}

/** One frame of type `letter` around `body`. */
export function frame(letter: string, ...body: Buffer[]): Buffer {
  const size = body.reduce((sum, part) => sum + part.length, 4)
  const header = Buffer.alloc(5)
  header.write(letter, 0, 'latin1')
  header.writeInt32BE(size, 1)
  return Buffer.concat([header, ...body])
}

const cstring = (text: string): Buffer => Buffer.from(`${text}\0`)

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

export const PARSE_COMPLETE = frame('1')
export const BIND_COMPLETE = frame('2')
export const CLOSE_COMPLETE = frame('3')
export const NO_DATA = frame('n')
export const PORTAL_SUSPENDED = frame('s')
export const EMPTY_QUERY = frame('I')
export const AUTHENTICATION_OK = frame('R', int32(0))
export const CLEARTEXT_PASSWORD = frame('R', int32(3))

export const commandComplete = (tag: string): Buffer => frame('C', cstring(tag))

const SELECTED_ONE = commandComplete('SELECT 1')

/** CommandComplete of a SELECT. */
export const selected = (rows: number): Buffer =>
  rows === 1 ? SELECTED_ONE : commandComplete(`SELECT ${rows}`)

const READY = new Map(Array.from('ITE', (status) => [status, frame('Z', Buffer.from(status))]))

/** `status`: I idle, T in a transaction, E in a failed one. */
export const readyForQuery = (status: string): Buffer =>
  READY.get(status) ?? frame('Z', Buffer.from(status, 'latin1'))

export const parameterStatus = (name: string, value: string): Buffer =>
  frame('S', cstring(name), cstring(value))

export const backendKeyData = (pid: number, secret: Buffer): Buffer =>
  frame('K', int32(pid), secret)

export const parameterDescription = (types: readonly number[]): Buffer =>
  frame('t', int16(types.length), ...types.map(int32))

export function rowDescription(fields: readonly Field[]): Buffer {
  const parts = fields.flatMap((field) => [
    cstring(field.name),
    int32(field.tableOid),
    int16(field.attnum),
    int32(field.typeOid),
    int16(field.typeSize),
    int32(field.typmod),
    int16(field.format)
  ])
  return frame('T', int16(fields.length), ...parts)
}

/** A column of text, as utility statements return it. */
export const textField = (name: string): Field => ({
  name,
  tableOid: 0,
  attnum: 0,
  typeOid: 25,
  typeSize: -1,
  typmod: -1,
  format: 0
})

/** A row of text fields. For the few rows of utility statements; scans have RowWriter. */
export function textRow(values: readonly (string | null)[]): Buffer {
  const parts = values.flatMap((value) => {
    if (value === null) return [int32(-1)]
    const bytes = Buffer.from(value)
    return [int32(bytes.length), bytes]
  })
  return frame('D', int16(values.length), ...parts)
}

function fieldsOfError(error: PgError): [string, string][] {
  const fields: [string, string | undefined][] = [
    ['S', error.severity],
    ['V', error.severity],
    ['C', error.code],
    ['M', error.message],
    ['D', error.detail],
    ['H', error.hint],
    ['P', error.position?.toString()]
  ]
  return fields.filter((field): field is [string, string] => field[1] !== undefined)
}

const tagged = (fields: readonly [string, string][]): Buffer =>
  Buffer.concat([...fields.map(([tag, text]) => cstring(tag + text)), Buffer.alloc(1)])

export const errorResponse = (error: PgError): Buffer => frame('E', tagged(fieldsOfError(error)))

export const notice = (message: string, hint?: string): Buffer =>
  noticeResponse('NOTICE', '00000', message, hint === undefined ? [] : [['H', hint]])

export const warning = (message: string, detail: string): Buffer =>
  noticeResponse('WARNING', '01000', message, [['D', detail]])

const noticeResponse = (
  severity: string,
  code: string,
  message: string,
  rest: [string, string][]
): Buffer =>
  frame('N', tagged([['S', severity], ['V', severity], ['C', code], ['M', message], ...rest]))

/** ErrorResponse or NoticeResponse: field letter → text. */
export function decodeErrorFields(body: Buffer): Map<string, string> {
  const reader = new BodyReader(body)
  const fields = new Map<string, string>()
  for (let tag = reader.byte(); tag !== 0; tag = reader.byte()) {
    fields.set(String.fromCharCode(tag), reader.cstring())
  }
  return fields
}

/** Is this ErrorResponse the last message? Before 9.6 there is only a translated severity. */
export function endsConnection(body: Buffer): boolean {
  const fields = decodeErrorFields(body)
  return ['FATAL', 'PANIC'].includes(fields.get('V') ?? fields.get('S') ?? '')
}

/** Re-encodes error fields, each as it was, for an error whose position had to be moved. */
export const encodeErrorFields = (fields: ReadonlyMap<string, string>): Buffer =>
  frame('E', tagged([...fields]))

export function decodeRowDescription(body: Buffer): Field[] {
  const reader = new BodyReader(body)
  return reader.list(reader.int16(), () => ({
    name: reader.cstring(),
    tableOid: reader.uint32(),
    attnum: reader.int16(),
    typeOid: reader.uint32(),
    typeSize: reader.int16(),
    typmod: reader.int32(),
    format: reader.int16()
  }))
}

export function decodeParameterDescription(body: Buffer): number[] {
  const reader = new BodyReader(body)
  return reader.list(reader.int16(), () => reader.uint32())
}

export function decodeDataRow(body: Buffer): (Buffer | null)[] {
  const reader = new BodyReader(body)
  return reader.list(reader.int16(), () => reader.counted())
}

export function decodeParameterStatus(body: Buffer): [name: string, value: string] {
  const reader = new BodyReader(body)
  return [reader.cstring(), reader.cstring()]
}

export function decodeKeyData(body: Buffer): { pid: number; secret: Buffer } {
  return { pid: body.readInt32BE(0), secret: Buffer.from(body.subarray(4)) }
}
