// Decodes what clients send. Pure: body in, message out. What we send upstream in the frontend's
// role is encoded by pg-protocol's `serialize`, re-exported here so that one folder owns it.

// The package's ES entry has no "type": "module": loaders that go by that take it for CommonJS.
import { serialize } from 'pg-protocol/dist/index'

import { BodyReader } from './cursor.ts'

/** Encodes frontend messages: parse, bind, describe, execute, close, flush, sync, query, … */
export const frontend: typeof serialize = serialize

export interface ParseMessage {
  readonly name: string
  readonly text: string
  /** Type OIDs the client gave; 0 is "infer". */
  readonly types: readonly number[]
}

export interface BindMessage {
  readonly portal: string
  readonly statement: string
  /** 0 text, 1 binary; none: all text; one: for all. */
  readonly parameterFormats: readonly number[]
  readonly parameters: readonly (Buffer | null)[]
  readonly resultFormats: readonly number[]
}

/** Describe and Close name a prepared statement ('S') or a portal ('P'). */
export interface TargetMessage {
  readonly kind: 'S' | 'P'
  readonly name: string
}

export interface ExecuteMessage {
  readonly portal: string
  /** 0: all rows; Postgres takes what is below zero for that too. */
  readonly rowsMax: number
}

export const decodeQuery = (body: Buffer): string => new BodyReader(body).cstring()

export function decodeParse(body: Buffer): ParseMessage {
  const reader = new BodyReader(body)
  const name = reader.cstring()
  const text = reader.cstring()
  return { name, text, types: reader.list(reader.int16(), () => reader.uint32()) }
}

export function decodeBind(body: Buffer): BindMessage {
  const reader = new BodyReader(body)
  const portal = reader.cstring()
  const statement = reader.cstring()
  const parameterFormats = reader.list(reader.int16(), () => reader.int16())
  const parameters = reader.list(reader.int16(), () => reader.counted())
  const resultFormats = reader.list(reader.int16(), () => reader.int16())
  return { portal, statement, parameterFormats, parameters, resultFormats }
}

export function decodeTarget(body: Buffer): TargetMessage {
  const reader = new BodyReader(body)
  const kind = reader.byte() === 0x53 ? 'S' : 'P'
  return { kind, name: reader.cstring() }
}

export function decodeExecute(body: Buffer): ExecuteMessage {
  const reader = new BodyReader(body)
  return { portal: reader.cstring(), rowsMax: Math.max(reader.int32(), 0) }
}

/** The format code of the i-th of many (Bind's rule: none means text, one is for all). */
export function formatAt(formats: readonly number[], index: number): number {
  if (formats.length === 0) return 0
  return (formats.length === 1 ? formats[0] : formats[index]) ?? 0
}
