// Views as items of FROM: the body takes the view's place, under the names that its own schema gives
// things, never the statement's. Its privileges are the caller's to check.
// Must never let a view give other columns than the upstream says it has.

import type { RelationSchema } from '../types/value.ts'
import type * as ast from './ast.ts'
import { type Derived, derive, type Queries } from './derived.ts'
import { relay } from './expr.ts'
import type { UpstreamTable } from './upstream-tables.ts'

/** What the names of a FROM clause mean. */
export interface Names {
  /** The relation that a name in FROM means; undefined: none of ours → relay. */
  relation(schema: string | undefined, name: string): RelationSchema | undefined
  /** A table of the upstream's own by that name, whose rows the caller can bind. */
  upstreamTable?(schema: string | undefined, name: string): UpstreamTable | undefined
  /** A view whose body may be read here. */
  view?(schema: string | undefined, name: string): View | undefined
}

export interface View {
  /** Its body: the SelectStmt. */
  readonly select: ast.Node
  /** What the names in it mean. */
  readonly names: Names
  /** As the upstream has them. */
  readonly columns: readonly { readonly name: string; readonly oid: number }[]
  /** security_barrier: what may fail must not see the rows that it hides. */
  readonly isBarrier: boolean
}

/** The view's rows; nothing of the statement around is seen from inside. */
export function viewRows(view: View, queries: Queries): Derived {
  const { context } = queries
  const inside = { ...queries, ctes: new Map(), outer: [], names: view.names }
  const make = (): Derived => derive(inside, view.select)
  const rows = view.isBarrier ? context.behindBarrier(make) : context.apart(make)
  const { columns } = view
  const isSame = ({ oid }: { oid: number }, i: number): boolean =>
    rows.targets[i]?.expr.type.oid === oid
  if (rows.targets.length !== columns.length || !columns.every(isSame))
    return relay('a view whose columns are not as described')
  return {
    ...rows,
    columns: (range) =>
      rows.columns(range).map(({ expr }, i) => ({ name: columns[i]?.name ?? '', expr }))
  }
}
