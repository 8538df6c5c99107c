// What a field is inside jetgres, between the wire, the store and the decoders: the canonical value.
// Owns the representation; must never know bytes, DuckDB or JSON.

/** As Postgres's interval: three independent parts. */
export interface Interval {
  readonly months: number
  readonly days: number
  readonly micros: bigint
}

/**
 * One field. Which form, by type:
 *
 * | type                         | form |
 * |---|---|
 * | boolean                      | boolean |
 * | smallint, integer, oid       | number |
 * | bigint                       | bigint |
 * | real, double precision       | number (NaN and infinities included; real already rounded by Math.fround) |
 * | numeric                      | string, as Postgres prints it ("12.30", "NaN", "-Infinity") |
 * | text, varchar, char(n)       | string (char(n) without its trailing blanks) |
 * | bytea                        | Uint8Array |
 * | date                         | number, days since 1970-01-01; ±Infinity |
 * | time                         | bigint, microseconds since midnight |
 * | timestamp, timestamptz       | bigint, microseconds since 1970-01-01 (UTC); ±TIMESTAMP_INFINITY |
 * | interval                     | Interval |
 * | uuid                         | string, lower case with hyphens |
 * | json                         | string, verbatim |
 * | jsonb                        | string, as Postgres prints it |
 * | arrays                       | readonly Value[], one dimension |
 */
export type Value =
  null | boolean | number | bigint | string | Uint8Array | Interval | readonly Value[]

/** 'infinity'::timestamp; its negation is '-infinity'. The same numbers as DuckDB's. */
export const TIMESTAMP_INFINITY = 9223372036854775807n

/** A type as pg_attribute has it. */
export interface ColumnType {
  readonly oid: number
  /** atttypmod; -1 when the type carries none. */
  readonly typmod: number
}

export interface Column {
  readonly attnum: number
  readonly name: string
  readonly type: ColumnType
  readonly notNull: boolean
  /** Text with another collation than "C": only Postgres can compare and order it. */
  readonly isCollated?: boolean
}

/** The shape of a relation: what store, translate, decode and ingest need to know of it. */
export interface RelationSchema {
  /** Never used again after a DROP. */
  readonly id: number
  readonly columns: readonly Column[]
  /** attnums of the primary key in key order; empty: every delivery is a row of its own. */
  readonly key: readonly number[]
  /** What becomes of a delivery whose key has a row; without it the delivery replaces the row. */
  readonly onConflict?: OnConflict
}

export type OnConflict =
  | { readonly keep: 'first' }
  /**
   * The delivery replaces the row unless one of its values in these columns (attnums) is NULL, or
   * they are lower, compared in turn.
   */
  | { readonly keep: 'highest'; readonly versions: readonly number[] }
  /** Of each column the newest value that isn't NULL. */
  | { readonly keep: 'notNull' }

/** What a session's settings make of output text. */
export interface OutputSettings {
  /** The IANA name or abbreviation as Postgres reports it. */
  readonly timeZone: string
  /** As reported: "ISO, MDY". */
  readonly dateStyle: string
  readonly intervalStyle: string
  readonly extraFloatDigits: number
  readonly byteaOutput: string
}
