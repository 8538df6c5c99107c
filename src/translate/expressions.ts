// Walks an expression of the parse tree: each node becomes DuckDB text with its Postgres type, by the
// tables. A node kind that is not listed in WALKERS is relayed.
// Must never write a rule about a type by itself; the tables hold them.

import { OID } from '../types/oids.ts'
import type { ColumnType } from '../types/value.ts'
import * as ast from './ast.ts'
import { call, groupingCall } from './calls.ts'
import { applyCast } from './casts.ts'
import { caseExpr, coalesce, extremeOf, nullif } from './choices.ts'
import { isUnknown, settle } from './coerce.ts'
import { comparison } from './comparisons.ts'
import { besideJoined } from './concat.ts'
import type { Context } from './context.ts'
import type { Subquery } from './derived.ts'
import type { Expr } from './expr.ts'
import { boolean, CONSTANT, quote, relay } from './expr.ts'
import { castTypeName, FLOATS, typeOf } from './families.ts'
import { integerLiteral, literal, nullOf, numericLiteral } from './literals.ts'
import { anyOf, arrayAs, between, inList } from './memberships.ts'
import { applyOperator, negate } from './operators.ts'
import { rowComparison } from './rows.ts'
import { type FromItem, lookUp } from './scope.ts'
import { subLink } from './sublinks.ts'
import type { Windows } from './windows.ts'

/** Where an expression stands. */
export interface Env {
  readonly context: Context
  readonly from: FromItem
  /** The FROM clauses of the queries around, innermost first. */
  readonly outer: readonly FromItem[]
  /** Aggregates may be called here: targets, HAVING and ORDER BY, and not inside another one. */
  readonly aggregates: boolean
  /** The windows that may be called by name; absent where no window function may be. */
  readonly windows?: Windows | undefined
  /** A whole SELECT inside an expression; absent where none is translated. */
  readonly subquery?: ((select: ast.Node) => Subquery) | undefined
}

type Walk = (body: ast.Node, env: Env) => Expr

export function walk(node: unknown, env: Env): Expr {
  const { kind, body } = ast.open(node)
  const walker = WALKERS[kind] ?? relay(`${kind || 'an empty expression'} is not translated`)
  const expr = env.context.deeper(() => walker(body, env))
  env.context.mayFail ||= expr.fallible
  env.context.mayRaise ||= expr.raises === true
  if (isFolded(expr) && (!expr.given || isDivision(kind, body))) relay('a constant that may fail')
  return expr
}

/**
 * Postgres computes constants before it reads a row, and raises on those that no row would need. Those
 * with a parameter in them only where it plans for its value, and of those a zero divisor alone is
 * likely enough: `OFFSET ($1 - 1) * 10` is not to be relayed.
 */
const isFolded = (expr: Expr): boolean =>
  expr.constant === true && expr.raises === true && !expr.stable

const isDivision = (kind: string, body: ast.Node): boolean =>
  kind === 'A_Expr' && ['/', '%'].includes(ast.builtinName(ast.list(body, 'name')) ?? '')

/** An expression that must be boolean; an untyped literal is read as one. */
export function walkBoolean(node: unknown, env: Env): Expr {
  const expr = settle(walk(node, env), OID.bool, env.context)
  return expr.type.oid === OID.bool ? expr : relay('a condition is not boolean')
}

export const walkAll = (nodes: readonly unknown[], env: Env): Expr[] =>
  nodes.map((node) => walk(node, env))

const constant: Walk = (body) => {
  if (ast.has(body, 'ival')) return integerLiteral(BigInt(ast.int(ast.child(body, 'ival'), 'ival')))
  if (ast.has(body, 'fval')) return bareNumber(ast.str(ast.child(body, 'fval'), 'fval'))
  if (ast.has(body, 'boolval')) {
    const value = ast.flag(ast.child(body, 'boolval'), 'boolval')
    return literal(String(value), { oid: OID.bool, typmod: -1 })
  }
  if (ast.has(body, 'sval')) return untyped(ast.str(ast.child(body, 'sval'), 'sval'))
  return ast.flag(body, 'isnull') ? untyped(null) : relay('a constant of an unknown kind')
}

const bareNumber = (text: string): Expr =>
  /^-?\d{1,38}$/.test(text) ? integerLiteral(BigInt(text)) : numericLiteral(text)

const untyped = (text: string | null): Expr => ({
  ...CONSTANT,
  sql: text === null ? 'NULL' : quote(text),
  type: { oid: OID.unknown, typmod: -1 },
  form: 'VARCHAR',
  column: false,
  literal: text
})

const columnRef: Walk = (body, env) => {
  const parts = ast.names(ast.list(body, 'fields')) ?? relay('a whole row is not translated')
  for (const [up, from] of [env.from, ...env.outer].entries()) {
    const found = lookUp(from, parts)
    if (!found) continue
    env.context.meet(env.outer.length - up)
    return up > 0 ? requireOneForm(found) : found
  }
  return relay(`"${parts.join('.')}" is not a column of an ingested relation`)
}

