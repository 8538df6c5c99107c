// The grammar of a column's type: Postgres's spellings as they are, RisingWave's own ones mapped to
// what the twin's column gets. Types that Postgres may know and we don't are left to Postgres.

import { featureNotSupported } from '../errors.ts'
import type { TokenCursor } from './cursor.ts'
import type { TwinText } from './twin.ts'

/** Spellings of Postgres types that take a collation. */
const COLLATABLE = new Set(['text', 'varchar', 'char', 'character', 'bpchar', 'string', 'nchar'])
/** RisingWave's spellings that Postgres doesn't have. */
const SPELLING: Readonly<Record<string, string>> = { string: 'text', double: 'double precision' }
const SERIAL = /^(?:small|big)?serial$|^serial[248]$/
const INTERVAL_FIELD = /^(?:year|month|day|hour|minute|second)$/

/**
 * Takes a type and writes the twin's. Answers whether it is a text type, which the twin collates,
 * and the scalar type's last name, folded.
 * @throws PgError 42601, 0A000
 */
export function readColumnType(
  cursor: TokenCursor,
  twin: TwinText
): { readonly isText: boolean; readonly name: string | undefined } {
  const start = cursor.index
  if (isRisingWaveNested(cursor)) {
    skipNested(cursor)
    skipArraySuffix(cursor)
    // An array of structs is one document as well: Postgres has no type for its elements.
    twin.insert('jsonb', start)
    return { isText: false, name: undefined }
  }
  const { isText, name } = readScalarType(cursor, twin)
  const suffix = cursor.lastEnd
  skipArraySuffix(cursor)
  twin.copy(suffix, cursor.lastEnd)
  return { isText, name: suffix === cursor.lastEnd ? name : undefined }
}

const isRisingWaveNested = (cursor: TokenCursor): boolean =>
  (cursor.isNext('struct') && cursor.isSymbol('<', 1)) ||
  (cursor.isNext('map') && (cursor.isSymbol('<', 1) || cursor.isSymbol('(', 1)))

function readScalarType(
  cursor: TokenCursor,
  twin: TwinText
): { readonly isText: boolean; readonly name: string } {
  const start = cursor.index
  const word = cursor.peek()?.word
  const quoted = cursor.peek()?.text ?? ''
  const name = readTypeName(cursor)
  if (SERIAL.test(name)) {
    const position = cursor.positionOf(start)
    const hint = 'A relation is filled from its stream only. Use integer or bigint.'
    throw featureNotSupported(`type ${name} is not supported in a relation with a connector`, {
      position,
      hint
    })
  }
  const spelling = word === name && !cursor.isNext('precision') ? SPELLING[name] : undefined
  if (spelling !== undefined) twin.insert(spelling, start)
  const from = spelling === undefined ? start : cursor.lastEnd
  readTypeTail(cursor, word ?? '')
  twin.copy(from, cursor.lastEnd)
  // "char" in quotes is another type, a single byte without collation.
  return { isText: COLLATABLE.has(name) && quoted !== '"char"', name }
}

/** The type's last name, folded: `text` of pg_catalog.text, `character` of national character. */
function readTypeName(cursor: TokenCursor): string {
  if (cursor.accept('national')) {
    if (!cursor.isNext('character') && !cursor.isNext('char')) throw cursor.fail()
  }
  if (cursor.peek()?.keyword === 'reserved') throw cursor.fail()
  let name = cursor.label()
  while (cursor.acceptSymbol('.')) name = cursor.label()
  return name
}

/** What belongs to the type behind its name: varying, (n), with time zone, interval's fields. */
function readTypeTail(cursor: TokenCursor, word: string): void {
  if (word === 'double') cursor.accept('precision')
  if (/^(?:character|char|nchar|bit|national)$/.test(word)) cursor.accept('varying')
  if (word === 'interval') readIntervalFields(cursor)
  readModifiers(cursor)
  if (word !== 'time' && word !== 'timestamp') return
  if (cursor.isNext('with', 'time', 'zone') || cursor.isNext('without', 'time', 'zone')) {
    for (let i = 0; i < 3; i++) cursor.next()
  }
}

function readIntervalFields(cursor: TokenCursor): void {
  while (INTERVAL_FIELD.test(cursor.peek()?.word ?? '') || cursor.isNext('to')) cursor.next()
}

function readModifiers(cursor: TokenCursor): void {
  if (!cursor.acceptSymbol('(')) return
  do {
    cursor.acceptSymbol('-')
    if (cursor.peek()?.kind === 'symbol') throw cursor.fail()
    cursor.next()
  } while (cursor.acceptSymbol(','))
  cursor.expectSymbol(')')
}

function skipArraySuffix(cursor: TokenCursor): void {
  if (cursor.accept('array') && !cursor.isSymbol('[')) return
  while (cursor.acceptSymbol('[')) {
    if (cursor.peek()?.kind === 'number') cursor.next()
    cursor.expectSymbol(']')
  }
}

/** struct<name type, …>, map<key, value> or map(key, value); the parts may nest. */
function skipNested(cursor: TokenCursor): void {
  const isStruct = cursor.next().word === 'struct'
  const close = cursor.next().text === '(' ? ')' : '>'
  let parts = 0
  do {
    if (isStruct) cursor.label()
    skipPartType(cursor)
    parts++
  } while (cursor.acceptSymbol(','))
  if (!isStruct && parts !== 2) throw cursor.fail('A map has a key type and a value type.')
  cursor.expectSymbol(close)
}

function skipPartType(cursor: TokenCursor): void {
  if (isRisingWaveNested(cursor)) skipNested(cursor)
  else {
    const word = cursor.peek()?.word ?? ''
    readTypeName(cursor)
    readTypeTail(cursor, word)
  }
  skipArraySuffix(cursor)
}
