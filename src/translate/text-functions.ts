// The table of functions over texts. What is absent is relayed.
// An entry is here only when both sides agree for every value, or DuckDB raises where they do not.
// Must never fold or compare a text whose collation is not "C".

import { ARRAY_OID, OID } from '../types/oids.ts'
import type { Expr } from './expr.ts'
import { factsOf, fallible, guard, relay, typed } from './expr.ts'
import { INTEGERS, TEXTS } from './families.ts'
import { build, type FunctionRule, type Make, wholeFrom } from './function-rules.ts'
import { foldAscii } from './patterns.ts'
import { replaceMatch } from './regex.ts'

const length = build(OID.int4, (a) => `CAST(length(${a}) AS INTEGER)`)
const position = build(OID.int4, (a, b) => `CAST(strpos(${a}, ${b}) AS INTEGER)`)

const substring: Make = (a, from, count) => {
  const start = wholeFrom(1, from)
  const sql =
    count === undefined
      ? `substring(${a.sql}, ${start})`
      : `substring(${a.sql}, ${start}, ${wholeFrom(0, count)})`
  return typed(sql, OID.text, factsOf([a]))
}

const side =
  (name: string): Make =>
  (a, count) =>
    typed(`${name}(${a.sql}, ${wholeFrom(0, count)})`, OID.text, factsOf([a]))

const trim =
  (name: string): Make =>
  (a, characters) =>
    typed(`${name}(${a.sql}, ${trimmed(characters)})`, OID.text, factsOf([a]))

/** One character: DuckDB reads several as Postgres does, but for none at all. */
function trimmed(characters: Expr | undefined): string {
  if (characters === undefined) return `' '`
  return typeof characters.literal === 'string' && characters.literal !== ''
    ? characters.sql
    : relay('an argument is not a plain constant')
}

/** NULLs count as nothing; the arguments are printed as a cast to text prints them. */
const concat: Make = (...args) => {
  const texts = args.map((arg) => `COALESCE(${asText(arg)}, '')`)
  return typed(`(${texts.join(' || ')})`, OID.text, factsOf(args))
}

function asText(arg: Expr): string {
  const { oid } = arg.type
  if (TEXTS.includes(oid)) return arg.sql
  if (oid === OID.numeric) return arg.printed ?? relay('the scale of a numeric is not known')
  return `CAST(${arg.sql} AS VARCHAR)`
}

/**
 * The elements one after the other; NULLs are left out, or stand there as the third argument. An empty
 * array is an empty text. An element is printed as its type prints it, which a cast to text need not do.
 */
const joinElements: Make = (array, separator, instead) => {
  if (typeof separator?.literal !== 'string') return relay('an argument is not a plain constant')
  if (instead !== undefined && typeof instead.literal !== 'string')
    return relay('an argument is not a plain constant')
  const isFlag = array.type.oid === ARRAY_OID[OID.bool]
  const item = isFlag ? `CASE WHEN v THEN 't' WHEN NOT v THEN 'f' END` : 'CAST(v AS VARCHAR)'
  const shown = instead ? `COALESCE(${item}, ${instead.sql})` : item
  const items = `list_filter(list_transform(${array.sql}, lambda v: ${shown}), lambda v: v IS NOT NULL)`
  const joined = `COALESCE(array_to_string(${items}, ${separator.sql}), '')`
  const sql = `(CASE WHEN ${array.sql} IS NULL THEN NULL ELSE ${joined} END)`
  return typed(sql, OID.text, factsOf([array, separator]))
}

/** A field from 1 on of a text split at a text that is not empty. */
const splitPart: Make = (a, at, field) => {
  if (!at || typeof at.literal !== 'string' || at.literal === '') return relay('split_part')
  return typed(`split_part(${a.sql}, ${at.sql}, ${wholeFrom(1, field)})`, OID.text, factsOf([a]))
}

/** To at most this many characters: a text without end is left to Postgres. */
const PADDED_MAX = 10_000

const pad =
  (name: string): Make =>
  (a, count, fill) => {
    const width = wholeFrom(0, count)
    if (width > PADDED_MAX) return relay(`${name} to so many characters`)
    return typed(`${name}(${a.sql}, ${width}, ${trimmed(fill)})`, OID.text, factsOf([a]))
  }

const repeat: Make = (a, count) => {
  const times = wholeFrom(0, count)
  if (times > PADDED_MAX) return relay('repeat of so many')
  return typed(`repeat(${a.sql}, ${times})`, OID.text, factsOf([a]))
}

