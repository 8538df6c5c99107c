// Asks a real Postgres and DuckDB the same thing and tells where they differ. DuckDB's answer is that
// of the translation; both are brought to one canonical text by the described type.

import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api'
import { loadModule, parseSync } from 'libpg-query'
import type pg from 'pg'

import { type Node, open } from '../../src/translate/ast.ts'
import { Context, NOW } from '../../src/translate/context.ts'
import { translateQuery } from '../../src/translate/select.ts'
import { translate, type TranslateScope, type Translation } from '../../src/translate/translate.ts'
import type { Names } from '../../src/translate/views.ts'
import { OID } from '../../src/types/oids.ts'
import { storeType } from '../../src/types/store-type.ts'
import type { ColumnType } from '../../src/types/value.ts'
import { canonicalDuck, canonicalPg } from './canonical.ts'
import { createViews } from './made-views.ts'
import { relationNamed, rowOf, type TableData, TABLES } from './rows.ts'

export type Outcome =
  | { readonly kind: 'same' }
  | { readonly kind: 'relayed'; readonly reason: string }
  /** DuckDB raised: the caller relays. */
  | { readonly kind: 'failed'; readonly reason: string }
  /** Postgres refuses the statement when it is parsed: it would never be tried locally. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'different'; readonly detail: string }

interface Answer {
  /** Name and type of each column. */
  readonly header: readonly string[]
  readonly rows: readonly (readonly string[])[]
  readonly error?: string
}

interface Described {
  readonly columns: readonly ColumnType[]
  readonly parameters: readonly number[]
}

const q = (name: string): string => `"${name}"`
const NAMES: Names = { relation: relationNamed }

const SETTINGS = `SET TimeZone = 'UTC'; SET DateStyle = 'ISO'; SET IntervalStyle = 'iso_8601';
  SET jit = off; SET max_parallel_workers_per_gather = 0`

export class Both {
  readonly #pg: pg.Client
  readonly #duck: DuckDBConnection
  readonly #names: Names
  #statements = 0
  #timeZone = 'UTC'

  private constructor(
    client: pg.Client,
    duck: DuckDBConnection,
    names: Names
  ) {
    this.#pg = client
    this.#duck = duck
    this.#names = names
  }

  /** Over relations that are there already. */
  static async over(
    client: pg.Client,
    duck: DuckDBConnection,
    names: Names
  ): Promise<Both> {
    await loadModule()
    await duck.run("SET TimeZone = 'America/New_York'")
    await client.query(SETTINGS)
    return new Both(client, duck, names)
  }

  /** Makes the relations of rows.ts on both sides. */
  static async open(client: pg.Client, path: string): Promise<Both> {
    await loadModule()
    const instance = await DuckDBInstance.create(path, { threads: '1' })
    const duck = await instance.connect()
    // The answers must not depend on it.
    await duck.run("SET TimeZone = 'America/New_York'")
    await client.query(`${SETTINGS}; CREATE SCHEMA jetgres_live`)
    for (const table of TABLES) {
      await fillPostgres(client, table)
      await fillDuck(client, duck, table)
    }
    // Compressed segments with their statistics, as a store that has run for a while.
    await duck.run('CHECKPOINT')
    return new Both(client, duck, await createViews(client, NAMES))
  }

  close(): void {
    this.#duck.closeSync()
  }

