// Which constructs a statement has, by its parse tree, and how many of those that have one are
// answered locally. Knows nothing of what the translator takes.

import { parseSync } from 'libpg-query'

import { isAggregate } from '../../src/translate/aggregates.ts'
import * as ast from '../../src/translate/ast.ts'
import type { Outcome } from './both.ts'

type Named = (body: ast.Node) => readonly string[]

const when = (has: boolean, name: string): readonly string[] => (has ? [name] : [])

const JOINS: Readonly<Record<string, string>> = {
  JOIN_LEFT: 'LEFT JOIN',
  JOIN_RIGHT: 'RIGHT JOIN',
  JOIN_FULL: 'FULL JOIN'
}

const SETS: Readonly<Record<string, string>> = {
  SETOP_UNION: 'UNION',
  SETOP_INTERSECT: 'INTERSECT',
  SETOP_EXCEPT: 'EXCEPT'
}

const SUBQUERIES: Readonly<Record<string, string>> = {
  EXISTS_SUBLINK: 'EXISTS',
  ANY_SUBLINK: 'IN or ANY of a SELECT',
  ALL_SUBLINK: 'ALL of a SELECT',
  EXPR_SUBLINK: 'scalar subquery',
  ARRAY_SUBLINK: 'ARRAY of a SELECT'
}

const GROUPINGS: Readonly<Record<string, string>> = {
  GROUPING_SET_ROLLUP: 'ROLLUP',
  GROUPING_SET_CUBE: 'CUBE',
  GROUPING_SET_SETS: 'GROUPING SETS'
}

/** Of a frame that is written out. Source: parsenodes.h. */
const FRAMEOPTION_NONDEFAULT = 1

function joinName(body: ast.Node): string {
  const outer = JOINS[ast.str(body, 'jointype')]
  if (outer !== undefined) return outer
  const isBound = ['quals', 'usingClause', 'isNatural'].some((key) => ast.has(body, key))
  return isBound ? 'INNER JOIN' : 'CROSS JOIN'
}

function distinctName(body: ast.Node): readonly string[] {
  const items = ast.list(body, 'distinctClause')
  if (items.length === 0) return []
  return [ast.open(items[0]).kind === '' ? 'DISTINCT' : 'DISTINCT ON']
}

function setName(body: ast.Node): readonly string[] {
  const name = SETS[ast.str(body, 'op')]
  return name === undefined ? [] : [ast.flag(body, 'all') ? `${name} ALL` : name]
}

function selectNames(body: ast.Node): readonly string[] {
  return [
    ...setName(body),
    ...distinctName(body),
    ...when(ast.list(body, 'fromClause').length > 1, 'several items of FROM'),
    ...when(ast.has(body, 'valuesLists'), 'VALUES'),
    ...when(ast.has(body, 'whereClause'), 'WHERE'),
    ...when(ast.has(body, 'groupClause'), 'GROUP BY'),
    ...when(ast.has(body, 'havingClause'), 'HAVING'),
    ...when(ast.has(body, 'sortClause'), 'ORDER BY'),
    ...when(ast.has(body, 'limitCount') || ast.has(body, 'limitOffset'), 'LIMIT, OFFSET'),
    ...when(ast.str(body, 'limitOption') === 'LIMIT_OPTION_WITH_TIES', 'WITH TIES'),
    ...when(ast.has(body, 'lockingClause'), 'FOR UPDATE, FOR SHARE')
  ]
}

function callNames(body: ast.Node): readonly string[] {
  const name = ast.builtinName(ast.list(body, 'funcname')) ?? ''
  return [
    ...when(ast.has(body, 'over'), 'window'),
    ...when(isAggregate(name) && !ast.has(body, 'over'), 'aggregate'),
    ...when(ast.has(body, 'agg_filter'), 'FILTER'),
    ...when(ast.has(body, 'agg_distinct'), 'DISTINCT in an aggregate'),
    ...when(ast.has(body, 'agg_within_group'), 'WITHIN GROUP')
  ]
}