/** The code point of the first character; of an empty text 0. */
const ascii: Make = (a) => {
  const sql = `CASE WHEN ${a.sql} = '' THEN 0 ELSE unicode(${a.sql}) END`
  return typed(`CAST((${sql}) AS INTEGER)`, OID.int4, factsOf([a]))
}

/** A surrogate or a number out of range raises there. */
const chr: Make = (a) => {
  const fault = `${a.sql} < 1 OR ${a.sql} > 55295`
  const sql = `(${guard(fault, `chr(${a.sql})`, 'character out of range')})`
  return fallible(typed(sql, OID.text, factsOf([a])))
}

const replace = build(OID.text, (a, b, c) => `replace(${a}, ${b}, ${c})`)

const ONE = [TEXTS]
const TWO = [TEXTS, TEXTS]
const WHOLE = [OID.int4]
const JOINED = [...TEXTS, ...INTEGERS, OID.bool, OID.uuid].map((oid) => ARRAY_OID[oid] ?? 0)
const PRINTED = [...TEXTS, OID.int2, OID.int4, OID.int8, OID.numeric, OID.uuid]

export const TEXT_FUNCTIONS: readonly FunctionRule[] = [
  { name: 'length', takes: ONE, make: length },
  { name: 'length', takes: [[OID.bpchar]], make: length },
  { name: 'char_length', takes: ONE, make: length },
  { name: 'character_length', takes: ONE, make: length },
  {
    name: 'octet_length',
    takes: ONE,
    make: build(OID.int4, (a) => `CAST(strlen(${a}) AS INTEGER)`)
  },
  { name: 'lower', takes: ONE, make: (a) => foldAscii(a, 'lower') },
  { name: 'upper', takes: ONE, make: (a) => foldAscii(a, 'upper') },
  { name: 'strpos', takes: TWO, make: position },
  { name: 'position', takes: TWO, make: position },
  { name: 'starts_with', takes: TWO, make: build(OID.bool, (a, b) => `starts_with(${a}, ${b})`) },
  { name: 'substring', takes: [TEXTS, WHOLE], make: substring },
  { name: 'substring', takes: [TEXTS, WHOLE, WHOLE], make: substring },
  { name: 'substr', takes: [TEXTS, WHOLE], make: substring },
  { name: 'substr', takes: [TEXTS, WHOLE, WHOLE], make: substring },
  { name: 'left', takes: [TEXTS, WHOLE], make: side('left') },
  { name: 'right', takes: [TEXTS, WHOLE], make: side('right') },
  { name: 'btrim', takes: ONE, make: trim('trim') },
  { name: 'ltrim', takes: ONE, make: trim('ltrim') },
  { name: 'rtrim', takes: ONE, make: trim('rtrim') },
  { name: 'btrim', takes: TWO, make: trim('trim') },
  { name: 'ltrim', takes: TWO, make: trim('ltrim') },
  { name: 'rtrim', takes: TWO, make: trim('rtrim') },
  { name: 'lpad', takes: [TEXTS, WHOLE], make: pad('lpad') },
  { name: 'rpad', takes: [TEXTS, WHOLE], make: pad('rpad') },
  { name: 'lpad', takes: [TEXTS, WHOLE, TEXTS], make: pad('lpad') },
  { name: 'rpad', takes: [TEXTS, WHOLE, TEXTS], make: pad('rpad') },
  { name: 'repeat', takes: [TEXTS, WHOLE], make: repeat },
  { name: 'ascii', takes: ONE, make: ascii },
  { name: 'chr', takes: [WHOLE], make: chr },
  { name: 'split_part', takes: [TEXTS, TEXTS, WHOLE], make: splitPart },
  { name: 'replace', takes: [TEXTS, TEXTS, TEXTS], make: replace },
  { name: 'array_to_string', takes: [JOINED, TEXTS], make: joinElements },
  { name: 'array_to_string', takes: [JOINED, TEXTS, TEXTS], make: joinElements },
  { name: 'regexp_replace', takes: [TEXTS, TEXTS, TEXTS], make: replaceMatch },
  { name: 'md5', takes: ONE, make: build(OID.text, (a) => `md5(${a})`) },
  { name: 'concat', takes: [PRINTED], make: concat },
  { name: 'concat', takes: [PRINTED, PRINTED], make: concat },
  { name: 'concat', takes: [PRINTED, PRINTED, PRINTED], make: concat },
  { name: 'concat', takes: [PRINTED, PRINTED, PRINTED, PRINTED], make: concat },
  { name: 'concat', takes: [PRINTED, PRINTED, PRINTED, PRINTED, PRINTED], make: concat }
]
