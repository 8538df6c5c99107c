// What the upstream alone knows of a session and a local answer depends on: role, settings, what
// names mean, privileges. Asked on the session's own connection, so it is exact, transaction and
// all. Builds the question and reads the answer; sends nothing.

import type { Consistency } from '../catalog/relation.ts'
import { invalidParameterValue } from '../errors.ts'
import { decodeDataRow } from '../wire/backend.ts'
import { bodyOf, code } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'
import { frontend } from '../wire/frontend.ts'
import { GUARD } from '../upstream/bridge.ts'
import type { Ask } from '../upstream/exchange.ts'
import type { OutputSettings } from '../types/value.ts'

/** A name as the session resolves it now. */
export interface ResolvedName {
  /** pg_class OID; undefined when the name means nothing. */
  readonly oid: number | undefined
  readonly maySelect: boolean
  /** Row-level security is on: only Postgres can say who sees what. */
  readonly rowSecurity: boolean
  /** Of a twin: somebody's own child table, whose rows are its rows too. */
  readonly hasOtherChild: boolean
}

export interface SessionFacts {
  readonly isolation: string
  readonly clientEncoding: string
  /** standard_conforming_strings */
  readonly standardStrings: boolean
  /** Milliseconds; 0: none. */
  readonly statementTimeoutMs: number
  /** @see readConsistency for what a wrong one does */
  readonly consistency: Consistency
  /** Sums of floats may be added up in any order here. @see readFloatAggregates for a wrong one */
  readonly floatAggregates: boolean
  /** When the transaction began that asked: microseconds since 1970. */
  readonly now: bigint
  readonly output: OutputSettings
  /** In the order asked. */
  readonly names: readonly ResolvedName[]
  /** What all of it was read in. */
  readonly state: State
}

/**
 * All that what a text means to a session depends on: of two states that are alike, one text has one
 * description, for one login role and database.
 */
export interface State {
  /** Of the server: which it is, and which transactions have ended there. */
  readonly snapshot: string
  /** Of the session: settings, role, where its temporary tables are. */
  readonly session: string
  /**
   * Its transaction has changed nothing yet, and keeps no older snapshot, and no standby answers: the
   * state leaves nothing out.
   */
  readonly isWhole: boolean
}

const SETTINGS = [
  'transaction_isolation',
  'client_encoding',
  'TimeZone',
  'DateStyle',
  'IntervalStyle',
  'extra_float_digits',
  'bytea_output',
  'statement_timeout',
  'standard_conforming_strings'
] as const

const TITLE = 'facts'

const STATE_SQL = `SELECT '${TITLE}',
  ${SETTINGS.map((name) => `pg_catalog.current_setting('${name}')`).join(', ')},
  COALESCE(pg_catalog.current_setting('jetgres.consistency', true), ''),
  COALESCE(pg_catalog.current_setting('jetgres.float_aggregates', true), ''),
  pg_catalog.current_setting('search_path'), CURRENT_USER, pg_catalog.pg_my_temp_schema(),
  pg_catalog.pg_is_in_recovery(), pg_catalog.pg_current_xact_id_if_assigned(),
  pg_catalog.pg_current_snapshot(),
  pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time())::pg_catalog.int8`

/** SQL for whether the twin of this OID has more children than its live child. */
export const hasOtherChild = (oid: string): string =>
  `(SELECT pg_catalog.count(*) > 1 FROM pg_catalog.pg_inherits h WHERE h.inhparent = ${oid})`

const FACTS_SQL = `${STATE_SQL},
  (pg_catalog.date_part('epoch', pg_catalog.now()) * 1000000)::pg_catalog.int8,
  (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(c.oid::pg_catalog.int8,
      pg_catalog.has_table_privilege(c.oid, 'SELECT'),
      c.relrowsecurity AND (SELECT pg_catalog.array_agg(p.polname) FROM pg_catalog.pg_policy p
        WHERE p.polrelid = c.oid) IS DISTINCT FROM '{${GUARD}}',
      ${hasOtherChild('c.oid')}) ORDER BY u.i)
   FROM pg_catalog.unnest($1::pg_catalog.text[]) WITH ORDINALITY u(name, i)
   LEFT JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(u.name))`

/** Names nobody else uses, so that the client's unnamed statement and portal survive. */
const PRIVATE = 'jetgres facts'

/**
 * The messages of a question that runs `text` once with text parameters. The Close in front is for
 * a question that failed half-way: prepared statements outlive the transaction they fail in.
 */
export function askOnce(text: string, values: readonly (string | null)[], name = PRIVATE): Ask[] {
  return [
    { kind: 'close', bytes: frontend.close({ type: 'S', name }) },
    { kind: 'parse', bytes: frontend.parse({ name, text, types: [] }) },
    { kind: 'bind', bytes: frontend.bind({ portal: name, statement: name, values: [...values] }) },
    { kind: 'execute', bytes: frontend.execute({ portal: name, rows: 0 }) },
    { kind: 'close', bytes: frontend.close({ type: 'P', name }) },
    { kind: 'close', bytes: frontend.close({ type: 'S', name }) }
  ]
}