/** DuckDB answers once for all outer rows that are equal: of those each must look the same. */
const requireOneForm = (expr: Expr): Expr =>
  [...FLOATS, OID.interval].includes(expr.type.oid)
    ? relay('an outer column of this type in a subquery')
    : expr

const cast: Walk = (body, env) => {
  const span = intervalWithField(castTypeName(body), body['arg'])
  if (span !== undefined) return literal(span, { oid: OID.interval, typmod: -1 })
  const type = typeOf(castTypeName(body))
  const argument = walk(body['arg'], env)
  return isUnknown(argument)
    ? castUntyped(argument, type, env)
    : applyCast(argument, type, env.context.zone)
}

/** `interval '3' month` as the text `3 month`; undefined for anything else. */
function intervalWithField(type: ast.Node, arg: unknown): string | undefined {
  const [mask, ...others] = ast.list(type, 'typmods').map(ast.integerConstant)
  const unit = mask === undefined || others.length > 0 ? undefined : INTERVAL_FIELDS[mask]
  const count = ast.textConstant(arg)
  if (ast.builtinName(ast.list(type, 'names')) !== 'interval' || unit === undefined)
    return undefined
  return count !== undefined && /^-?\d{1,6}$/.test(count) ? `${count} ${unit}` : undefined
}

/** The masks of one field. Source: utils/timestamp.h, INTERVAL_MASK. */
const INTERVAL_FIELDS: Readonly<Record<number, string>> = {
  2: 'month',
  4: 'year',
  8: 'day',
  1024: 'hour',
  2048: 'minute',
  4096: 'second'
}

function castUntyped(argument: Expr, type: ColumnType, env: Env): Expr {
  const settled = settle(argument, type.oid, env.context)
  if (type.typmod === -1) return settled
  return argument.literal === null ? nullOf(type.oid) : applyCast(settled, type, env.context.zone)
}

const logical: Walk = (body, env) => {
  const args = ast.list(body, 'args').map((arg) => walkBoolean(arg, env))
  const op = ast.str(body, 'boolop')
  if (op === 'NOT_EXPR') return boolean(`(NOT ${args[0]?.sql ?? relay('NOT of nothing')})`, args)
  const word = op === 'AND_EXPR' ? ' AND ' : ' OR '
  return boolean(`(${args.map((arg) => arg.sql).join(word)})`, args)
}

const nullTest: Walk = (body, env) => {
  const arg = settle(walk(body['arg'], env), OID.text, env.context)
  const not = ast.str(body, 'nulltesttype') === 'IS_NOT_NULL' ? 'NOT ' : ''
  return boolean(`(${arg.sql} IS ${not}NULL)`, [arg])
}

/** Written without IS DISTINCT FROM, see operators.ts. */
const BOOLEAN_TESTS: Readonly<Record<string, (sql: string) => string>> = {
  IS_TRUE: (sql) => `COALESCE(${sql}, FALSE)`,
  IS_NOT_TRUE: (sql) => `(NOT COALESCE(${sql}, FALSE))`,
  IS_FALSE: (sql) => `(NOT COALESCE(${sql}, TRUE))`,
  IS_NOT_FALSE: (sql) => `COALESCE(${sql}, TRUE)`,
  IS_UNKNOWN: (sql) => `(${sql} IS NULL)`,
  IS_NOT_UNKNOWN: (sql) => `(${sql} IS NOT NULL)`
}

const booleanTest: Walk = (body, env) => {
  const arg = walkBoolean(body['arg'], env)
  const test = BOOLEAN_TESTS[ast.str(body, 'booltesttype')] ?? relay('a test of an unknown kind')
  return boolean(test(arg.sql), [arg])
}

const operation: Walk = (body, env) => {
  const kind = ast.str(body, 'kind') || 'AEXPR_OP'
  const op = ast.builtinName(ast.list(body, 'name')) ?? relay('an operator of another schema')
  const rows = rowComparison(kind, op, body, env)
  if (rows) return rows
  const special = SPECIAL[kind]
  if (special) return special(op, body, env)
  if (!['AEXPR_OP', 'AEXPR_LIKE', 'AEXPR_ILIKE'].includes(kind)) relay(`${kind} is not translated`)
  const right = walk(body['rexpr'], env)
  if (!ast.has(body, 'lexpr')) return prefix(op, right)
  return binary(op, walk(body['lexpr'], env), right, env)
}

function prefix(op: string, right: Expr): Expr {
  if (isUnknown(right)) return relay('an operator on an untyped literal')
  return op === '-' ? negate(right) : relay(`prefix operator ${op} is not translated`)
}

/** An untyped literal is of the other side's type. Source: oper(), "unknown" heuristics. */
function binary(op: string, left: Expr, right: Expr, env: Env): Expr {
  if (op === '=' && (left.literal === null || right.literal === null)) {
    return relay('= NULL depends on the setting transform_null_equals')
  }
  const compared = comparison(op, left, right, env.context)
  if (compared) return compared
  const known = isUnknown(left) ? right.type.oid : left.type.oid
  const oid = op === '||' ? besideJoined(known) : known
  const type = oid === OID.varchar || oid === OID.unknown ? OID.text : oid
  return applyOperator(
    op,
    settle(left, type, env.context),
    settle(right, type, env.context),
    env.context.zone
  )
}

