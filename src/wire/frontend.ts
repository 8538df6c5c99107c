// Decodes what clients send. Pure: body in, message out; `from` tells where the body begins, since a
// slice costs more than reading most bodies. What we send upstream in the frontend's role is encoded
// by pg-protocol's `serialize`, re-exported here so that one folder owns it.

// The package's ES entry has no "type": "module": loaders that go by that take it for CommonJS.
import { serialize } from 'pg-protocol/dist/index'

import { protocolViolation } from '../errors.ts'
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

/** `end`: the byte of the body behind the names. */
export type BindNames = Pick<BindMessage, 'portal' | 'statement'> & { readonly end: number }

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

export function decodeQuery(body: Buffer, from = 0): string {
  const reader = new BodyReader(body, from)
  return reader.end(reader.cstring())
}

export function decodeParse(body: Buffer, from = 0): ParseMessage {
  const reader = new BodyReader(body, from)
  const name = reader.cstring()
  const text = reader.cstring()
  return reader.end({ name, text, types: reader.list(reader.int16(), () => reader.uint32()) })
}

/** `names`: what is known of it already. */
export function decodeBind(body: Buffer, from = 0, names?: BindNames): BindMessage {
  const { portal, statement, end } = names ?? decodeBindNames(body, from)
  const reader = new BodyReader(body, end)
  const parameterFormats = reader.list(reader.int16(), () => reader.int16())
  const parameters = reader.list(reader.int16(), () => reader.counted())
  const resultFormats = reader.list(reader.int16(), () => reader.int16())
  return reader.end({ portal, statement, parameterFormats, parameters, resultFormats })
}

/** What a Bind is about, without the rest of it: whether that is well formed, others judge. */
export function decodeBindNames(body: Buffer, from = 0): BindNames {
  const reader = new BodyReader(body, from)
  const [portal, statement] = [reader.cstring(), reader.cstring()]
  return { portal, statement, end: body.length - reader.remaining }
}

export function decodeTarget(body: Buffer, from = 0): TargetMessage {
  const reader = new BodyReader(body, from)
  const kind = String.fromCharCode(reader.byte())
  if (kind !== 'S' && kind !== 'P') throw protocolViolation('invalid message format')
  return reader.end({ kind, name: reader.cstring() })
}

export function decodeExecute(body: Buffer, from = 0): ExecuteMessage {
  const reader = new BodyReader(body, from)
  return reader.end({ portal: reader.cstring(), rowsMax: Math.max(reader.int32(), 0) })
}

/** The format code of the i-th of many (Bind's rule: none means text, one is for all). */
export function formatAt(formats: readonly number[], index: number): number {
  if (formats.length === 0) return 0
  return (formats.length === 1 ? formats[0] : formats[index]) ?? 0
}