/** The rows among an exchange's frames, as text. */
export function textRowsOf(frames: readonly Frame[]): (string | null)[][] {
  return frames
    .filter((frame) => frame.type === code('D'))
    .map((frame) => decodeDataRow(bodyOf(frame)).map((field) => field?.toString() ?? null))
}

/** Asks for the state alone. */
export const askState = (): Ask[] => askOnce(STATE_SQL, [])

/**
 * `names`: as SQL would write them, quoted where needed. In front of what else is asked of a statement:
 * the state is then no newer than any of the answers.
 */
export const askFacts = (names: readonly string[]): Ask[] =>
  askOnce(FACTS_SQL, [arrayLiteral(names)])

export const arrayLiteral = (items: readonly string[]): string =>
  `{${items.map((item) => `"${item.replace(/["\\]/g, '\\$&')}"`).join(',')}}`

/** The columns behind the title; undefined when there is no answer (a failed exchange). */
function factsRow(frames: readonly Frame[]): (string | null)[] | undefined {
  return textRowsOf(frames)
    .find(([title]) => title === TITLE)
    ?.slice(1)
}

/** Of the session, with its transaction's number as the last one; and of the server. */
const SESSION_COLUMNS = SETTINGS.length + 7
const STATE_COLUMNS = SESSION_COLUMNS + 2

const stateIn = (row: readonly (string | null)[]): State => ({
  snapshot: row.slice(SESSION_COLUMNS, STATE_COLUMNS).join(' '),
  session: JSON.stringify(row.slice(0, SESSION_COLUMNS)),
  isWhole: row[0] === 'read committed' && isTold(row.slice(SESSION_COLUMNS - 2))
})

/** A standby's snapshot tells nothing of transactions that end in the midst of others. */
const isTold = ([isStandby, transaction]: readonly (string | null)[]): boolean =>
  isStandby === 'f' && transaction === null

/** Reads the state in the answer to `askState` or `askFacts`; undefined when there is none. */
export function readState(frames: readonly Frame[]): State | undefined {
  const row = factsRow(frames)
  return row && stateIn(row)
}

/** Reads the answer to `askFacts`; undefined when there is none. */
export function readFacts(frames: readonly Frame[]): SessionFacts | undefined {
  const row = factsRow(frames)
  if (!row) return undefined
  const [isolation, encoding, timeZone, dateStyle, intervalStyle, digits, bytea] = row
  const [timeout, standardStrings] = row.slice(7)
  const [consistency, floatAggregates] = row.slice(SETTINGS.length)
  const [now, names] = row.slice(STATE_COLUMNS)
  return {
    isolation: isolation!,
    clientEncoding: encoding!,
    statementTimeoutMs: durationMs(timeout!),
    standardStrings: standardStrings === 'on',
    consistency: readConsistency(consistency!),
    floatAggregates: readFloatAggregates(floatAggregates!),
    now: BigInt(now!),
    output: {
      timeZone: timeZone!,
      dateStyle: dateStyle!,
      intervalStyle: intervalStyle!,
      extraFloatDigits: Number(digits),
      byteaOutput: bytea!
    },
    names: names ? readNames(names) : [],
    state: stateIn(row)
  }
}

function readNames(json: string): ResolvedName[] {
  const rows = JSON.parse(json) as [number | null, ...(boolean | null)[]][]
  return rows.map(([oid, maySelect, rowSecurity, otherChild]) => ({
    oid: oid ?? undefined,
    maySelect: maySelect === true,
    rowSecurity: rowSecurity === true,
    hasOtherChild: otherChild === true
  }))
}

/** @throws PgError 22023: SET cannot check it, Postgres knows nothing of the setting */
function readConsistency(text: string): Consistency {
  const value = text === '' ? 'received' : text.toLowerCase()
  if (value === 'committed' || value === 'received' || value === 'stream') return value
  throw invalidParameterValue(`invalid value for parameter "jetgres.consistency": "${text}"`, {
    hint: 'Available values: committed, received, stream.'
  })
}

/** @throws PgError 22023 */
function readFloatAggregates(text: string): boolean {
  const value = text === '' ? 'local' : text.toLowerCase()
  if (value === 'local' || value === 'relay') return value === 'local'
  throw invalidParameterValue(`invalid value for parameter "jetgres.float_aggregates": "${text}"`, {
    hint: 'Available values: local, relay.'
  })
}

const UNIT_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1_000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000
}

/** A time setting as current_setting() prints it: "0", "500ms", "2min". */
function durationMs(text: string): number {
  const [, amount, unit] = /^(\d+)\s*([a-z]*)$/.exec(text) ?? []
  return Number(amount ?? 0) * (UNIT_MS[unit ?? ''] ?? 1)
}
