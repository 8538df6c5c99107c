// uuid: canonical lower case with hyphens, 16 bytes in binary. Source: string_to_uuid in uuid.c.

import { invalidTextRepresentation } from '../errors.ts'
import { fixedWidth } from './bytes.ts'
import type { Codec } from './codec.ts'
import { OID } from './oids.ts'

// A hyphen may follow any second byte, and braces may stand around the whole.
const UUID = /^(\{?)(?:[0-9a-f]{4}-?){7}[0-9a-f]{4}(\}?)$/i
const CANONICAL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

const hyphenated = (hex: string): string =>
  hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

export const uuid: Codec = {
  oid: OID.uuid,
  typlen: 16,
  toText: (value) => value as string,
  toBinary: (value) => Buffer.from((value as string).replaceAll('-', ''), 'hex'),
  fromText(text) {
    if (CANONICAL.test(text)) return text
    const found = UUID.exec(text)
    if (!found || (found[1] === '') !== (found[2] === '')) {
      throw invalidTextRepresentation(`invalid input syntax for type uuid: "${text}"`)
    }
    return hyphenated(text.replace(/[{}-]/g, '').toLowerCase())
  },
  fromBinary(bytes) {
    fixedWidth(bytes, 16)
    return hyphenated(Buffer.from(bytes).toString('hex'))
  }
}
