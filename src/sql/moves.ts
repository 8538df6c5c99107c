// Which portals a text reads on by FETCH and MOVE, and how far where that is plain. Pure.

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

export interface Skip {
  readonly portal: string
  readonly rows: number
}

/** MOVE FORWARD n, as asyncpg's cursors say it; undefined for all else. */
export function readSkip(text: string): Skip | undefined {
  const tokens = MOVES.test(text) ? tryScanTokens(text) : undefined
  const [move, forward, count, ...rest] = tokens ?? []
  if (move?.word !== 'move' || forward?.word !== 'forward' || count?.kind !== 'number')
    return undefined
  const [name, ...more] = ['in', 'from'].includes(rest[0]?.word ?? '') ? rest.slice(1) : rest
  const portal = name && more.length === 0 ? identifierName(name) : undefined
  const rows = Number(count.text)
  // None is the row again that the portal stands on.
  return portal && Number.isSafeInteger(rows) && rows > 0 ? { portal, rows } : undefined
}

function movedPortal(statement: string): string | undefined {
  const tokens = tryScanTokens(statement)
  const word = tokens?.[0]?.word
  const last = tokens?.at(-1)
  return last && (word === 'fetch' || word === 'move') ? identifierName(last) : undefined
}
