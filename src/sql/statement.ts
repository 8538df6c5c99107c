// What one statement is to jetgres: the entry to its own SQL. Pure; everything that is not answered
// with a meaning here is Postgres's to judge.

import { TokenCursor } from './cursor.ts'
import { readCommand } from './commands.ts'
import { readCreateIndex } from './create-index.ts'
import { readCreateRelation } from './create-relation.ts'
import { readCreateSecret } from './secrets.ts'
import { readGrantSource } from './grant-source.ts'
import { tryScanTokens } from './parser.ts'
import { startsIntercepted } from './classify.ts'
import type { Command } from './commands.ts'
import type { CreateIndex } from './create-index.ts'
import type { CreateRelation } from './create-relation.ts'
import { readExplain } from './explain.ts'
import type { Explain } from './explain.ts'
import type { GrantSource } from './grant-source.ts'
import type { Token } from './tokens.ts'

export type OurStatement = CreateRelation | CreateIndex | GrantSource | Explain | Command

/**
 * Reads one statement's text (a semicolon at its end is fine). Undefined: it is not ours, or so
 * broken that Postgres shall say so. Positions are in characters of `text`.
 * @throws PgError when it is ours and cannot be done as written
 */
export function readStatement(text: string): OurStatement | undefined {
  if (!startsIntercepted(text)) return undefined
  const tokens = tryScanTokens(text)?.flatMap(singleAngles)
  if (!tokens) return undefined
  while (tokens.at(-1)?.text === ';') tokens.pop()
  const cursor = new TokenCursor(text, tokens)
  if (cursor.accept('create', 'secret')) return readCreateSecret(cursor)
  if (cursor.accept('explain')) return readExplain(cursor)
  if (cursor.isNext('grant') || cursor.isNext('revoke')) return readGrantSource(cursor)
  if (!cursor.isNext('create')) return readCommand(cursor)
  const isIndex = cursor.isNext('create', 'index') || cursor.isNext('create', 'unique')
  return isIndex ? readCreateIndex(cursor) : readCreateRelation(cursor)
}

/** The closing brackets of struct<a struct<b int>> come as one operator: makes them single. */
function singleAngles(token: Token): Token | Token[] {
  if (token.kind !== 'symbol' || !/^[<>]{2,}$/.test(token.text)) return token
  return Array.from(token.text, (text, i) => {
    const start = token.start + i
    return { ...token, text, start, end: start + 1 }
  })
}
