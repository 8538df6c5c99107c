// Frontend messages as bytes, well-formed and otherwise, for tests that speak the protocol by hand.

import { frontend as f } from '../../../src/wire/frontend.ts'

export const sync = f.sync()
export const flush = f.flush()
export const q = (text: string): Buffer => f.query(text)
export const parse = (text: string, name = '', types: number[] = []): Buffer =>
  f.parse({ name, text, types })
/** `formats`: result formats. */
export const bind = (
  values: (string | number | null)[] = [],
  formats: number[] = [],
  statement = '',
  portal = ''
): Buffer =>
  bindBytes(
    portal,
    statement,
    values.map((value) => (value === null ? null : Buffer.from(String(value)))),
    formats
  )
export const run = (rows = 0, portal = ''): Buffer => f.execute({ portal, rows: rows >>> 0 })
export const portalOf = (name = ''): Buffer => f.describe({ type: 'P', name })
export const statementOf = (name = ''): Buffer => f.describe({ type: 'S', name })
export const closeStatement = (name: string): Buffer => f.close({ type: 'S', name })

/** A message that no encoder would make. */
export function frameOf(letter: string, body: Buffer): Buffer {
  const header = Buffer.from([letter.charCodeAt(0), 0, 0, 0, 0])
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

export function bindBytes(
  portal: string,
  statement: string,
  values: readonly (Buffer | null)[],
  formats: readonly number[],
  parameterFormats: readonly number[] = []
): Buffer {
  const int16 = (n: number): Buffer => Buffer.from([(n >> 8) & 255, n & 255])
  const int32 = (n: number): Buffer =>
    Buffer.from([n >> 24, n >> 16, n >> 8, n].map((x) => x & 255))
  const body = Buffer.concat([
    Buffer.from(`${portal}\0${statement}\0`),
    int16(parameterFormats.length),
    ...parameterFormats.map(int16),
    int16(values.length),
    ...values.flatMap((value) => (value ? [int32(value.length), value] : [int32(-1)])),
    int16(formats.length),
    ...formats.map(int16)
  ])
  return frameOf('B', body)
}

/** FunctionCall of int4pl(1, 2), by its OID, in text. */
export function callPlus(): Buffer {
  const argument = (text: string): number[] => [0, 0, 0, text.length, ...Buffer.from(text)]
  const body = [0, 0, 0, 177, 0, 1, 0, 0, 0, 2, ...argument('1'), ...argument('2'), 0, 0]
  return frameOf('F', Buffer.from(body))
}
