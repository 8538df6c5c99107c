// Typed access to the parser's JSON tree without believing more of it than each caller checks.

/** A node's fields. A wrapped node is an object with one key, its kind: `{ SelectStmt: {…} }`. */
export type Node = Readonly<Record<string, unknown>>

export const isNode = (value: unknown): value is Node =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The kind of a wrapped node: 'SelectStmt' for `{ SelectStmt: {…} }`; '' when it isn't one. */
export function nodeKind(node: Node): string {
  const keys = Object.keys(node)
  return keys.length === 1 ? keys[0]! : ''
}

/** The inside of a wrapped node of this kind; undefined when it is of another. */
export const unwrap = (node: Node | undefined, kind: string): Node | undefined =>
  node === undefined ? undefined : childOf(node, kind)

export function childOf(node: Node, field: string): Node | undefined {
  const value = node[field]
  return isNode(value) ? value : undefined
}

/** A list field; the parser leaves empty lists out. */
export function listOf(node: Node, field: string): readonly Node[] {
  const value = node[field]
  return Array.isArray(value) ? value.filter(isNode) : []
}

/** A string field; the parser leaves empty strings out. */
export function textOf(node: Node, field: string): string {
  const value = node[field]
  return typeof value === 'string' ? value : ''
}

/** A number field; the parser leaves zeros out. */
export function numberOf(node: Node, field: string): number {
  const value = node[field]
  return typeof value === 'number' ? value : 0
}

/** A boolean field; the parser leaves false out. */
export const flagOf = (node: Node, field: string): boolean => node[field] === true
