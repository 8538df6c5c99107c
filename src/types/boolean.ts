// boolean: 't' and 'f', one byte; input takes every prefix that boolin takes.
// Source: parse_bool_with_len in Postgres's bool.c.

import { invalidTextRepresentation } from '../errors.ts'
import { fixedWidth, trimBlanks } from './bytes.ts'
import type { Codec } from './codec.ts'
import { OID } from './oids.ts'

// 'o' alone is ambiguous between on and off.
const TRUE = new Set(['t', 'tr', 'tru', 'true', 'y', 'ye', 'yes', 'on', '1'])
const FALSE = new Set(['f', 'fa', 'fal', 'fals', 'false', 'n', 'no', 'of', 'off', '0'])

export const bool: Codec = {
  oid: OID.bool,
  typlen: 1,
  toText: (value) => (value === true ? 't' : 'f'),
  toBinary: (value) => Uint8Array.of(value === true ? 1 : 0),
  fromText(text) {
    const word = trimBlanks(text).toLowerCase()
    if (TRUE.has(word)) return true
    if (FALSE.has(word)) return false
    throw invalidTextRepresentation(`invalid input syntax for type boolean: "${text}"`)
  },
  fromBinary: (bytes) => fixedWidth(bytes, 1).getUint8(0) !== 0
}
