// SHOW CREATE TABLE | SOURCE in RisingWave's shape: the statement that would make the relation as it
// is now, its types as Postgres prints them, its secrets hidden.

import type { Definition } from '../../catalog/definition.ts'
import { featureNotSupported, undefinedTable } from '../../errors.ts'
import type { ShowCreate } from '../../sql/commands.ts'
import { describeOptions } from '../../sql/redact.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import type { Reply } from './reply.ts'
import { plainName, resolveExisting } from './resolve.ts'

export async function showCreate(c: Conversation, statement: ShowCreate): Promise<Reply> {
  const { relation } = await resolveExisting(c, statement.name)
  if (!relation) {
    throw featureNotSupported(`"${plainName(statement.name)}" is not an ingested relation`, {
      position: statement.name.position,
      hint: 'Use pg_dump or \\d for the tables of Postgres.'
    })
  }
  const { definition, label } = relation
  if (definition.kind !== statement.relation) {
    throw undefinedTable(`${statement.relation} "${plainName(statement.name)}" does not exist`, {
      position: statement.name.position,
      hint: `It is a ${definition.kind}: use SHOW CREATE ${definition.kind.toUpperCase()}.`
    })
  }
  const sql = createSql(definition, await describeColumns(c, definition))
  return { columns: ['Name', 'Create Sql'], rows: [[label, sql]], tag: 'SHOW CREATE' }
}

interface Described {
  /** schema.name, quoted where needed. */
  readonly name: string
  /** Each with its attnum. */
  readonly columns: readonly (readonly [attnum: number, sql: string])[]
  readonly key: string | undefined
}

const COLUMNS = `
SELECT pg_catalog.format('%I.%I', n.nspname, c.relname),
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, pg_catalog.concat_ws(' ',
     pg_catalog.quote_ident(a.attname), pg_catalog.format_type(a.atttypid, a.atttypmod),
     (SELECT 'COLLATE ' || pg_catalog.quote_ident(l.collname) FROM pg_catalog.pg_collation l
      WHERE l.oid = a.attcollation AND l.collname <> 'C'),
     (SELECT 'DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid)
      FROM pg_catalog.pg_attrdef d WHERE d.adrelid = a.attrelid AND d.adnum = a.attnum),
     CASE WHEN a.attnotnull AND NOT a.attnum = ANY (COALESCE(k.indkey::pg_catalog.int2[], '{}'))
          THEN 'NOT NULL' END)) ORDER BY a.attnum)
   FROM pg_catalog.pg_attribute a
   WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
  pg_catalog.pg_get_constraintdef(
    (SELECT p.oid FROM pg_catalog.pg_constraint p WHERE p.conrelid = c.oid AND p.contype = 'p'))
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_index k ON k.indrelid = c.oid AND k.indisprimary
WHERE c.oid = $1::pg_catalog.oid`

async function describeColumns(c: Conversation, { twinOid }: Definition): Promise<Described> {
  const [row] = await askUpstream(c, COLUMNS, [String(twinOid)])
  const [name, columns, key] = row ?? []
  return {
    name: name ?? '',
    columns: JSON.parse(columns ?? '[]') as [number, string][],
    key: key ?? undefined
  }
}

function createSql(definition: Definition, { name, columns, key }: Described): string {
  const { kind, clauses, options } = definition
  const included = includedNumbers(definition)
  const items = columns.filter(([attnum]) => !included.has(attnum)).map(([, sql]) => sql)
  if (key !== undefined) items.push(key)
  if (clauses.watermark !== undefined) items.push(clauses.watermark)
  const list = items.length === 0 ? '' : ` (\n  ${items.join(',\n  ')}\n)`
  const parts = [clauses.before, describeOptions(options), clauses.after]
  const rest = parts.filter((part) => part !== '').join('\n')
  return `CREATE ${kind.toUpperCase()} ${name}${list}\n${rest}`
}

/** attnums of the columns that INCLUDE clauses make. */
function includedNumbers({ schema, encoding, payloadNames = {} }: Definition): Set<number> {
  const names = new Set(encoding.included?.map(({ column }) => column))
  const included = schema.columns.filter(({ attnum, name }) =>
    names.has(payloadNames[attnum] ?? name)
  )
  return new Set(included.map(({ attnum }) => attnum))
}
