// COPY (SELECT …) TO STDOUT in Postgres's own text form, answered here where its SELECT is: through
// the live child every row would be printed, parsed and printed again. All else about COPY is
// Postgres's.

import { tryScanTokens } from '../sql/parser.ts'
import { characterPosition } from '../sql/tokens.ts'
import { commandComplete } from '../wire/backend.ts'
import { COPY_DONE, copyOutResponse } from '../wire/copy-out.ts'
import type { Conversation } from './conversation.ts'
import { describeQuery } from './describe.ts'
import { inspect, quotedName } from './inspect.ts'
import { LocalPortal } from './local-portal.ts'
import { runLocal } from './local-run.ts'
import type { LocalPlan } from './plan.ts'
import { UpstreamError } from './upstream-error.ts'
import { planStatement } from './upstream-rows.ts'

interface CopiedSelect {
  readonly text: string
  /** Characters of the statement before it. */
  readonly shift: number
}

/**
 * Answers the statement up to its CommandComplete; else says why it must be relayed, undefined being
 * that it is a COPY. `copy` is one COPY to the client, sound where it is of a table.
 * @throws UpstreamError, PgError
 */
export async function copyOut(
  c: Conversation,
  copy: string
): Promise<'answered' | { readonly relay: string | undefined }> {
  const asked = copiedSelect(copy)
  const planned = asked ? await plan(c, asked) : { relay: undefined }
  if ('relay' in planned) return planned
  const portal = new LocalPortal(planned, [], [], c.context.store)
  portal.copyRows()
  const columns = planned.fields.length
  const result = await runLocal(c, portal, copy, 0, () => c.output.write(copyOutResponse(columns)))
  // Where the backend waited beside it, that ends with a Sync.
  if (c.link.dirty && !c.link.skipping) await c.finish()
  if ('relay' in result) return result
  if ('error' in result) throw result.error
  c.output.write(COPY_DONE)
  c.output.write(commandComplete(`COPY ${result.rows}`))
  return 'answered'
}

/** COPY (…) TO STDOUT, without any option. */
function copiedSelect(copy: string): CopiedSelect | undefined {
  const tokens = tryScanTokens(copy) ?? []
  const texts = tokens.map(({ text }) => text.toLowerCase())
  if (texts.at(-1) === ';') texts.pop()
  const last = texts.length - 1
  const isBare =
    texts[1] === '(' &&
    texts[last] === 'stdout' &&
    texts[last - 1] === 'to' &&
    texts[last - 2] === ')'
  if (!isBare) return undefined
  const start = tokens[1]!.end
  return {
    text: copy.slice(start, tokens[last - 2]!.start),
    shift: characterPosition(copy, start) - 1
  }
}

async function plan(
  c: Conversation,
  { text, shift }: CopiedSelect
): Promise<LocalPlan | { readonly relay: string | undefined }> {
  const inspection = inspect(text, c.context.names())
  if (inspection.kind !== 'select') return { relay: undefined }
  const { tables, used } = inspection
  const described = await describeQuery(c, text, tables.map(quotedName), used)
  if ('error' in described) throw new UpstreamError(described.error, (position) => position + shift)
  if (described.description.parameters.length > 0) return { relay: undefined }
  const asked = { ...inspection, ...described, database: c.identity.database, written: c.written }
  const planned = await planStatement(c, asked, 'sync')
  if ('refuse' in planned) throw planned.refuse
  if ('plain' in planned) return { relay: undefined }
  return 'plan' in planned ? planned.plan : planned
}
