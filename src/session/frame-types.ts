// The types of a client's frames, and which of them are requests. Types and constants only.

import type { RequestKind } from '../upstream/replies.ts'
import { code } from '../wire/frames.ts'

export const TYPE = {
  query: code('Q'),
  parse: code('P'),
  bind: code('B'),
  describe: code('D'),
  execute: code('E'),
  close: code('C'),
  flush: code('H'),
  sync: code('S'),
  call: code('F'),
  copyDone: code('c'),
  copyFail: code('f'),
  password: code('p'),
  terminate: code('X')
} as const

/** A Flush is a header and nothing else. */
export const FLUSH_BYTES = 5

/** What a sound frame asks for whose body can't be read. */
export const REQUESTS: ReadonlyMap<number, RequestKind> = new Map([
  [TYPE.query, 'query'],
  [TYPE.parse, 'parse'],
  [TYPE.bind, 'bind'],
  [TYPE.describe, 'describe'],
  [TYPE.execute, 'execute'],
  [TYPE.close, 'close']
])
