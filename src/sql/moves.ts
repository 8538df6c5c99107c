// Which portals a text reads on by FETCH and MOVE. Pure.

import { tryScanTokens } from './parser.ts'
import { splitStatements } from './split.ts'
import { identifierName } from './tokens.ts'

/** Most texts hold neither word, and need not be taken apart. */
const MOVES = /\b(?:fetch|move)\b/i

/** The portals' names; both statements end with it (gram.y, FetchStmt). */
export function movedPortals(text: string): ReadonlySet<string> {
  if (!MOVES.test(text)) return new Set()
  const names = (splitStatements(text) ?? []).map((statement) => movedPortal(statement.text))
  return new Set(names.filter((name) => name !== undefined))
}

function movedPortal(statement: string): string | undefined {
  const tokens = tryScanTokens(statement)
  const word = tokens?.[0]?.word
  const last = tokens?.at(-1)
  return last && (word === 'fetch' || word === 'move') ? identifierName(last) : undefined
}
