// What a statement's text is to us: the router's first half. Pure: text and known names in, meaning
// out. Whatever it does not understand is relayed as it came (DESIGN: relay is always right).

import { withPosition } from '../errors.ts'
import { backticksAsQuotes } from '../sql/backticks.ts'
import { startsIntercepted } from '../sql/classify.ts'
import type { NameScan } from '../sql/classify.ts'
import { flagOf, isNode, nodeKind, textOf, unwrap } from '../sql/ast.ts'
import type { Node } from '../sql/ast.ts'
import { parseSql } from '../sql/parser.ts'
import { splitStatements } from '../sql/split.ts'
import type { Statement } from '../sql/split.ts'
import type { Explain } from '../sql/explain.ts'
import { readStatement } from '../sql/statement.ts'
import type { OurStatement } from '../sql/statement.ts'
import { usedNames } from '../sql/used-names.ts'
import { characterPosition } from '../sql/tokens.ts'
import { limits } from '../limits.ts'
import { rewriteReads } from './rewrite.ts'
import { namesRwCatalog } from './rw-catalog.ts'

/** A table name as a FROM clause has it. */
export interface TableName {
  readonly schema: string | undefined
  readonly name: string
}

export type Inspection =
  /** Nothing of ours in it. */
  | { readonly kind: 'plain' }
  /** May name a relation, but isn't for us; `text` when the statement must be sent otherwise. */
  | {
      readonly kind: 'relay'
      readonly reason: string
      readonly tables: readonly TableName[]
      readonly text: string | undefined
      /** COPY to the client. A `text` is another statement: what is wrong with this, only itself tells. */
      readonly isCopy?: boolean
      /** It makes a view: its name will have to be looked for. */
      readonly makesView?: boolean
    }
  /** One SELECT that may name a relation. */
  | {
      readonly kind: 'select'
      readonly select: Node
      readonly tables: readonly TableName[]
      /** Functions and operators it uses by name. */
      readonly used: readonly string[]
    }
  | { readonly kind: 'ours'; readonly statement: OurStatement; readonly text: string }
  /** Several statements, one of them ours, or read past its children (rewrite.ts). */
  | { readonly kind: 'several'; readonly parts: readonly Part[] }

/** One of several statements; `shift`: characters of the whole text before it. */
export interface Part {
  readonly text: string
  readonly shift: number
}

/** What bytes become that are not UTF-8: a text that holds it cannot be sent again as it came. */
export const UNREADABLE = '\ufffd'

const PLAIN: Inspection = { kind: 'plain' }

/** @throws PgError when a statement is plainly meant for us and is wrong */
export function inspect(sent: string, names: NameScan): Inspection {
  if (sent.length > limits.inspectedSqlCharsMax) return PLAIN
  const mentions = names.mentions(sent)
  const asksRisingWave = namesRwCatalog(sent)
  const intercepted = startsIntercepted(sent)
  const text = intercepted ? backticksAsQuotes(sent) : sent
  if (!mentions && !intercepted && !asksRisingWave) return PLAIN
  const parts = splitStatements(text)
  if (!parts || parts.length === 0) return PLAIN
  const found = intercepted ? inspectOurs(text, parts, names) : undefined
  if (found || mentions) return found ?? inspectReading(text, names)
  return asksRisingWave ? onlySelect(inspectReading(text, names)) : PLAIN
}

const onlySelect = (read: Inspection): Inspection => (read.kind === 'select' ? read : PLAIN)

function inspectOurs(
  text: string,
  statements: readonly Statement[],
  names: NameScan
): Inspection | undefined {
  if (statements.length === 1) {
    const statement = ours(text, names)
    return statement && { kind: 'ours', statement, text }
  }
  const parts = partsOf(text, statements)
  return parts.some((part) => isOurs(part, names)) ? { kind: 'several', parts } : undefined
}

const partsOf = (text: string, statements: readonly Statement[]): Part[] =>
  statements.map((statement) => ({
    text: statement.text,
    shift: characterPosition(text, statement.start) - 1
  }))

const severalOf = (text: string): Inspection => {
  const statements = splitStatements(text)
  return statements ? { kind: 'several', parts: partsOf(text, statements) } : PLAIN
}

function isOurs({ text, shift }: Part, names: NameScan): boolean {
  try {
    return ours(text, names) !== undefined
  } catch (error) {
    throw withPosition(error, (position) => position + shift)
  }
}

