// PREPARE TRANSACTION where the transaction has made or altered relations. Whether those stand is known
// when it ends, and who ends a prepared one is another session, at any time: it is refused, as Postgres
// refuses it to transactions that have used temporary tables, and like there the transaction is over.

import { featureNotSupported } from '../errors.ts'
import type { PgError } from '../errors.ts'
import { textOf, unwrap } from '../sql/ast.ts'
import { parseSql } from '../sql/parser.ts'
import type { Conversation } from './conversation.ts'
import { askUpstream } from './statements/ask.ts'

const WORD = /\bprepare\b/i

const ENDS: ReadonlySet<string> = new Set([
  'TRANS_STMT_COMMIT',
  'TRANS_STMT_ROLLBACK',
  'TRANS_STMT_PREPARE'
])

/** The text would prepare a transaction that has to end here. */
export const isUnpreparable = (c: Conversation, text: string): boolean =>
  c.hasDefined && !c.hasFailed && WORD.test(text) && firstEnd(text) === 'TRANS_STMT_PREPARE'

/** How a text ends the transaction that is open. */
function firstEnd(text: string): string | undefined {
  try {
    return parseSql(text)
      .map(({ node }) => textOf(unwrap(node, 'TransactionStmt') ?? {}, 'kind'))
      .find((kind) => ENDS.has(kind))
  } catch {
    return undefined
  }
}

/** Rolls it back, inside a batch. @returns what to report. @throws UpstreamError */
export async function rolledBack(c: Conversation): Promise<PgError> {
  await askUpstream(c, 'ROLLBACK')
  return featureNotSupported(
    'cannot PREPARE a transaction that has created or altered a relation with a connector',
    { hint: 'Use COMMIT, or do it in a transaction of its own.' }
  )
}
