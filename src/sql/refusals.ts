// What RisingWave's and Postgres's CREATE TABLE can say and this release doesn't do: each construct
// with the words it begins with and what to tell the user. Knows nothing of what is supported.

import { featureNotSupported } from '../errors.ts'
import type { PgError } from '../errors.ts'
import type { TokenCursor } from './cursor.ts'

export interface Refusal {
  /** The words that begin the construct. */
  readonly words: readonly string[]
  /** How it is called in the message. */
  readonly name: string
  readonly hint: string
}

const FROM_STREAM = 'The columns of a relation with a connector are filled from the payload.'
const VIEW =
  'Postgres computes it only for rows that it writes itself: compute it in a view over the relation.'
const OF_TABLE = 'It stands behind the columns of CREATE TABLE: a source replaces no row.'

const refusal = (words: string, hint: string, name = words.toUpperCase()): Refusal => ({
  words: words.split(' '),
  name,
  hint
})

/** Behind CREATE. */
export const BEFORE_RELATION: readonly Refusal[] = [
  ...['temp', 'temporary', 'local', 'global'].map((word) =>
    refusal(word, 'Leave out TEMPORARY: the relation outlives its session.', 'TEMPORARY')
  ),
  refusal('unlogged', 'Leave out UNLOGGED.'),
  refusal('materialized', 'Use CREATE TABLE: it keeps its rows.', 'CREATE MATERIALIZED SOURCE')
]

/** Behind a column's type. */
export const COLUMN_OPTIONS: readonly Refusal[] = [
  refusal('as', VIEW, 'a generated column'),
  refusal('generated', VIEW, 'a generated column'),
  refusal('unique', 'Use PRIMARY KEY.'),
  refusal('references', 'Only PRIMARY KEY and NOT NULL are checked.', 'FOREIGN KEY'),
  refusal('check', 'Only PRIMARY KEY and NOT NULL are checked.'),
  refusal('storage', FROM_STREAM),
  refusal('compression', FROM_STREAM)
]

/** In place of a column. */
export const LIST_ITEMS: readonly Refusal[] = [
  refusal('unique', 'Use PRIMARY KEY.'),
  refusal('foreign key', 'Only PRIMARY KEY and NOT NULL are checked.'),
  refusal('check', 'Only PRIMARY KEY and NOT NULL are checked.'),
  refusal('exclude using', 'Only PRIMARY KEY and NOT NULL are checked.', 'EXCLUDE'),
  refusal('like', 'List the columns.')
]

/** Between the columns and WITH, and behind WITH. */
export const CLAUSES: readonly Refusal[] = [
  refusal('append only', OF_TABLE),
  refusal('on conflict', OF_TABLE),
  refusal('with version column', OF_TABLE),
  refusal('as', 'Fill another table from the relation with INSERT … SELECT.', 'CREATE TABLE AS'),
  refusal('from', 'Create a relation for each stream.', 'CREATE TABLE … FROM source'),
  refusal('validate', 'Leave it out.'),
  refusal('engine', 'Leave it out.'),
  refusal('inherits', 'List the columns.'),
  refusal('partition by', 'Leave it out.'),
  refusal('using', 'Leave it out.', 'an access method'),
  refusal('on commit', 'Leave it out.'),
  refusal('tablespace', 'Leave it out.')
]

/** Behind the name in ALTER: RisingWave's own, which Postgres would not understand. */
export const ALTER_ACTIONS: readonly Refusal[] = [
  refusal('swap with', 'Rename one after the other.'),
  refusal('set parallelism', 'Leave it out: one reader keeps the order of the stream.'),
  refusal('set config', 'Leave it out.'),
  refusal('reset config', 'Leave it out.'),
  refusal('format', 'Use CREATE OR REPLACE: its rows are read anew.', 'ALTER … FORMAT … ENCODE')
]

/** The error when one of the constructs comes next. */
export function refused(cursor: TokenCursor, refusals: readonly Refusal[]): PgError | undefined {
  const found = refusals.find((r) => cursor.isNext(...r.words))
  return found && notSupported(found.name, cursor.position, found.hint)
}

export const notSupported = (name: string, position: number, hint: string): PgError =>
  featureNotSupported(`${name} is not supported in a relation with a connector`, { position, hint })
