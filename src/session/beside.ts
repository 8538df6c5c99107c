// What a SELECT reads that is no relation: views, with all that they read in their turn, and tables of
// the upstream's own. Asked of the session's own connection in one statement, so it is what the
// session sees, an open transaction's changes and its role included.
// Must never let a view show what its owner, or with security_invoker the reader, may not see.

import type { Catalog } from '../catalog/catalog.ts'
import type { Relation } from '../catalog/relation.ts'
import { limits } from '../limits.ts'
import { unwrap } from '../sql/ast.ts'
import { parseSql } from '../sql/parser.ts'
import { usedNames } from '../sql/used-names.ts'
import type { UpstreamColumn, UpstreamTable } from '../translate/upstream-tables.ts'
import type { Names, View } from '../translate/views.ts'
import { ARRAY_OID } from '../types/oids.ts'
import { storeType } from '../types/store-type.ts'
import { GUARD } from '../upstream/bridge.ts'
import { hasOtherChild } from './facts.ts'
import { tablesIn } from './inspect.ts'

/** The first OID that initdb does not give. */
const OWN_TABLE = 16_384

/** By json: databases have no locale provider before Postgres 15, which is libc's then. */
const DATABASE = `(SELECT pg_catalog.row_to_json(d) FROM pg_catalog.pg_database d
  WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())`

const RULES = `pg_catalog.pg_rewrite w JOIN pg_catalog.pg_depend d
  ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = w.oid
  AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid <> w.ev_class`

const optionOf = (name: string): string =>
  `COALESCE((SELECT o.option_value::pg_catalog.bool
    FROM pg_catalog.pg_options_to_table(c.reloptions) o WHERE o.option_name = '${name}'), false)`

/** What a view reads: who is asked for the privilege, and whether policies decide about rows. */
const READ_BY_VIEW = `(SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
      r.oid::pg_catalog.int8, s.nspname, r.relname,
      CASE WHEN ${optionOf('security_invoker')} THEN pg_catalog.has_table_privilege(r.oid, 'SELECT')
        ELSE pg_catalog.has_table_privilege(c.relowner, r.oid, 'SELECT') END,
      r.relrowsecurity AND (SELECT pg_catalog.array_agg(p.polname) FROM pg_catalog.pg_policy p
        WHERE p.polrelid = r.oid) IS DISTINCT FROM '{${GUARD}}',
      ${hasOtherChild('r.oid')}))
  FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace s ON s.oid = r.relnamespace
  WHERE r.oid IN (SELECT d.refobjid FROM ${RULES} WHERE w.ev_class = c.oid))`

/** $1: OIDs. One row for each of the tables and views that they are or, through views, read. */
export const BESIDE_SQL = `WITH RECURSIVE reached(oid) AS (
    SELECT pg_catalog.unnest($1::pg_catalog.oid[])
    UNION
    SELECT d.refobjid FROM reached JOIN pg_catalog.pg_class v ON v.oid = reached.oid
      AND v.relkind = 'v', ${RULES} WHERE w.ev_class = v.oid)
  SELECT c.oid::pg_catalog.text,
    pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname),
    (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(a.attnum, a.attname,
        a.atttypid::pg_catalog.int8, a.atttypmod, l.collname, l.collnamespace::pg_catalog.int8)
        ORDER BY a.attnum)
      FROM pg_catalog.pg_attribute a LEFT JOIN pg_catalog.pg_collation l ON l.oid = a.attcollation
      WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
    ${DATABASE},
    CASE c.relkind WHEN 'v' THEN pg_catalog.pg_get_viewdef(c.oid) END,
    CASE c.relkind WHEN 'v' THEN ${READ_BY_VIEW} END,
    CASE c.relkind WHEN 'v' THEN ${optionOf('security_barrier')}::pg_catalog.text END
  FROM reached JOIN pg_catalog.pg_class c ON c.oid = reached.oid
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  WHERE c.oid >= '${OWN_TABLE}'::pg_catalog.oid AND (c.relkind = 'v'
    OR c.relkind IN ('r', 'm') AND NOT c.relhassubclass AND c.reltuples <= ${limits.upstreamRowsMax}
      AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
      AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))
  LIMIT ${limits.besideMax + 1}`

/** A table of the upstream's own that the session may read. */
export interface Source extends UpstreamTable {
  readonly oid: number
  /** As SQL writes it. */
  readonly label: string
}

/** A view of the upstream's, with what it reads in the end. */
export interface ReadView {
  readonly view: View
  readonly relations: readonly Relation[]
  /** Why it cannot be read here. */
  readonly reason: string | undefined
}

/** By OID. */
export interface Beside {
  readonly tables: ReadonlyMap<number, Source>
  readonly views: ReadonlyMap<number, ReadView>
  /** Functions and operators that the views use by name. */
  readonly used: readonly string[]
}

export const NOTHING_BESIDE: Beside = { tables: new Map(), views: new Map(), used: [] }

type Row = readonly (string | null)[]

