// Marked statements: a ▼ stands before the character that the error must point at.

import { PgError } from '../../src/errors.ts'
import type { Test } from 'tap'

export interface ExpectedError {
  readonly code: string
  readonly message: string
  readonly hint?: RegExp
  readonly detail?: RegExp
}

/** The statement without its mark, and the mark's 1-based character position. */
export function unmark(marked: string): { sql: string; position: number | undefined } {
  const [before, ...after] = marked.split('▼')
  const sql = before! + after.join('')
  return { sql, position: after.length === 0 ? undefined : Array.from(before!).length + 1 }
}

/** Runs `act` on the unmarked statement and checks every fact of the error it must throw. */
export function expectError(
  t: Test,
  marked: string,
  act: (sql: string) => unknown,
  expected: ExpectedError
): void {
  const { sql, position } = unmark(marked)
  const error = thrownBy(() => act(sql))
  if (!(error instanceof PgError)) {
    t.fail(`no PgError: ${sql}`, { got: error })
    return
  }
  const { code, message } = error
  t.strictSame(
    { code, message, position: error.position },
    { code: expected.code, message: expected.message, position },
    sql
  )
  if (expected.hint) t.match(error.hint, expected.hint, `hint: ${sql}`)
  if (expected.detail) t.match(error.detail, expected.detail, `detail: ${sql}`)
}

function thrownBy(act: () => unknown): unknown {
  try {
    act()
    return undefined
  } catch (error) {
    return error
  }
}