  /** The translation as the session would ask for it: described by Postgres first. */
  async ask(
    sql: string,
    params: readonly (string | null)[] = [],
    timeZone = 'UTC'
  ): Promise<Outcome> {
    if (this.#timeZone !== timeZone) await this.#pg.query(`SET TimeZone = '${timeZone}'`)
    this.#timeZone = timeZone
    const described = await this.#describe(sql)
    if (typeof described === 'string') return { kind: 'refused', reason: described }
    const translation = translateText(sql, described, timeZone, this.#names)
    if ('relay' in translation) return { kind: 'relayed', reason: translation.relay }
    // Both at the same time of the same transaction.
    await this.#pg.query('BEGIN')
    const now = translation.parameters.includes(NOW)
      ? await this.#pg.query<{ now: string }>('SELECT now()::text')
      : undefined
    const names = namesOf(sql, described, timeZone, this.#names)
    const ours = await this.#duckRows(translation, names, params, now?.rows[0]?.now ?? '')
    const theirs = ours.error ?? (await this.#pgRows(sql, params, translation.columns))
    await this.#pg.query('ROLLBACK')
    if (typeof theirs === 'string') return { kind: 'failed', reason: theirs }
    return compare(sql, ours, theirs, translation.sql)
  }

  /** The statement as Postgres prints it when it is a view's body; undefined where it can be none. */
  async bodyOf(sql: string): Promise<string | undefined> {
    try {
      await this.#pg.query(`CREATE TEMP VIEW body AS ${sql}`)
    } catch {
      return undefined
    }
    const { rows } = await this.#pg.query<{ body: string }>(
      `SELECT pg_get_viewdef('body'::regclass) AS body`
    )
    await this.#pg.query('DROP VIEW body')
    return rows[0]?.body.replace(/;$/, '')
  }

  async #describe(sql: string): Promise<Described | string> {
    this.#statements += 1
    const name = `s${this.#statements}`
    try {
      if (!/\$\d/.test(sql)) return { columns: await this.#columnsOf(sql, 0), parameters: [] }
      await this.#pg.query(`PREPARE ${name} AS ${sql}`)
      const { rows } = await this.#pg.query<{ types: string[] }>(
        `SELECT parameter_types::oid[]::text[] AS types FROM pg_prepared_statements WHERE name = '${name}'`
      )
      const parameters = (rows[0]?.types ?? []).map(Number)
      await this.#pg.query(`DEALLOCATE ${name}`)
      return { columns: await this.#columnsOf(sql, parameters.length), parameters }
    } catch (error) {
      return String(error)
    }
  }

  /** Result types, without running a statement that takes no parameters. */
  async #columnsOf(sql: string, parameters: number): Promise<readonly ColumnType[]> {
    const text = parameters > 0 ? sql : `SELECT * FROM (${sql}) AS q LIMIT 0`
    const values = Array.from({ length: parameters }, () => null)
    const { fields } = await this.#pg.query({ text, values, rowMode: 'array' })
    return fields.map((field) => ({ oid: field.dataTypeID, typmod: field.dataTypeModifier }))
  }

  async #duckRows(
    translation: Extract<Translation, { sql: string }>,
    names: readonly string[],
    params: readonly (string | null)[],
    now: string
  ): Promise<Answer> {
    const values = translation.parameters.map((number) =>
      number === NOW ? now : (params[number - 1] ?? null)
    )
    try {
      const reader = await this.#duck.runAndReadAll(translation.sql, values)
      const forms = reader.columnTypes().map(String)
      const wanted = translation.columns.map((column) => storeType(column) ?? '')
      const leak = forms.findIndex((form, i) => duckName(wanted[i] ?? '') !== form)
      if (leak >= 0) return { header: [`form ${forms[leak]} instead of ${wanted[leak]}`], rows: [] }
      const header = translation.columns.map((column, i) => `${names[i]}: ${column.oid}`)
      const rows = reader
        .getRows()
        .map((row) => row.map((value, i) => canonicalDuck(value, translation.columns[i]?.oid ?? 0)))
      return { header, rows }
    } catch (error) {
      return { header: [], rows: [], error: String(error).split('\n')[0] ?? '' }
    }
  }

  async #pgRows(
    sql: string,
    params: readonly (string | null)[],
    columns: readonly ColumnType[]
  ): Promise<Answer> {
    try {
      const result = await this.#pg.query<(string | null)[]>({
        text: sql,
        values: [...params],
        rowMode: 'array',
        types: { getTypeParser: () => (text: string) => text }
      })
      return {
        header: result.fields.map(({ name, dataTypeID }) => `${name}: ${dataTypeID}`),
        rows: result.rows.map((row) =>
          row.map((text, i) => canonicalPg(text, columns[i]?.oid ?? 0))
        )
      }
    } catch (error) {
      return { header: [], rows: [], error: String(error) }
    }
  }
}

export const translateText = (
  sql: string,
  described?: Described,
  timeZone?: string,
  names: Names = NAMES
): Translation => translate(bodyOf(sql), scopeOf(described, timeZone, names))

/** The names of its columns, as the translator has them for what is around a subquery. */
const namesOf = (
  sql: string,
  described: Described,
  timeZone: string,
  names: Names
): readonly string[] => {
  const context = new Context(scopeOf(described, timeZone, names))
  return translateQuery(bodyOf(sql), context).targets.map(({ name }) => name)
}

function scopeOf(
  described: Described | undefined,
  timeZone: string | undefined,
  names: Names
): TranslateScope {
  return {
    ...names,
    described: described?.columns,
    parameters: described?.parameters ?? [],
    timeZone,
    floatAggregates: true,
    hasNow: true
  }
}

function bodyOf(sql: string): Node {
  const [statement] = (parseSync(sql) as { stmts: { stmt: unknown }[] }).stmts
  return open(statement?.stmt).body
}

