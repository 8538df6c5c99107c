// Whether a function or an operator of a statement may mean one that users made: the translator knows
// Postgres's own only. Asked on the session's own connection, by its search_path; an answer is kept
// for as long as a plan is.

import { limits } from '../limits.ts'
import type { Ask } from '../upstream/exchange.ts'
import type { Frame } from '../wire/frames.ts'
import { arrayLiteral, askOnce, textRowsOf } from './facts.ts'

/** The first OID that initdb does not give: what takes a type of users' own is no rival. */
const OWN_TYPE = 16_384

const OVERLOADS_SQL = `SELECT 'overloads', (SELECT name FROM (
     SELECT p.proname AS name, p.pronamespace AS schema, p.proargtypes::pg_catalog.oid[] AS types
     FROM pg_catalog.pg_proc p
     WHERE p.proname OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.name[])
     UNION ALL
     SELECT o.oprname, o.oprnamespace, ARRAY[o.oprleft, o.oprright]
     FROM pg_catalog.pg_operator o
     WHERE o.oprname OPERATOR(pg_catalog.=) ANY ($1::pg_catalog.name[])) f
   WHERE schema OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.regnamespace
     AND schema OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT n.oid FROM pg_catalog.pg_namespace n
       WHERE n.nspname OPERATOR(pg_catalog.=) ANY (pg_catalog.current_schemas(false))))
     AND '${OWN_TYPE}'::pg_catalog.oid OPERATOR(pg_catalog.>) ALL (types) LIMIT 1)`

/** The answers of one session. */
export class Overloads {
  readonly #answers = new Map<string, string | undefined>()
  #epoch = -1
  #since = 0

  /** The question, or nothing where the answer is known. `epoch`: the session's. */
  ask(used: readonly string[], epoch: number): Ask[] {
    const isFresh = this.#epoch === epoch && performance.now() - this.#since < limits.planFreshMs
    if (!isFresh || this.#answers.size >= limits.overloadAnswersKept) {
      this.#answers.clear()
      this.#epoch = epoch
      this.#since = performance.now()
    }
    const isKnown = used.length === 0 || this.#answers.has(keyOf(used))
    return isKnown ? [] : askOnce(OVERLOADS_SQL, [arrayLiteral(used)], 'jetgres overloads')
  }

  /** One of the names that may mean something else; `frames`: what answered, if it was asked. */
  read(used: readonly string[], frames: readonly Frame[]): string | undefined {
    const row = textRowsOf(frames).find(([title]) => title === 'overloads')
    if (row) this.#answers.set(keyOf(used), row[1] ?? undefined)
    return this.#answers.get(keyOf(used))
  }
}

const keyOf = (used: readonly string[]): string => used.toSorted().join(' ')
