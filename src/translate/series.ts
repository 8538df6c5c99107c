// Functions in FROM that give rows: generate_series over integers, days and timestamps; unnest.
// Must never let a series run without an end: DuckDB gives it as one list.

import { limits } from '../limits.ts'
import { OID } from '../types/oids.ts'
import { elementType } from '../types/store-type.ts'
import * as ast from './ast.ts'
import { settle } from './coerce.ts'
import type { Expr } from './expr.ts'
import { CONSTANT, formOf, guard, relay, typed } from './expr.ts'
import { type Env, walkAll } from './expressions.ts'
import { FLOATS, INTEGERS, isInteger, PLAIN, TEXTS, wider } from './families.ts'
import { UTC } from './instants.ts'

/** A column of rows: DuckDB's text that makes them, and their type. */
export interface Series {
  readonly sql: string
  readonly name: string
  readonly expr: Expr
}

/** The body of a RangeFunction node. */
export function seriesOf(body: ast.Node, env: Env): Series {
  const [item, ...others] = ast.list(body, 'functions')
  const inner = ast.open(ast.list(ast.open(item).body, 'items')[0])
  const isPlain = !ast.flag(body, 'ordinality') && !ast.flag(body, 'is_rowsfrom')
  if (!isPlain || others.length > 0 || ast.has(body, 'coldeflist') || inner.kind !== 'FuncCall')
    return relay('a function in FROM of another form')
  const name = ast.builtinName(ast.list(inner.body, 'funcname'))
  const args = walkAll(ast.list(inner.body, 'args'), env)
  if (name === 'unnest') return ofArray(name, args)
  if (name !== 'generate_series')
    return relay(`function '${name}' in FROM is not known to be equal`)
  const [from, to, step] = args
  if (!from || !to || args.length > 3) return relay('generate_series of another form')
  return step !== undefined && !isNumber(step)
    ? ofInstants(name, from, to, step, env)
    : ofIntegers(name, args)
}

/** The elements of an array of one dimension, the only kind there is here. */
function ofArray(name: string, args: readonly Expr[]): Series {
  const [array] = args
  const oid = array && elementType(array.type)?.oid
  const known = [...INTEGERS, ...FLOATS, ...PLAIN, ...TEXTS]
  if (!array || oid === undefined || args.length > 1 || !known.includes(oid))
    return relay('unnest of this type')
  return { sql: `unnest(${array.sql})`, name, expr: column(oid) }
}

const isNumber = (expr: Expr): boolean => isInteger(expr.type.oid)

function ofIntegers(name: string, args: readonly Expr[]): Series {
  if (!args.every(isNumber)) return relay('generate_series of these types')
  const oid = args.map((arg) => arg.type.oid).reduce(wider, OID.int4)
  const [from = '', to = '', step = '1'] = args.map((arg) => `CAST(${arg.sql} AS BIGINT)`)
  const length = `abs((CAST(${to} AS HUGEINT) - ${from}) // ${step})`
  const fault = `${step} = 0 OR ${length} > ${limits.seriesRowsMax}`
  const list = guard(fault, `generate_series(${from}, ${to}, ${step})`, 'a long series')
  return { sql: `CAST(unnest(${list}) AS ${formOf(oid)})`, name, expr: column(oid) }
}

const column = (oid: number): Expr => typed('', oid, { ...CONSTANT, constant: false })

/** Step by step, as Postgres adds them: a month on from 31 January is 29 February, then 29 March. */
function ofInstants(name: string, from: Expr, to: Expr, step: Expr, env: Env): Series {
  const { context } = env
  const { span, sql: width } = settle(step, OID.interval, context)
  if (!span) return relay('a step that is not a plain constant')
  const micros = BigInt(span.months * 28 + span.days) * 86_400_000_000n + span.micros
  const isForward = span.months >= 0 && span.days >= 0 && span.micros >= 0n && micros > 0n
  if (!isForward) return relay('a step backwards')
  const ends = [from, to].map((one) => settle(one, OID.timestamptz, context))
  const oid = ends[0]?.type.oid === OID.timestamptz ? OID.timestamptz : OID.timestamp
  if (ends.some((one) => one.type.oid !== oid)) return relay('a series of these types')
  // Where a day may have another length, only time is added alike.
  const isTime = span.months === 0 && span.days === 0
  if (oid === OID.timestamptz && !isTime && context.zone !== UTC)
    relay('a series of days of a zone')
  const inUtc = (sql: string): string => (oid === OID.timestamptz ? `timezone('UTC', ${sql})` : sql)
  const [start = '', end = ''] = ends.map((one) => inUtc(one.sql))
  const length = `(epoch_us(${end}) - epoch_us(${start})) // ${micros}`
  const fault = `isinf(${start}) OR isinf(${end}) OR ${length} > ${limits.seriesRowsMax}`
  const list = guard(fault, `generate_series(${start}, ${end}, ${width})`, 'a long series')
  return { sql: inUtc(`unnest(${list})`), name, expr: column(oid) }
}
