// What a session of pg_dump needs. The live child, the write trigger, the schema they come from and the
// views of how ingestion stands serve this upstream alone: a dump that held them would restore tables that read their rows over
// again from here, or cannot be read at all. So pg_dump's questions to the catalogs are asked without
// them, and what it dumps of a relation is a plain table with its rows.

import { childOf, isNode, numberOf, textOf, unwrap } from '../sql/ast.ts'
import type { Node } from '../sql/ast.ts'
import { byteToIndex, parseSql, scanTokens } from '../sql/parser.ts'
import type { Token } from '../sql/tokens.ts'
import { SCHEMA, SERVER } from '../upstream/bridge.ts'
import { STATUS_SCHEMA } from '../upstream/status-views.ts'
import { STATUS_TABLES } from '../types/status-tables.ts'
import type { Conversation } from './conversation.ts'
import { askOnce, textRowsOf } from './facts.ts'
import { applyEdits } from './rewrite.ts'
import type { Edit } from './rewrite.ts'

const CATALOG = 'pg_catalog'
const VIEW_NAMES = Object.keys(STATUS_TABLES)
  .map((name) => `'${name}'`)
  .join(', ')
const OUR_SCHEMA = `(SELECT oid FROM ${CATALOG}.pg_namespace WHERE nspname = '${SCHEMA}')`
const OUR_FUNCTIONS = `(SELECT oid FROM ${CATALOG}.pg_proc WHERE pronamespace IN ${OUR_SCHEMA})`
/** postgres_fdw, unless somebody else had installed it before. */
const OUR_EXTENSION = `(SELECT oid FROM ${CATALOG}.pg_extension WHERE extnamespace IN ${OUR_SCHEMA})`

/** The views, and nothing else that somebody may have put into a schema of that name. */
const OUR_VIEWS = `(SELECT v.oid FROM ${CATALOG}.pg_class v JOIN ${CATALOG}.pg_namespace n ON n.oid = v.relnamespace
  WHERE n.nspname = '${STATUS_SCHEMA}' AND v.relkind = 'v' AND v.relname IN (${VIEW_NAMES}))`
const IS_OURS_ALONE = `nspname = '${STATUS_SCHEMA}' AND NOT EXISTS (
  SELECT FROM ${CATALOG}.pg_class o WHERE o.relnamespace = pg_namespace.oid AND o.oid NOT IN ${OUR_VIEWS})`

/** catalog → which of its rows are nobody else's */
const OURS: Readonly<Record<string, string>> = {
  pg_namespace: `nspname = '${SCHEMA}' OR (${IS_OURS_ALONE})`,
  pg_class: `relnamespace IN ${OUR_SCHEMA} OR oid IN ${OUR_VIEWS}`,
  pg_rewrite: `ev_class IN ${OUR_VIEWS}`,
  pg_type: `typnamespace IN ${OUR_SCHEMA} OR typrelid IN ${OUR_VIEWS} OR typelem IN
    (SELECT oid FROM ${CATALOG}.pg_type WHERE typrelid IN ${OUR_VIEWS})`,
  pg_proc: `pronamespace IN ${OUR_SCHEMA}`,
  pg_extension: `extnamespace IN ${OUR_SCHEMA}`,
  pg_foreign_data_wrapper: `fdwhandler IN ${OUR_FUNCTIONS}`,
  pg_foreign_server: `srvname = '${SERVER}'`,
  pg_trigger: `tgfoid IN ${OUR_FUNCTIONS}`,
  pg_depend: `refclassid = '${CATALOG}.pg_extension'::${CATALOG}.regclass AND refobjid IN ${OUR_EXTENSION}`
}

/** Since 2024 pg_dump has its session refuse foreign tables, which live children are. */
const RESTRICTION = 'restrict_nonsystem_relation_kind'
const REFUSED = 'foreign-table'
const PERMIT = `SELECT setting, ${CATALOG}.set_config(name, 'view', false)
  FROM ${CATALOG}.pg_settings WHERE name = '${RESTRICTION}' AND setting LIKE '%${REFUSED}%'`
const RESTRICT = `SELECT ${CATALOG}.set_config('${RESTRICTION}', $1, false)`

export class Dump {
  readonly #c: Conversation
  /** What the restriction was before a relation's rows were asked for. */
  #restriction: string | undefined

  constructor(conversation: Conversation) {
    this.#c = conversation
  }

  /** The question as it is to be asked, or undefined when nothing of ours could be in the answer. */
  withoutOurs(text: string): string | undefined {
    if (!text.includes('pg_')) return undefined
    const statements = tryParse(text)
    const selects = statements.map(({ node }) => unwrap(node, 'SelectStmt'))
    if (!selects.every(isNode)) return undefined
    const toIndex = byteToIndex(text)
    const tokens = scanTokens(text)
    const edits = selects.flatMap(catalogsIn).map((range) => narrowed(range, tokens, toIndex))
    return edits.length === 0 ? undefined : applyEdits(text, edits)
  }

  /** For the one statement that reads a relation's rows. @throws PgError 08006 */
  async permit(): Promise<void> {
    const { frames } = await this.#c.link.exchange(askOnce(PERMIT, []), 'sync')
    const [setting] = textRowsOf(frames)[0] ?? []
    this.#restriction ??= setting ?? undefined
  }

  /** Behind that statement. A transaction that failed has undone the permission itself. */
  async restrict(): Promise<void> {
    const restriction = this.#restriction
    this.#restriction = undefined
    if (restriction === undefined || this.#c.hasFailed) return
    await this.#c.link.exchange(askOnce(RESTRICT, [restriction]), 'sync')
  }
}

function tryParse(text: string): ReturnType<typeof parseSql> {
  try {
    return parseSql(text)
  } catch {
    return []
  }
}

/** The RangeVars of catalogs that may hold something of ours. */
function catalogsIn(select: Node): Node[] {
  const found: Node[] = []
  const stack: unknown[] = [select]
  while (stack.length > 0) {
    const item = stack.pop()
    if (Array.isArray(item)) stack.push(...(item as unknown[]))
    else if (isNode(item)) {
      const range = childOf(item, 'RangeVar')
      if (range !== undefined && isCatalog(range)) found.push(range)
      stack.push(...Object.values(item))
    }
  }
  return found
}

const isCatalog = (range: Node): boolean =>
  ['', CATALOG].includes(textOf(range, 'schemaname')) && textOf(range, 'relname') in OURS

/** `pg_class c` → `(SELECT … FROM pg_class WHERE …) c` */
function narrowed(
  range: Node,
  tokens: readonly Token[],
  toIndex: (offset: number) => number
): Edit {
  const name = textOf(range, 'relname')
  const start = toIndex(numberOf(range, 'location'))
  const first = tokens.findIndex((token) => token.start === start)
  const { end } = tokens[first + (textOf(range, 'schemaname') === '' ? 0 : 2)]!
  const rows = `(SELECT tableoid, * FROM ${CATALOG}.${name} WHERE (${OURS[name]}) IS NOT TRUE)`
  return { start, end, text: childOf(range, 'alias') ? rows : `${rows} ${name}` }
}