/** DROP, ALTER and CREATE INDEX are everybody's: ours only where a relation's name stands in them. */
function ours(text: string, names: NameScan): OurStatement | undefined {
  const statement = readStatement(text)
  if (!statement) return undefined
  if (statement.kind === 'explain') return isOfRead(statement, names) ? statement : undefined
  const isShared = isOfTable(statement)
  return isShared && !names.mentions(text) ? undefined : statement
}

const isOfRead = ({ query }: Explain, names: NameScan): boolean =>
  names.mentions(query) && inspectReading(query, names).kind === 'select'

const isOfTable = (statement: OurStatement): boolean =>
  statement.kind === 'createIndex' ||
  ((statement.kind === 'drop' || statement.kind === 'alter') && statement.relation === 'table')

function inspectReading(text: string, names: NameScan): Inspection {
  const parsed = tryParse(text)
  if (!parsed) return PLAIN
  const tables = parsed.flatMap(({ node }) => tablesIn(node))
  const rewritten = rewriteReads(text, parsed, names)
  if (rewritten !== undefined && parsed.length > 1 && !parsed.some(({ node }) => isCopyIn(node))) {
    // Each is rewritten when those before it have run: they may say what its names mean.
    return severalOf(text)
  }
  const makesView = parsed.some(({ node }) => unwrap(node, 'ViewStmt') !== undefined)
  if (makesView) return { ...relay('VIEW is relayed', tables, rewritten), makesView }
  const [only] = parsed
  if (parsed.length !== 1 || !only) return relay('more than one statement', tables, rewritten)
  const select = unwrap(only.node, 'SelectStmt')
  if (!select) {
    const relayed = relay(`${statementName(only.node)} is relayed`, tables, rewritten)
    return isCopyToClient(only.node) ? { ...relayed, isCopy: true } : relayed
  }
  if (rewritten !== undefined) return relay('ONLY is relayed', tables, rewritten)
  if (text.includes(UNREADABLE)) return relay('the statement is not in UTF-8', tables, undefined)
  return { kind: 'select', select, tables, used: usedNames(select) }
}

const isCopyIn = (node: Node): boolean => {
  const copy = unwrap(node, 'CopyStmt')
  return copy !== undefined && flagOf(copy, 'is_from')
}

function isCopyToClient(node: Node): boolean {
  const copy = unwrap(node, 'CopyStmt')
  return copy !== undefined && textOf(copy, 'filename') === '' && !flagOf(copy, 'is_program')
}

const relay = (
  reason: string,
  tables: readonly TableName[],
  text: string | undefined
): Extract<Inspection, { kind: 'relay' }> => ({ kind: 'relay', reason, tables, text })

function tryParse(text: string): ReturnType<typeof parseSql> | undefined {
  try {
    return parseSql(text)
  } catch {
    return undefined
  }
}

/** 'CopyStmt' → 'COPY', for the reason that SHOW jetgres.last_route tells. */
function statementName(node: Node): string {
  const words = nodeKind(node)
    .replace(/Stmt$/, '')
    .split(/(?=[A-Z])/)
  return words.join(' ').toUpperCase()
}

/** Every table name anywhere in a statement. CTE names among them: resolving tells them apart. */
export function tablesIn(node: Node): TableName[] {
  const found = new Map<string, TableName>()
  const stack: unknown[] = [node]
  while (stack.length > 0) {
    const item = stack.pop()
    if (Array.isArray(item)) stack.push(...(item as unknown[]))
    else if (isNode(item)) {
      const name = tableName(item)
      if (name) found.set(`${name.schema ?? ''}.${name.name}`, name)
      stack.push(...Object.values(item))
    }
  }
  return [...found.values()]
}

/** The inside of a RangeVar; it stands unwrapped where the grammar allows nothing else. */
function tableName(node: Node): TableName | undefined {
  const name = textOf(node, 'relname')
  if (name === '' || !('relpersistence' in node)) return undefined
  const schema = textOf(node, 'schemaname')
  return { schema: schema === '' ? undefined : schema, name }
}

/** The name as SQL writes it, for to_regclass. */
export const quotedName = ({ schema, name }: TableName): string =>
  [...(schema === undefined ? [] : [schema]), name]
    .map((part) => `"${part.replaceAll('"', '""')}"`)
    .join('.')
