// The operator || of texts, and of a text and what a cast makes a text of.
// Must never join arrays, bytes or jsonb, to which || means something else.

import { OID } from '../types/oids.ts'
import { applyCast } from './casts.ts'
import { type Expr, factsOf, isText, typed } from './expr.ts'
import { EXACT, INTEGERS, TEXTS } from './families.ts'
import type { ZoneName } from './instants.ts'

/** Beside a text these are printed. Source: pg_operator, textanycat and anytextcat. */
export const APPENDED: readonly number[] = [
  ...EXACT,
  OID.bpchar,
  OID.bool,
  OID.uuid,
  OID.date,
  OID.timestamp,
  OID.timestamptz
]

/** What an untyped literal beside this one is, to ||. */
export const besideJoined = (oid: number): number =>
  isText(oid) || APPENDED.includes(oid) ? OID.text : oid

/** Of two constants it is a constant, whose text is known. */
export function concat(_op: string, a: Expr, b: Expr, zone: ZoneName): Expr {
  const [left, right] = [asText(a, zone), asText(b, zone)]
  const expr = typed(`(${left.sql} || ${right.sql})`, OID.text, factsOf([left, right]))
  const [first, second] = [plainText(a), plainText(b)]
  return first !== undefined && second !== undefined ? { ...expr, literal: first + second } : expr
}

const asText = (a: Expr, zone: ZoneName): Expr =>
  TEXTS.includes(a.type.oid) ? a : applyCast(a, { oid: OID.text, typmod: -1 }, zone)

/** The text of a constant that is printed as it is written. */
const plainText = (a: Expr): string | undefined =>
  [...TEXTS, ...INTEGERS].includes(a.type.oid) ? (a.literal ?? undefined) : undefined
