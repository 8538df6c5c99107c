// Reads `( key = value, … )` as WITH and FORMAT … ENCODE … have it: keys dotted and folded, values
// constants. Knows no key; the position of every part is kept for the errors of those who do.

import { featureNotSupported, syntaxError } from '../errors.ts'
import { stringValue } from './tokens.ts'
import type { PgError } from '../errors.ts'
import type { QualifiedName, TokenCursor } from './cursor.ts'

export interface GivenOption {
  /** Folded, as written otherwise. */
  readonly key: string
  /** Numbers and booleans as their text. */
  readonly value: string
  /** 1-based character positions of key and value. */
  readonly position: number
  readonly valuePosition: number
  /** Given as SECRET name: the value is that one's, '' until it is known. */
  readonly secret?: QualifiedName
}

/**
 * Takes the list; a comma behind the last option is fine.
 * @throws PgError 42601 for a malformed list and for a key given twice; 0A000 for SECRET … AS FILE
 */
export function readOptionList(cursor: TokenCursor): GivenOption[] {
  const options: GivenOption[] = []
  cursor.expectSymbol('(')
  for (let isFirst = true; !cursor.isSymbol(')'); isFirst = false) {
    if (!isFirst) cursor.expectSymbol(',')
    if (!isFirst && cursor.isSymbol(')')) break
    const option = readOption(cursor)
    if (options.some(({ key }) => key === option.key)) throw duplicatedOption(option)
    options.push(option)
  }
  cursor.expectSymbol(')')
  return options
}

/** RisingWave's words. */
export const duplicatedOption = ({ key, position }: GivenOption): PgError =>
  syntaxError(`Duplicated option: ${key}`, { position })

function readOption(cursor: TokenCursor): GivenOption {
  const { position } = cursor
  let key = cursor.label()
  while (cursor.acceptSymbol('.')) key += `.${cursor.label()}`
  // An operator glued to the sign (=`…`) is one token: the value is what's wrong with it.
  if (!cursor.acceptSymbol('=')) throw isGluedSign(cursor) ? badValue(cursor) : cursor.fail()
  const valuePosition = cursor.position
  key = key.toLowerCase()
  if (cursor.accept('secret')) {
    const secret = cursor.qualifiedName()
    if (cursor.isNext('as')) throw asFile(cursor)
    return { key, value: '', position, valuePosition, secret }
  }
  return { key, value: readValue(cursor), position, valuePosition }
}

const asFile = (cursor: TokenCursor): PgError =>
  featureNotSupported('SECRET … AS FILE is not supported', {
    position: cursor.position,
    hint: 'Leave out AS FILE: the value of the secret itself is taken.'
  })

const isGluedSign = (cursor: TokenCursor): boolean => cursor.peek()?.text.startsWith('=') === true

function readValue(cursor: TokenCursor): string {
  const sign = cursor.isSymbol('-') || cursor.isSymbol('+') ? 1 : 0
  const token = cursor.peek(sign)
  if (!token) throw sign === 0 ? cursor.fail() : badValue(cursor)
  if (sign === 0 && (token.word === 'true' || token.word === 'false')) {
    cursor.next()
    return token.word
  }
  if (token.kind === 'number') {
    const minus = sign === 1 && cursor.next().text === '-' ? '-' : ''
    return minus + cursor.next().text
  }
  const value = sign === 0 && token.kind === 'string' ? stringValue(token.text) : undefined
  if (value === undefined) throw badValue(cursor)
  cursor.next()
  return value
}

function badValue(cursor: TokenCursor): PgError {
  const { position } = cursor
  return syntaxError(
    '`with options` or `with properties` only support single quoted string value and C style ' +
      'escaped string',
    { position, hint: "Write the value as '…', E'…', a number, true or false." }
  )
}