/** Reads the answer to BESIDE_SQL. */
export function readBeside(rows: readonly Row[], catalog: Catalog, database: string): Beside {
  if (rows.length > limits.besideMax) return NOTHING_BESIDE
  const tables = new Map<number, Source>()
  const bodies = new Map<number, Body>()
  for (const [id, [oid, label, columns, facts, text, read, isBarrier]] of rows.entries()) {
    const listed = (JSON.parse(columns!) as ColumnRow[] | null) ?? []
    if (text === null || text === undefined) {
      const known = readColumns(listed, collationOf(JSON.parse(facts!) as Database))
      tables.set(Number(oid), { id, oid: Number(oid), label: label!, columns: known })
    } else {
      const body = readBody(text, (JSON.parse(read!) as ReadRow[] | null) ?? [])
      const shown = listed.map(([, name, type]) => ({ name, oid: type }))
      const facts = { label: label!, columns: shown, isBarrier: isBarrier === 'true' }
      if (body) bodies.set(Number(oid), { ...body, ...facts })
    }
  }
  const views = new Views(bodies, tables, (oid) => catalog.byTwin(database, oid))
  const used = [...bodies.values()].flatMap(({ select }) => usedNames(select))
  return { tables, views: views.all(), used: [...new Set(used)] }
}

type ReadRow = [
  oid: number,
  schema: string,
  name: string,
  mayRead: boolean,
  rowSecurity: boolean,
  hasOtherChild: boolean
]

interface Body {
  readonly label: string
  readonly select: View['select']
  readonly columns: View['columns']
  readonly isBarrier: boolean
  readonly read: readonly ReadRow[]
}

/** Undefined where the parser does not take what the upstream prints. */
function readBody(
  text: string,
  read: readonly ReadRow[]
): Pick<Body, 'select' | 'read'> | undefined {
  if (text.length > limits.inspectedSqlCharsMax) return undefined
  try {
    const [only] = parseSql(text)
    const select = unwrap(only?.node, 'SelectStmt')
    return select && { select, read }
  } catch {
    return undefined
  }
}

/** The views of one statement, each with what it leads to. */
class Views {
  readonly #bodies: ReadonlyMap<number, Body>
  readonly #tables: ReadonlyMap<number, Source>
  readonly #relation: (oid: number) => Relation | undefined
  readonly #views = new Map<number, ReadView>()

  constructor(
    bodies: ReadonlyMap<number, Body>,
    tables: ReadonlyMap<number, Source>,
    relation: (oid: number) => Relation | undefined
  ) {
    this.#bodies = bodies
    this.#tables = tables
    this.#relation = relation
  }

  all(): ReadonlyMap<number, ReadView> {
    for (const oid of this.#bodies.keys()) this.#view(oid)
    return this.#views
  }

  /** Postgres lets no view read itself. */
  #view(oid: number): ReadView | undefined {
    const body = this.#bodies.get(oid)
    if (!body) return undefined
    const known = this.#views.get(oid)
    if (known) return known
    const inner = body.read.flatMap(([read]) => this.#view(read) ?? [])
    const own = body.read.flatMap(([read]) => this.#relation(read) ?? [])
    const { select, columns, isBarrier } = body
    const view = {
      view: { select, columns, isBarrier, names: this.#names(body) },
      relations: [...new Set([...own, ...inner.flatMap(({ relations }) => relations)])],
      reason: this.#reason(body) ?? inner.find(({ reason }) => reason !== undefined)?.reason
    }
    this.#views.set(oid, view)
    return view
  }

  #names({ read }: Body): Names {
    return {
      relation: (schema, name) => this.#relation(oidOf(read, schema, name))?.comparable,
      upstreamTable: (schema, name) => this.#tables.get(oidOf(read, schema, name)),
      view: (schema, name) => this.#views.get(oidOf(read, schema, name))?.view
    }
  }

  #reason({ label, select, read }: Body): string | undefined {
    const isClear = tablesIn(select).every(
      ({ schema, name }) => candidates(read, schema, name) <= 1
    )
    if (!isClear) return `two tables of one name in the view ${label}`
    for (const [oid, , name, mayRead, rowSecurity, otherChild] of read) {
      if (!mayRead) return `no SELECT privilege on the whole of "${name}" for the view ${label}`
      if (rowSecurity) return `row-level security is on for "${name}"`
      if (otherChild) return `"${name}" has another child table`
      const relation = this.#relation(oid)
      if (relation && !relation.isActive) return `"${name}" is not ingesting yet`
      if (relation?.isAltering) return `"${name}" is being altered`
    }
    return undefined
  }
}

const isNamed = ([, itsSchema, itsName]: ReadRow, schema: string | undefined, name: string) =>
  itsName === name && (schema === undefined || itsSchema === schema)

const candidates = (read: readonly ReadRow[], schema: string | undefined, name: string): number =>
  read.filter((row) => isNamed(row, schema, name)).length

/** 0, which is nothing's, where the view reads no such table. */
const oidOf = (read: readonly ReadRow[], schema: string | undefined, name: string): number =>
  read.find((row) => isNamed(row, schema, name))?.[0] ?? 0

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
function readColumns(rows: readonly ColumnRow[], standard: Collation): readonly UpstreamColumn[] {
  return rows.flatMap((row) => {
    const [attnum, name, oid, typmod, collation, schema] = row
    const type = { oid, typmod }
    if (ARRAY_OID[oid] === undefined || storeType(type) === undefined) return []
    if (collation === null) return [{ attnum, name, type }]
    if (schema !== PG_CATALOG) return []
    // POSIX orders as C does, yet the two are a conflict beside each other.
    if (collation === 'C') return [{ attnum, name, type, collation: 'C' as const }]
    const known = collation === 'default' && standard !== undefined
    return known ? [{ attnum, name, type, collation: standard }] : []
  })
}