/** Ordered when the last ORDER BY key is a unique `id`, else as a bag of rows. */
function compare(sql: string, ours: Answer, theirs: Answer, translation: string): Outcome {
  if (theirs.error !== undefined)
    return { kind: 'different', detail: `Postgres: ${theirs.error}\n  ${translation}` }
  const ordered =
    /order by[^()]*(, | )id( asc| desc)?( nulls (first|last))?( limit \S+)?( offset \S+)?$/i.test(
      sql
    )
  const lines = (answer: Answer): string[] => {
    const all = answer.rows.map((row) => row.join(' | '))
    return [answer.header.join(' | '), ...(ordered ? all : all.toSorted())]
  }
  const [a, b] = [lines(ours), lines(theirs)]
  const at = (a.length > b.length ? a : b).findIndex((_, i) => a[i] !== b[i])
  if (at < 0) return { kind: 'same' }
  return { kind: 'different', detail: `DuckDB ${a[at]}\n  Postgres ${b[at]}\n  ${translation}` }
}

async function fillPostgres(client: pg.Client, table: TableData): Promise<void> {
  const columns = table.columns.map(
    (column, i) => `${q(column.name)} ${column.type}${i === 0 ? ' PRIMARY KEY' : ''}`
  )
  await client.query(`CREATE TABLE ${table.name} (${columns.join(', ')})`)
  const places = table.columns.map((_, i) => `$${i + 1}`).join(', ')
  for (let row = 0; row < table.rows; row++) {
    await client.query(`INSERT INTO ${table.name} VALUES (${places})`, rowOf(table, row))
  }
  await client.query(`CREATE VIEW jetgres_live.r${table.id} AS SELECT * FROM ${table.name}`)
}

/** Reads the rows back as Postgres prints them, in a form that DuckDB reads exactly. */
async function fillDuck(
  client: pg.Client,
  duck: DuckDBConnection,
  table: TableData
): Promise<void> {
  const forms = table.columns.map((column) => storeType(column) ?? 'VARCHAR')
  await duck.run(
    `CREATE TABLE r${table.id} (${forms.map((form, i) => `c${i + 1} ${form}`).join(', ')}, _seq BIGINT)`
  )
  const list = table.columns.map(
    (column) => `${exported(column.oid, q(column.name))} AS ${q(column.name)}`
  )
  await client.query("SET IntervalStyle = 'postgres'")
  const { rows } = await client.query<(string | null)[]>({
    text: `SELECT ${list.join(', ')} FROM ${table.name} ORDER BY ${table.name}.id`,
    rowMode: 'array',
    types: { getTypeParser: () => (text: string) => text }
  })
  await client.query("SET IntervalStyle = 'iso_8601'")
  for (const row of rows) {
    const values = row.map((text, i) =>
      duckLiteral(text, table.columns[i]?.oid ?? 0, forms[i] ?? 'VARCHAR')
    )
    await duck.run(`INSERT INTO r${table.id} VALUES (${values.join(', ')}, 0)`)
  }
}

const INSTANTS: readonly number[] = [OID.timestamp, OID.timestamptz]

/** Days and microseconds since 1970 where a date has no common text. */
function exported(oid: number, name: string): string {
  if (oid === OID.date)
    return `CASE WHEN isfinite(${name}) THEN (${name} - date '1970-01-01')::text ELSE ${name}::text END`
  if (INSTANTS.includes(oid)) {
    return `CASE WHEN isfinite(${name}) THEN trunc(extract(epoch from ${name}) * 1000000)::text ELSE ${name}::text END`
  }
  return oid === OID.bpchar ? `rtrim(${name}::text, ' ')` : `${name}::text`
}

function duckLiteral(text: string | null, oid: number, form: string): string {
  if (text === null) return 'NULL'
  const literal = `'${text.replaceAll("'", "''")}'`
  if (oid === OID.bytea) return `from_hex('${text.slice(2)}')`
  if (form.endsWith('[]')) return `CAST('[${text.slice(1, -1)}]' AS ${form})`
  if (/^-?\d+$/.test(text) && oid === OID.date)
    return `DATE '1970-01-01' + CAST(${text} AS INTEGER)`
  if (/^-?\d+$/.test(text) && oid === OID.timestamp)
    return `make_timestamp(CAST('${text}' AS BIGINT))`
  if (/^-?\d+$/.test(text) && oid === OID.timestamptz) {
    return `timezone('UTC', make_timestamp(CAST('${text}' AS BIGINT)))`
  }
  return `CAST(${literal} AS ${form})`
}

/** DuckDB's long names for the types of storeType(). */
const duckName = (form: string): string => form.replace('TIMESTAMPTZ', 'TIMESTAMP WITH TIME ZONE')
