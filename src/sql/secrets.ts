// The grammar of CREATE, ALTER and DROP SECRET as RisingWave has it. Whatever is wrong with one is an
// error here: a text with a secret in it is never relayed.

import { featureNotSupported, invalidParameterValue } from '../errors.ts'
import { limits } from '../limits.ts'
import type { QualifiedName, TokenCursor } from './cursor.ts'
import { readOptionList } from './option-list.ts'
import { stringValue } from './tokens.ts'

export interface SecretStatement {
  readonly kind: 'createSecret' | 'alterSecret' | 'dropSecret'
  readonly name: QualifiedName
  /** CREATE IF NOT EXISTS, DROP IF EXISTS. */
  readonly isLenient: boolean
  /** Of CREATE and ALTER; '' of DROP. */
  readonly value: string
}

/** Takes what follows CREATE SECRET. @throws PgError 42601, 0A000, 22023 */
export function readCreateSecret(cursor: TokenCursor): SecretStatement {
  const isLenient = cursor.accept('if', 'not', 'exists')
  const name = cursor.qualifiedName()
  if (!cursor.isNext('with')) throw cursor.fail("Write WITH (backend = 'meta').")
  return { kind: 'createSecret', name, isLenient, value: readValue(cursor) }
}

/** Takes what follows ALTER SECRET. @throws PgError 42601, 0A000, 22023 */
export function readAlterSecret(cursor: TokenCursor): SecretStatement {
  const name = cursor.qualifiedName()
  return { kind: 'alterSecret', name, isLenient: false, value: readValue(cursor) }
}

/** Takes what follows DROP SECRET. @throws PgError 42601 */
export function readDropSecret(cursor: TokenCursor): SecretStatement {
  const isLenient = cursor.accept('if', 'exists')
  const name = cursor.qualifiedName()
  cursor.accept('restrict')
  cursor.expectEnd()
  return { kind: 'dropSecret', name, isLenient, value: '' }
}

/** [ WITH (backend = 'meta') ] AS 'value' */
function readValue(cursor: TokenCursor): string {
  if (cursor.accept('with')) {
    const { position } = cursor
    const [backend, other] = readOptionList(cursor)
    if (backend?.key !== 'backend' || other) {
      throw invalidParameterValue('a secret has the option "backend" and no other', {
        position: other?.position ?? backend?.position ?? position,
        hint: "Write WITH (backend = 'meta')."
      })
    }
    if (backend.value.toLowerCase() !== 'meta') {
      throw featureNotSupported(`secret backend "${backend.value}" is not supported`, {
        position: backend.valuePosition,
        hint: "Supported is 'meta': the secret is kept in jetgres's data directory."
      })
    }
  }
  cursor.expect('as')
  const token = cursor.peek()
  const value = token?.kind === 'string' ? stringValue(token.text) : undefined
  const { position } = cursor
  if (value === undefined) throw cursor.fail()
  if (Buffer.byteLength(value) > limits.secretBytesMax) {
    throw invalidParameterValue(`a secret has at most ${limits.secretBytesMax} bytes`, { position })
  }
  cursor.next()
  cursor.expectEnd()
  return value
}
