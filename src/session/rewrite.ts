// The two reads in which Postgres skips a table's children, and with them a relation's rows:
// `COPY t TO` and `FROM ONLY t`. Rewrites their text so that the children are read (invariant 2).
// Pure. ONLY is blanked, not cut, so that positions in errors stay true.

import type { NameScan } from '../sql/classify.ts'
import { childOf, flagOf, isNode, numberOf, textOf, unwrap } from '../sql/ast.ts'
import type { Node } from '../sql/ast.ts'
import { byteToIndex, scanTokens } from '../sql/parser.ts'
import type { ParsedStatement } from '../sql/parser.ts'
import type { Token } from '../sql/tokens.ts'

/** A stretch of a text, and what shall stand there instead. */
export interface Edit {
  readonly start: number
  readonly end: number
  readonly text: string
}

/** The text with those reads rewritten, or undefined when it holds none. */
export function rewriteReads(
  text: string,
  statements: readonly ParsedStatement[],
  names: NameScan
): string | undefined {
  const edits: Edit[] = []
  let tokens: Token[] | undefined
  const toIndex = byteToIndex(text)
  const scan = (): Token[] => (tokens ??= scanTokens(text))
  for (const { node, end } of statements) {
    const copy = unwrap(node, 'CopyStmt')
    const copied = copy && copiedTable(copy, names)
    if (copied) edits.push(...editCopy(text, scan(), toIndex(numberOf(copied, 'location')), end))
    else
      for (const range of onlyTables(node, names)) {
        edits.push(...blankOnly(scan(), toIndex(numberOf(range, 'location'))))
      }
  }
  return edits.length === 0 ? undefined : applyEdits(text, edits)
}

/** The table of a `COPY t TO` whose name may be a relation's. */
function copiedTable(copy: Node, names: NameScan): Node | undefined {
  const relation = childOf(copy, 'relation')
  if (!relation || flagOf(copy, 'is_from')) return undefined
  return names.mentions(`"${textOf(relation, 'relname')}"`) ? relation : undefined
}

/** COPY t (a, b) TO … → COPY (SELECT a, b FROM t) TO …; `start` of the name, `stop` of all. */
function editCopy(text: string, tokens: readonly Token[], start: number, stop: number): Edit[] {
  const first = tokens.findIndex((token) => token.start === start)
  const last = tokens.findIndex((token, i) => i > first && token.text.toLowerCase() === 'to')
  if (first < 0 || last < 0) return []
  const open = tokens.findIndex((token, i) => i > first && i < last && token.text === '(')
  const end = tokens[last - 1]!.end
  const nameEnd = open < 0 ? end : tokens[open - 1]!.end
  const columns = open < 0 ? '*' : text.slice(tokens[open]!.end, tokens[last - 1]!.start)
  const query = { start, end, text: `(SELECT ${columns} FROM ${text.slice(start, nameEnd)})` }
  return [
    query,
    ...editOldBinary(tokens[first - 1]!, stop),
    ...editOldDelimiter(tokens, last, stop)
  ]
}

/** COPY BINARY t, of before 7.3, is for tables only. */
const editOldBinary = (beforeName: Token, stop: number): Edit[] =>
  beforeName.text.toLowerCase() === 'binary'
    ? [blank(beforeName), { start: stop, end: stop, text: ' WITH BINARY' }]
    : []

/** So is TO … [USING] DELIMITERS '|' [WITH], of the same age. */
function editOldDelimiter(tokens: readonly Token[], last: number, stop: number): Edit[] {
  const word = (i: number): string => tokens[i]?.text.toLowerCase() ?? ''
  const at = tokens.findIndex(({ end }, i) => i > last && end <= stop && word(i) === 'delimiters')
  if (at < 0) return []
  const using = word(at - 1) === 'using' ? [blank(tokens[at - 1]!)] : []
  const others = word(at + 2) === 'with' ? [blank(tokens[at + 2]!)] : []
  const { start, end } = tokens[at]!
  return [...using, { start, end, text: 'WITH DELIMITER' }, ...others]
}

/** RangeVars under ONLY (the parser leaves `inh` out when it is false). */
function onlyTables(node: Node, names: NameScan): Node[] {
  const found: Node[] = []
  const stack: unknown[] = [node]
  while (stack.length > 0) {
    const item = stack.pop()
    if (Array.isArray(item)) stack.push(...(item as unknown[]))
    else if (isNode(item)) {
      const range = childOf(item, 'RangeVar')
      const isOnly = range !== undefined && !flagOf(range, 'inh')
      if (isOnly && names.mentions(`"${textOf(range, 'relname')}"`)) found.push(range)
      stack.push(...Object.values(item))
    }
  }
  return found
}

/** `ONLY t` or `ONLY (t)`: the word, and the brackets, become blanks. */
function blankOnly(tokens: readonly Token[], start: number): Edit[] {
  const name = tokens.findIndex((token) => token.start === start)
  const bracketed = tokens[name - 1]?.text === '('
  const only = tokens[name - (bracketed ? 2 : 1)]
  if (only?.text.toLowerCase() !== 'only') return []
  if (!bracketed) return [blank(only)]
  const close = tokens.find((token, i) => i > name && token.text === ')')
  return [blank(only), blank(tokens[name - 1]!), ...(close ? [blank(close)] : [])]
}

const blank = (token: Token): Edit => ({
  start: token.start,
  end: token.end,
  text: ' '.repeat(token.end - token.start)
})

/** Applies edits that don't overlap. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let result = text
  for (const edit of [...edits].sort((a, b) => b.start - a.start)) {
    result = result.slice(0, edit.start) + edit.text + result.slice(edit.end)
  }
  return result
}
