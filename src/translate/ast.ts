// Reading the parser's JSON without trusting it: every access answers a plain default when a field is
// absent (the parser leaves out zeros, false and empty lists).
// Owns no meaning; must never know DuckDB or types.

export type Node = Readonly<Record<string, unknown>>

const EMPTY: Node = {}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `{ "ColumnRef": { … } }` → its kind and body; kind '' when there is no node. */
export function open(value: unknown): { kind: string; body: Node } {
  if (!isNode(value)) return { kind: '', body: EMPTY }
  const kind = Object.keys(value)[0]
  if (kind === undefined) return { kind: '', body: EMPTY }
  return { kind, body: nodeOf(value[kind]) }
}

/** The value as a node; an empty node when it is none. */
export const nodeOf = (value: unknown): Node => (isNode(value) ? value : EMPTY)

export const child = (body: Node, key: string): Node => nodeOf(body[key])

export const has = (body: Node, key: string): boolean => body[key] !== undefined

export function str(body: Node, key: string): string {
  const value = body[key]
  return typeof value === 'string' ? value : ''
}

export function int(body: Node, key: string): number {
  const value = body[key]
  return typeof value === 'number' ? value : 0
}

export const flag = (body: Node, key: string): boolean => body[key] === true

export function list(body: Node, key: string): readonly unknown[] {
  const value: unknown = body[key]
  return Array.isArray(value) ? (value as readonly unknown[]) : []
}

/** The texts of a list of String nodes; undefined when any item is something else. */
export function names(nodes: readonly unknown[]): readonly string[] | undefined {
  const texts: string[] = []
  for (const node of nodes) {
    const { kind, body } = open(node)
    if (kind !== 'String') return undefined
    texts.push(str(body, 'sval'))
  }
  return texts
}

/** A name that may carry the schema pg_catalog: its last part, or undefined for any other schema. */
export function builtinName(nodes: readonly unknown[]): string | undefined {
  const parts = names(nodes)
  if (parts?.length === 1) return parts[0]
  return parts?.length === 2 && parts[0] === 'pg_catalog' ? parts[1] : undefined
}

/** The integer of an A_Const, or undefined. */
export function integerConstant(node: unknown): number | undefined {
  const { kind, body } = open(node)
  return kind === 'A_Const' && has(body, 'ival') ? int(child(body, 'ival'), 'ival') : undefined
}

/** The text of a quoted A_Const, or undefined. */
export function textConstant(node: unknown): string | undefined {
  const { kind, body } = open(node)
  return kind === 'A_Const' && has(body, 'sval') ? str(child(body, 'sval'), 'sval') : undefined
}
