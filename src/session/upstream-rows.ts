// A SELECT over relations and small tables of the upstream's own: their rows are read through the
// session's own connection, so that its uncommitted changes and its privileges count, in one statement,
// hence of one snapshot, and lent to the local plan.
// Must never read a table that has children, row-level security or more rows than the bound.

import { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { UpstreamColumn } from '../translate/upstream-tables.ts'
import { BESIDE_SQL, readBeside } from './beside.ts'
import type { Beside, Source } from './beside.ts'
import type { Conversation } from './conversation.ts'
import { arrayLiteral, askOnce, textRowsOf } from './facts.ts'
import { columnsRead, LentRows } from './lent-rows.ts'
import { oidsBeside, planSelect } from './plan.ts'
import type { LocalPlan, Planned, PlanInput } from './plan.ts'
import { UpstreamError } from './upstream-error.ts'

type End = 'flush' | 'sync'

/**
 * The plan of one execution: where the SELECT reads upstream tables too, with their rows.
 * @throws UpstreamError what Postgres says of reading them
 */
export async function planStatement(c: Conversation, input: PlanInput, end: End): Promise<Planned> {
  const { catalog } = c.context
  const oids = oidsBeside(input, catalog)
  if (oids.length === 0) return planSelect(input, catalog)
  const beside = await lookBeside(c, oids, end)
  const overloaded = beside.used.length > 0 ? await overloadedIn(c, beside.used, end) : undefined
  const planned = planSelect(
    { ...input, beside, overloaded: input.overloaded ?? overloaded },
    catalog
  )
  if (!('plan' in planned)) return planned
  const { lent } = planned.plan
  // The name of a query of WITH may hide a table's.
  const sources = [...beside.tables.values()]
  const read = sources.filter(({ id }) => lent.some(({ table }) => table === id))
  if (read.length > limits.upstreamTablesMax) return { relay: 'it has too many upstream tables' }
  return read.length === 0 ? planned : lend(c, planned.plan, read, end)
}

/** What the names mean that are no relation's; nothing is asked where that helps nobody. */
async function lookBeside(c: Conversation, oids: readonly number[], end: End): Promise<Beside> {
  const rows = await ask(c, BESIDE_SQL, [arrayLiteral(oids.map(String))], end)
  return readBeside(rows, c.context.catalog, c.identity.database)
}

/** One of the names that the views use and that users may have given a meaning of their own. */
async function overloadedIn(
  c: Conversation,
  used: readonly string[],
  end: End
): Promise<string | undefined> {
  const asks = c.overloads.ask(used, c.planEpoch)
  const { frames, error } = asks.length > 0 ? await c.link.exchange(asks, end) : KNOWN
  if (error) throw new UpstreamError(error)
  return c.overloads.read(used, frames)
}

const KNOWN = { frames: [], error: undefined } as const

async function ask(
  c: Conversation,
  text: string,
  values: readonly string[],
  end: End
): Promise<(string | null)[][]> {
  const { frames, error } = await c.link.exchange(askOnce(text, values, 'jetgres rows'), end)
  if (error) throw new UpstreamError(error)
  return textRowsOf(frames)
}

/** The plan with the rows it reads; a reason to relay where there are too many, or one does not fit. */
async function lend(
  c: Conversation,
  plan: LocalPlan,
  sources: readonly Source[],
  end: End
): Promise<Planned> {
  const rows = new LentRows(plan.lent)
  const asks = askOnce(readingText(plan, sources), [], 'jetgres rows')
  const { error } = await c.link.exchange(asks, end, (frame) => rows.take(frame))
  if (error) throw new UpstreamError(error)
  if (rows.areTooMany) return { relay: 'its upstream tables have too many rows' }
  try {
    return { plan: { ...plan, lentTables: rows.tables(plan.facts.output) } }
  } catch (error) {
    if (error instanceof PgError) return { relay: `a row of an upstream table: ${error.message}` }
    throw error
  }
}

/** One statement for all of them: every row begins with its table's number. */
function readingText({ lent }: LocalPlan, sources: readonly Source[]): string {
  const width = Math.max(...sources.map(({ id }) => columnsRead(lent, id).length))
  const arms = sources.map((source) => {
    const columns = columnsRead(lent, source.id).map(textOf)
    const fill = Array.from({ length: width - columns.length }, () => 'NULL::pg_catalog.text')
    const list = [`${source.id}`, ...columns, ...fill].join(', ')
    return `(SELECT ${list} FROM ${source.label} LIMIT ${limits.upstreamRowsMax + 1})`
  })
  return arms.join(' UNION ALL ')
}

const textOf = ({ attnum, name }: UpstreamColumn): string =>
  attnum === 0 ? 'NULL::pg_catalog.text' : `"${name.replaceAll('"', '""')}"::pg_catalog.text`
