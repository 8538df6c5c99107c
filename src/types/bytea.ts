// bytea: hex and escape formats, raw bytes in binary. Source: varlena.c and encode.c of Postgres.

import { invalidParameterValue, invalidTextRepresentation } from '../errors.ts'
import type { Codec } from './codec.ts'
import { OID } from './oids.ts'

const BACKSLASH = 0x5c

function escaped(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) {
    if (byte === BACKSLASH) text += '\\\\'
    else if (byte >= 0x20 && byte <= 0x7e) text += String.fromCharCode(byte)
    else text += `\\${byte.toString(8).padStart(3, '0')}`
  }
  return text
}

function fromHex(text: string): Uint8Array {
  // Blanks may stand between the bytes, not inside one.
  const parts = text.slice(2).split(/[ \n\t\r]+/)
  const packed = parts.join('')
  const odd = /[^0-9a-f]/iu.exec(packed)
  if (odd) throw invalidParameterValue(`invalid hexadecimal digit: "${odd[0]}"`)
  if (parts.some((part) => part.length % 2 !== 0)) {
    throw invalidParameterValue('invalid hexadecimal data: odd number of digits')
  }
  return Buffer.from(packed, 'hex')
}

function fromEscape(text: string): Uint8Array {
  const parts: Uint8Array[] = []
  let from = 0
  for (let at = text.indexOf('\\'); at !== -1; at = text.indexOf('\\', from)) {
    const code = /^\\(?:(\\)|([0-3][0-7]{2}))/.exec(text.slice(at, at + 4))
    if (!code) throw invalidTextRepresentation('invalid input syntax for type bytea')
    parts.push(Buffer.from(text.slice(from, at), 'utf8'))
    parts.push(Uint8Array.of(code[1] ? BACKSLASH : parseInt(code[2] as string, 8)))
    from = at + code[0].length
  }
  parts.push(Buffer.from(text.slice(from), 'utf8'))
  return Buffer.concat(parts)
}

export const bytea: Codec = {
  oid: OID.bytea,
  typlen: -1,
  toText(value, _type, settings) {
    const bytes = value as Uint8Array
    if (settings.byteaOutput === 'escape') return escaped(bytes)
    return `\\x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}`
  },
  toBinary: (value) => value as Uint8Array,
  fromText: (text) => (text.startsWith('\\x') ? fromHex(text) : fromEscape(text)),
  // A copy: the field lies in a buffer that the socket will use again.
  fromBinary: (bytes) => Uint8Array.from(bytes)
}
