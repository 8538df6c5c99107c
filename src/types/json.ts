// json keeps its text verbatim, jsonb is printed as Postgres prints it (jsonb.ts does that).
// Binary json is its text; binary jsonb is a version byte and its text.

import { invalidTextRepresentation } from '../errors.ts'
import { badBinary, checkText, decodeUtf8, encodeUtf8 } from './bytes.ts'
import type { Codec } from './codec.ts'
import { toJsonb } from './jsonb.ts'
import { OID } from './oids.ts'

const JSONB_VERSION = 1

function checked(text: string): string {
  try {
    JSON.parse(text)
  } catch (cause) {
    throw invalidTextRepresentation('invalid input syntax for type json', { cause })
  }
  return checkText(text)
}

export const json: Codec = {
  oid: OID.json,
  typlen: -1,
  toText: (value) => value as string,
  toBinary: (value) => encodeUtf8(value as string),
  fromText: checked,
  fromBinary: (bytes) => checked(decodeUtf8(bytes))
}

export const jsonb: Codec = {
  oid: OID.jsonb,
  typlen: -1,
  toText: (value) => value as string,
  toBinary(value) {
    const body = encodeUtf8(value as string)
    const bytes = new Uint8Array(body.length + 1)
    bytes[0] = JSONB_VERSION
    bytes.set(body, 1)
    return bytes
  },
  fromText: (text) => toJsonb(checkText(text)),
  fromBinary(bytes) {
    if (bytes[0] !== JSONB_VERSION) throw badBinary()
    return toJsonb(decodeUtf8(bytes.subarray(1)))
  }
}
