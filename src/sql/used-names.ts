// The functions and operators that a statement uses by name, as far as a schema of the search path
// may have others of that name. Pure. Must never leave one out: what it names is asked about.

import { isNode, listOf, type Node, textOf, unwrap } from './ast.ts'

/** What the grammar turns into operators without writing them. */
const SPELLED: Readonly<Record<string, readonly string[]>> = {
  BETWEEN: ['<=', '>='],
  'NOT BETWEEN': ['<', '>'],
  'BETWEEN SYMMETRIC': ['<=', '>='],
  'NOT BETWEEN SYMMETRIC': ['<', '>']
}

/** Kinds of nodes that compare by `=` without an operator of their own. */
const COMPARING = new Set(['CaseExpr', 'SubLink', 'JoinExpr'])

/** Names without a schema; those of pg_catalog are only one thing. */
export function usedNames(node: Node): readonly string[] {
  const found = new Set<string>()
  const stack: unknown[] = [node]
  while (stack.length > 0) {
    const item = stack.pop()
    if (Array.isArray(item)) stack.push(...(item as unknown[]))
    else if (isNode(item)) {
      for (const name of namesOf(item)) found.add(name)
      stack.push(...Object.values(item))
    }
  }
  return [...found]
}

function namesOf(wrapped: Node): readonly string[] {
  const call = unwrap(wrapped, 'FuncCall')
  if (call) return unqualified(listOf(call, 'funcname'))
  const operation = unwrap(wrapped, 'A_Expr')
  if (operation) return unqualified(listOf(operation, 'name')).flatMap((op) => SPELLED[op] ?? [op])
  return Object.keys(wrapped).some((kind) => COMPARING.has(kind)) ? ['='] : []
}

function unqualified(parts: readonly Node[]): readonly string[] {
  const [first, ...others] = parts.map((part) => textOf(unwrap(part, 'String') ?? {}, 'sval'))
  return first === undefined || others.length > 0 ? [] : [first]
}