type Special = (op: string, body: ast.Node, env: Env) => Expr

const distinct =
  (test: string): Special =>
  (_op, body, env) => {
    const [left, right] = [walk(body['lexpr'], env), walk(body['rexpr'], env)]
    return comparison(test, left, right, env.context) ?? relay('IS DISTINCT FROM on these types')
  }

const list: Special = (op, body, env) => {
  const items = walkAll(ast.list(ast.child(ast.child(body, 'rexpr'), 'List'), 'items'), env)
  return inList(op, walk(body['lexpr'], env), items, env.context)
}

const array: Special = (op, body, env) =>
  anyOf(
    op,
    ast.str(body, 'kind'),
    walk(body['lexpr'], env),
    arrayOperand(body['rexpr'], env),
    env.context
  )

/** The right side of ANY: an ARRAY[…] as its items, anything else as one expression. */
function arrayOperand(node: unknown, env: Env): readonly Expr[] | Expr {
  const { kind, body } = ast.open(node)
  if (kind === 'A_ArrayExpr') return walkAll(ast.list(body, 'elements'), env)
  if (kind !== 'TypeCast') return walk(node, env)
  const type = typeOf(castTypeName(body))
  const inner = ast.open(body['arg'])
  if (inner.kind === 'A_ArrayExpr') relay('a cast of an array')
  return arrayAs(walk(body['arg'], env), type)
}

const range: Special = (_op, body, env) => {
  const bounds = walkAll(ast.list(ast.child(ast.child(body, 'rexpr'), 'List'), 'items'), env)
  return between(ast.str(body, 'kind'), walk(body['lexpr'], env), bounds, env.context)
}

const SPECIAL: Readonly<Record<string, Special>> = {
  AEXPR_DISTINCT: distinct('IS DISTINCT FROM'),
  AEXPR_NOT_DISTINCT: distinct('IS NOT DISTINCT FROM'),
  AEXPR_NULLIF: (_op, body, env) =>
    nullif(walk(body['lexpr'], env), walk(body['rexpr'], env), env.context),
  AEXPR_IN: list,
  AEXPR_OP_ANY: array,
  AEXPR_OP_ALL: array,
  AEXPR_BETWEEN: range,
  AEXPR_NOT_BETWEEN: range,
  AEXPR_BETWEEN_SYM: range,
  AEXPR_NOT_BETWEEN_SYM: range
}

/** COLLATE "C" says of a text what is known of it already. */
const collate: Walk = (body, env) => {
  const arg = walk(body['arg'], env)
  const name = ast.builtinName(ast.list(body, 'collname'))
  return name === 'C' && arg.bytewise ? { ...arg, column: false } : relay('COLLATE')
}

const caseWalk: Walk = (body, env) => {
  const subject = ast.has(body, 'arg') ? walk(body['arg'], env) : undefined
  const whens = ast.list(body, 'args').map((node) => ast.open(node).body)
  const conditions = whens.map((when) => {
    if (!subject) return walkBoolean(when['expr'], env)
    const test = comparison('=', subject, walk(when['expr'], env), env.context)
    return test ?? relay('CASE on these types')
  })
  const results = whens.map((when) => walk(when['result'], env))
  const fallback = ast.has(body, 'defresult') ? walk(body['defresult'], env) : untyped(null)
  return caseExpr(conditions, results, fallback, env.context)
}

/** CURRENT_DATE and its relatives: the transaction's start by the session's clock. */
const valueFunction: Walk = (body, { context }) => {
  const oid = CLOCK_TYPES[ast.str(body, 'op')] ?? relay('a value of the session')
  return applyCast(context.now(), { oid, typmod: -1 }, context.zone)
}

const CLOCK_TYPES: Readonly<Record<string, number>> = {
  SVFOP_CURRENT_DATE: OID.date,
  SVFOP_CURRENT_TIMESTAMP: OID.timestamptz,
  SVFOP_LOCALTIMESTAMP: OID.timestamp
}

const WALKERS: Readonly<Record<string, Walk>> = {
  A_Const: constant,
  A_Expr: operation,
  BoolExpr: logical,
  BooleanTest: booleanTest,
  CaseExpr: caseWalk,
  CollateClause: collate,
  CoalesceExpr: (body, env) => coalesce(walkAll(ast.list(body, 'args'), env), env.context),
  ColumnRef: columnRef,
  FuncCall: call,
  GroupingFunc: groupingCall,
  MinMaxExpr: (body, env) =>
    extremeOf(
      ast.str(body, 'op') === 'IS_LEAST' ? 'least' : 'greatest',
      walkAll(ast.list(body, 'args'), env),
      env.context
    ),
  NullTest: nullTest,
  SubLink: subLink,
  SQLValueFunction: valueFunction,
  ParamRef: (body, env) => env.context.parameterRef(ast.int(body, 'number')),
  TypeCast: cast
}
