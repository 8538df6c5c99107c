// Function calls: which of the tables a call belongs to, and what stands around its arguments —
// DISTINCT, ORDER BY, FILTER, WITHIN GROUP, OVER.
// Must never hold a rule about one function; the tables hold them.

import { OID } from '../types/oids.ts'
import type { Call } from './aggregate-rules.ts'
import { applyAggregate, callFacts, count, isAggregate } from './aggregates.ts'
import * as ast from './ast.ts'
import { applyCast } from './casts.ts'
import { isUnknown, settle } from './coerce.ts'
import { requireCountable, sortable, sortDirection } from './comparisons.ts'
import type { Expr } from './expr.ts'
import { relay, typed, unproven } from './expr.ts'
import { type Env, walk, walkAll, walkBoolean } from './expressions.ts'
import { applyFunction, FUNCTIONS, unpadded } from './functions.ts'
import { applyOrderedSet, isOrderedSet } from './ordered-sets.ts'
import { applyWindowFunction, isWindowFunction, needsFrame } from './window-functions.ts'
import { overClause } from './windows.ts'

export function call(body: ast.Node, env: Env): Expr {
  const name = ast.builtinName(ast.list(body, 'funcname')) ?? relay('a function of another schema')
  if (ast.flag(body, 'func_variadic')) relay('a call with VARIADIC')
  if (ast.has(body, 'over') && isWindowFunction(name)) return windowFunction(name, body, env)
  if (isOrderedSet(name) && ast.flag(body, 'agg_within_group')) return orderedSet(name, body, env)
  if (isAggregate(name)) return aggregate(name, body, env)
  const modifier = ['over', 'agg_within_group', 'agg_order', 'agg_filter', 'agg_distinct'].find(
    (key) => ast.has(body, key)
  )
  if (modifier !== undefined) relay(`a call of "${name}" with ${modifier} is not translated`)
  const given = unpadded(name, walkAll(ast.list(body, 'args'), env))
  const args = settleArguments(name, given, env)
  return name === 'date' && args.length === 1 && args[0]
    ? applyCast(args[0], { oid: OID.date, typmod: -1 }, env.context.zone)
    : applyFunction(name, args, env.context)
}

/** An untyped literal is text where a function of the name takes one there, else what all take. */
function settleArguments(name: string, args: readonly Expr[], env: Env): readonly Expr[] {
  const rules = FUNCTIONS.filter(
    ({ name: own, takes }) =>
      own === name &&
      takes.length === args.length &&
      args.every((arg, i) => isUnknown(arg) || takes[i]?.includes(arg.type.oid))
  )
  return args.map((arg, i) => {
    if (!isUnknown(arg)) return arg
    const types = new Set(rules.flatMap(({ takes }) => takes[i] ?? []))
    const [only] = types
    if (types.has(OID.text)) return settle(arg, OID.text, env.context)
    return types.size === 1 && only !== undefined ? settle(arg, only, env.context) : arg
  })
}

/** What a call may have around its arguments, written for DuckDB. */
interface Around {
  readonly args: readonly Expr[]
  readonly call: Call
}

function around(name: string, body: ast.Node, env: Env): Around {
  const isWindow = ast.has(body, 'over')
  if (isWindow ? !env.windows : !env.aggregates)
    return relay('an aggregate where none is translated')
  // An aggregate of groups may stand inside a window's call, nothing inside an aggregate's.
  const inside = { ...env, aggregates: isWindow, windows: undefined }
  const { result, outermost } = env.context.watch(() => {
    const args = walkAll(ast.list(body, 'args'), inside)
    const filter = ast.has(body, 'agg_filter') ? [walkBoolean(body['agg_filter'], inside)] : []
    return { args, filter, order: orderOf(body, inside) }
  })
  if (outermost < env.outer.length) return relay('an aggregate over an outer column')
  const { args, filter, order } = result
  const over = isWindow
    ? overClause(
        ast.child(body, 'over'),
        {
          walk: (node) => env.context.requireSorting(walk(node, { ...inside, aggregates: true })),
          windows: env.windows ?? new Map(),
          parameters: env.context
        },
        needsFrame(name)
      )
    : ''
  return {
    args,
    call: {
      distinct: ast.flag(body, 'agg_distinct'),
      order: order.text,
      keys: order.keys,
      suffix: `${filter[0] ? ` FILTER (WHERE ${filter[0].sql})` : ''}${over}`,
      facts: callFacts([...args, ...filter], isWindow),
      floats: env.context.scope.floatAggregates === true
    }
  }
}

function orderOf(body: ast.Node, env: Env): { keys: readonly Expr[]; text: string } {
  const items = ast.list(body, 'agg_order').map((node) => ast.open(node).body)
  const keys = items.map((item) => settle(walk(item['node'], env), OID.text, env.context))
  const texts = keys.map((key, i) => `${sortable(key)} ${sortDirection(items[i] ?? {})}`)
  return { keys, text: texts.length === 0 ? '' : ` ORDER BY ${texts.join(', ')}` }
}

function aggregate(name: string, body: ast.Node, env: Env): Expr {
  if (ast.has(body, 'agg_within_group')) return relay(`${name} WITHIN GROUP`)
  const { args, call: surroundings } = around(name, body, env)
  const settled = args.map((one) => settle(one, OID.text, env.context))
  if (name !== 'count') return applyAggregate(name, settled, surroundings)
  const [counted] = settled
  return count(counted && surroundings.distinct ? requireCountable(counted) : counted, surroundings)
}

function orderedSet(name: string, body: ast.Node, env: Env): Expr {
  const { args, call: surroundings } = around(name, body, env)
  return applyOrderedSet(name, args, surroundings)
}

function windowFunction(name: string, body: ast.Node, env: Env): Expr {
  if (ast.has(body, 'agg_filter')) return relay(`${name} with FILTER`)
  const { args, call: surroundings } = around(name, body, env)
  return applyWindowFunction(name, args, surroundings, env.context)
}

/** GROUPING (a, b): one bit for each, set where the row is a total over it. */
export function groupingCall(body: ast.Node, env: Env): Expr {
  const args = walkAll(ast.list(body, 'args'), { ...env, aggregates: false })
  const sql = `CAST(grouping(${args.map((arg) => arg.sql).join(', ')}) AS INTEGER)`
  return unproven(typed(sql, OID.int4, callFacts(args, false)))
}
