// EXPLAIN [ANALYZE] of a SELECT that names a relation: where it is answered here, the route and
// DuckDB's own plan; where it is relayed, Postgres's plan of it, with the reason in a NOTICE before it.

import type { Explain } from '../../sql/explain.ts'
import { decodeDataRow, notice, textField } from '../../wire/backend.ts'
import { bodyOf, FrameReader } from '../../wire/frames.ts'
import type { Conversation } from '../conversation.ts'
import { describeText } from '../describe.ts'
import { inspect, quotedName } from '../inspect.ts'
import { LocalPortal } from '../local-portal.ts'
import { runLocal } from '../local-run.ts'
import type { LocalPlan, Planned } from '../plan.ts'
import { UpstreamError } from '../upstream-error.ts'
import { planStatement } from '../upstream-rows.ts'
import type { Relayed, Reply } from './reply.ts'

const NOTHING = Buffer.alloc(0)

/** @throws UpstreamError what is wrong with the SELECT, in Postgres's words; PgError */
export async function explain(
  c: Conversation,
  statement: Explain,
  text: string
): Promise<Reply | Relayed> {
  const planned = await plan(c, statement)
  if ('refuse' in planned) throw planned.refuse
  if ('plain' in planned) return 'relay'
  const lines = 'plan' in planned ? await explained(c, statement, text, planned.plan) : planned
  if ('relay' in lines) {
    c.output.write(notice(`jetgres has Postgres run this: ${lines.relay}`))
    return lines
  }
  return { columns: ['QUERY PLAN'], rows: lines.map((line) => [line]), tag: 'EXPLAIN' }
}

async function plan(c: Conversation, { query, shift }: Explain): Promise<Planned> {
  const inspection = inspect(query, c.context.names())
  if (inspection.kind !== 'select') return { plain: true }
  const { tables, used } = inspection
  const described = await describeText(c, query, tables.map(quotedName), used)
  if ('error' in described) throw new UpstreamError(described.error, (position) => position + shift)
  if (described.description.parameters.length > 0) return { relay: 'it has parameters' }
  const input = { ...inspection, ...described, database: c.identity.database, written: c.written }
  return planStatement(c, input, 'flush')
}

/** Through a portal like the statement's own, so that limits of time and cancellation count. */
async function explained(
  c: Conversation,
  { isAnalyze, isVerbose }: Explain,
  text: string,
  { sql, lookup: _lookup, ...plan }: LocalPlan
): Promise<readonly string[] | { readonly relay: string }> {
  const word = isAnalyze ? 'EXPLAIN ANALYZE' : 'EXPLAIN'
  const fields = [textField('key'), textField('value')]
  const asked = { ...plan, sql: `${word} ${sql}`, fields, lookup: undefined }
  const portal = new LocalPortal(asked, [], [], c.context.store)
  const lines = ['Route: local (in DuckDB, from what jetgres has ingested)']
  if (isVerbose) lines.push(`DuckDB: ${sql}`)
  portal.passRows((rows) => {
    for (const row of new FrameReader().push(rows)) {
      lines.push(...planLines(decodeDataRow(bodyOf(row))))
    }
    return NOTHING
  })
  const result = await runLocal(c, portal, text, 0)
  if ('relay' in result) return result
  if ('error' in result) throw result.error
  return lines
}

/** What DuckDB prints, without the blanks around it. */
const planLines = ([, value]: readonly (Buffer | null)[]): readonly string[] =>
  (value?.toString() ?? '').split('\n').filter((line) => line.trim() !== '')