const NODES: Readonly<Record<string, Named>> = {
  JoinExpr: (body) => [
    joinName(body),
    ...when(ast.has(body, 'usingClause'), 'JOIN USING'),
    ...when(ast.flag(body, 'isNatural'), 'NATURAL JOIN')
  ],
  RangeSubselect: (body) => ['subquery in FROM', ...when(ast.flag(body, 'lateral'), 'LATERAL')],
  RangeFunction: () => ['function in FROM'],
  RangeTableSample: () => ['TABLESAMPLE'],
  SubLink: (body) => [SUBQUERIES[ast.str(body, 'subLinkType')] ?? 'subquery of another kind'],
  SelectStmt: selectNames,
  FuncCall: callNames,
  GroupingSet: (body) => [GROUPINGS[ast.str(body, 'kind')] ?? 'GROUP BY ()'],
  CaseExpr: () => ['CASE'],
  CoalesceExpr: () => ['COALESCE'],
  MinMaxExpr: () => ['GREATEST, LEAST'],
  RowExpr: () => ['row'],
  A_Indirection: () => ['subscript or field'],
  CollateClause: () => ['COLLATE'],
  ParamRef: () => ['parameter'],
  // Nodes that stand in their fields without their kind.
  larg: selectNames,
  rarg: selectNames,
  withClause: (body) => [ast.flag(body, 'recursive') ? 'WITH RECURSIVE' : 'WITH'],
  over: (body) =>
    when((ast.int(body, 'frameOptions') & FRAMEOPTION_NONDEFAULT) !== 0, 'window with a frame')
}

/** The constructs of a statement; `views`: what in FROM is a view. */
export function constructsOf(sql: string, views: ReadonlySet<string>): ReadonlySet<string> {
  const found = new Set<string>()
  const visit = (value: unknown, key: string): void => {
    if (Array.isArray(value)) for (const item of value) visit(item, key)
    else if (typeof value === 'object' && value !== null) {
      const body = ast.nodeOf(value)
      for (const name of NODES[key]?.(body) ?? []) found.add(name)
      if (key === 'RangeVar' && views.has(ast.str(body, 'relname'))) found.add('view')
      for (const [inner, one] of Object.entries(body)) visit(one, inner)
    }
  }
  visit(parseSync(sql), '')
  return found
}

/** By construct, how many statements Postgres accepted and how many of them ran locally. */
export class Shares {
  readonly #counts = new Map<string, { local: number; all: number }>()

  add(sql: string, { kind }: Outcome, views: ReadonlySet<string>): void {
    if (kind === 'refused') return
    for (const name of ['any statement', ...constructsOf(sql, views)]) {
      const count = this.#counts.get(name) ?? { local: 0, all: 0 }
      count.all += 1
      if (kind === 'same') count.local += 1
      this.#counts.set(name, count)
    }
  }

  of(name: string): { readonly local: number; readonly all: number } {
    return this.#counts.get(name) ?? { local: 0, all: 0 }
  }

  names(): readonly string[] {
    return [...this.#counts.keys()]
  }
}

/** Lines of a table: construct, then local / all for each column. */
export function shareTable(columns: Readonly<Record<string, Shares>>): readonly string[] {
  const shares = Object.values(columns)
  const names = [...new Set(shares.flatMap((one) => one.names()))]
  const width = Math.max(...names.map((name) => name.length))
  const line = (first: string, cells: readonly string[]): string =>
    [first.padEnd(width), ...cells.map((cell) => cell.padStart(24))].join(' ')
  const cell = ({ local, all }: { local: number; all: number }): string =>
    all === 0 ? '–' : `${local} / ${all} = ${Math.round((100 * local) / all)} %`
  const rows = names.toSorted().map((name) => line(name, shares.map((one) => cell(one.of(name)))))
  return [line('construct: local / all', Object.keys(columns)), ...rows]
}
