// A SELECT over relations and small tables of the upstream's own: their rows are read through the
// session's own connection, so that its uncommitted changes and its privileges count, in one statement,
// hence of one snapshot, and lent to the local plan.
// Must never read a table that has children, row-level security or more rows than the bound.

import { PgError } from '../errors.ts'
import { limits } from '../limits.ts'
import type { Lent, UpstreamColumn, UpstreamTable } from '../translate/upstream-tables.ts'
import { codecFor } from '../types/codec.ts'
import { ARRAY_OID } from '../types/oids.ts'
import { storeType } from '../types/store-type.ts'
import type { OutputSettings, Value } from '../types/value.ts'
import type { Conversation } from './conversation.ts'
import { arrayLiteral, askOnce, textRowsOf } from './facts.ts'
import { planSelect, tablesBeside } from './plan.ts'
import type { LocalPlan, Planned, PlanInput } from './plan.ts'
import { UpstreamError } from './upstream-error.ts'

type End = 'flush' | 'sync'

/** The first OID that initdb does not give. */
const OWN_TABLE = 16_384

/** By json: databases have no locale provider before Postgres 15, which is libc's then. */
const DATABASE = `(SELECT pg_catalog.row_to_json(d) FROM pg_catalog.pg_database d
  WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())`

/** Table by table: OID, name, columns, and by what the database itself compares texts. */
const TABLES_SQL = `SELECT c.oid::pg_catalog.text,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname,
        a.atttypid::pg_catalog.int8, a.atttypmod, l.collname, l.collnamespace::pg_catalog.int8)
        ORDER BY a.attnum)
      FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    ${DATABASE}
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND c.relkind IN ('r', 'm') AND NOT c.relhassubclass
    AND c.oid >= '${OWN_TABLE}'::pg_catalog.oid AND c.reltuples <= ${limits.upstreamRowsMax}`

interface Source extends UpstreamTable {
  readonly oid: number
  /** As SQL writes it. */
  readonly label: string
}

/**
 * The plan of one execution: where the SELECT reads upstream tables too, with their rows.
 * @throws UpstreamError what Postgres says of reading them
 */
export async function planStatement(c: Conversation, input: PlanInput, end: End): Promise<Planned> {
  const beside = tablesBeside(input, c.context.catalog)
  if (beside.length === 0) return planSelect(input, c.context.catalog)
  const sources = await describeTables(c, beside, end)
  const upstream = new Map(sources.map((source) => [source.oid, source]))
  const planned = planSelect({ ...input, upstream }, c.context.catalog)
  if (!('plan' in planned)) return planned
  const { lent } = planned.plan
  // The name of a query of WITH may hide a table's.
  const read = sources.filter(({ id }) => lent.some(({ table }) => table === id))
  return read.length === 0 ? planned : lend(c, planned.plan, read, end)
}

async function describeTables(
  c: Conversation,
  oids: readonly number[],
  end: End
): Promise<readonly Source[]> {
  const rows = await ask(c, TABLES_SQL, [arrayLiteral(oids.map(String))], end)
  return rows.map(([oid, label, columns, database], id) => ({
    id,
    oid: Number(oid),
    label: label!,
    columns: readColumns(columns!, collationOf(JSON.parse(database!) as Database))
  }))
}

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

interface Database {
  readonly datlocprovider?: string
  readonly datcollate: string
  readonly datctype: string
  readonly datlocale?: string | null
}

type Collation = UpstreamColumn['collation']

const isPlain = (locale: string): boolean => locale === 'C' || locale === 'POSIX'

/** What the default collation is. */
function collationOf({ datlocprovider = 'c', ...names }: Database): Collation {
  const { datcollate, datctype, datlocale } = names
  if (datlocprovider === 'c') return isPlain(datcollate) && isPlain(datctype) ? 'C' : 'equality'
  if (datlocprovider !== 'b') return 'equality'
  // The builtin ones order by code point, which is the order of UTF-8's bytes.
  return datlocale === 'C' ? 'C' : 'bytes'
}

type ColumnRow = [number, string, number, number, string | null, number | null]

const PG_CATALOG = 11

/** Those that can be bound as arrays, and whose texts have one equality. */
function readColumns(json: string, standard: Collation): readonly UpstreamColumn[] {
  return ((JSON.parse(json) as ColumnRow[] | null) ?? []).flatMap((row) => {
    const [attnum, name, oid, typmod, collation, schema] = row
    const type = { oid, typmod }
    if (ARRAY_OID[oid] === undefined || storeType(type) === undefined) return []
    if (collation === null) return [{ attnum, name, type }]
    if (schema !== PG_CATALOG) return []
    if (isPlain(collation)) return [{ attnum, name, type, collation: 'C' as const }]
    const known = collation === 'default' && standard !== undefined
    return known ? [{ attnum, name, type, collation: standard }] : []
  })
}

/** The plan with the rows it reads; a reason to relay where there are too many, or one does not fit. */
async function lend(
  c: Conversation,
  plan: LocalPlan,
  sources: readonly Source[],
  end: End
): Promise<Planned> {
  const rows = await ask(c, readingText(plan.lent, sources), [], end)
  const bytes = rows.reduce(
    (sum, row) => sum + row.reduce((all, text) => all + (text?.length ?? 0), 0),
    0
  )
  if (rows.length > limits.upstreamRowsMax || bytes > limits.upstreamRowBytesMax)
    return { relay: 'its upstream tables have too many rows' }
  try {
    const lentValues = columnsOf(plan.lent, sources, rows, plan.facts.output)
    return { plan: { ...plan, lentValues } }
  } catch (error) {
    if (error instanceof PgError) return { relay: `a row of an upstream table: ${error.message}` }
    throw error
  }
}

const columnsOfSource = (lent: readonly Lent[], { id }: Source): readonly UpstreamColumn[] =>
  lent.flatMap(({ table, column }) => (table === id ? column : []))

/** One statement for all of them: every row begins with its table's number. */
function readingText(lent: readonly Lent[], sources: readonly Source[]): string {
  const width = Math.max(...sources.map((source) => columnsOfSource(lent, source).length))
  const arms = sources.map((source) => {
    const columns = columnsOfSource(lent, source).map(textOf)
    const fill = Array.from({ length: width - columns.length }, () => 'NULL::pg_catalog.text')
    const list = [`${source.id}`, ...columns, ...fill].join(', ')
    return `(SELECT ${list} FROM ${source.label} LIMIT ${limits.upstreamRowsMax + 1})`
  })
  return arms.join(' UNION ALL ')
}

const textOf = ({ attnum, name }: UpstreamColumn): string =>
  attnum === 0 ? 'NULL::pg_catalog.text' : `"${name.replaceAll('"', '""')}"::pg_catalog.text`

function columnsOf(
  lent: readonly Lent[],
  sources: readonly Source[],
  rows: readonly (readonly (string | null)[])[],
  settings: OutputSettings
): readonly (readonly Value[])[] {
  const places = new Map(
    sources.flatMap((source) =>
      columnsOfSource(lent, source).map((column, i) => [column, i + 1] as const)
    )
  )
  return lent.map(({ table, column }) => {
    const codec = codecFor(column.type.oid)
    const own = rows.filter(([id]) => Number(id) === table)
    return own.map((row) => {
      const text = row[places.get(column) ?? 0] ?? null
      return text === null || !codec ? null : codec.fromText(text, column.type, settings)
    })
  })
}
