// Random SELECTs over the relations of rows.ts, from a grammar that leans towards what translate()
// accepts. Most are valid; Postgres refuses the rest.

import type { Random } from '../support/random.ts'

type Kind = 'int' | 'float' | 'numeric' | 'text' | 'bool' | 'date' | 'timestamp'

const COLUMNS: Readonly<Record<Kind, readonly string[]>> = {
  int: ['id', 'i2', 'i4', 'i8', 's4', 's8', 'g', 's4', 's8'],
  float: ['f4', 'f8', 'sf', 'sf'],
  numeric: ['n', 'n0', 'n30', 'n'],
  text: ['t', 'v', 'c'],
  bool: ['b'],
  date: ['d', '"Sd"'],
  timestamp: ['ts', 'st', 'tz']
}

const CONSTANTS: Readonly<Record<Kind, readonly string[]>> = {
  int: ['0', '1', '-1', '7', '2', '10000', '2147483647', "'5'", 'NULL', '3000000000'],
  float: ['0', '1.5', '-2.25', "'NaN'", '1e300', '2.5::float8', "'-Infinity'::float8"],
  numeric: ['0', '1.5', '1.50', '-0.01', '12.345', '100', '99999999.99'],
  text: ["''", "'a'", "'é'", "'Ab'", "'b'::text", "'a '", 'NULL'],
  bool: ['true', 'false', 'NULL', "'t'"],
  date: ["'2024-01-01'", "date '1970-01-01'", "'infinity'"],
  timestamp: ["'2024-01-01 00:00:00+00'", "timestamp '1970-01-01 00:00:00'", "'infinity'"]
}

const KINDS = Object.keys(COLUMNS) as Kind[]
const MAINS = ['m', 'm', 'm', 'flat', 'hollow']
const COMPARE = ['=', '<>', '<', '<=', '>', '>=', 'IS DISTINCT FROM', 'IS NOT DISTINCT FROM']

/** An expression of about the kind; `depth` bounds its nesting. */
function expression(r: Random, kind: Kind, depth: number): string {
  if (depth <= 0 || r.bool(0.35)) return r.pick(r.bool(0.75) ? COLUMNS[kind] : CONSTANTS[kind])
  const inner = (other: Kind = kind): string => expression(r, other, depth - 1)
  if (r.bool(0.15))
    return `CASE WHEN ${condition(r, depth - 1)} THEN ${inner()} ELSE ${inner()} END`
  if (r.bool(0.12)) return `coalesce(${inner()}, ${inner()})`
  if (r.bool(0.06)) return `nullif(${inner()}, ${inner()})`
  if (r.bool(0.06)) return `${r.pick(['greatest', 'least'])}(${inner()}, ${inner()})`
  return COMPOSED[kind](r, inner, depth)
}

type Compose = (r: Random, inner: (kind?: Kind) => string, depth: number) => string

const COMPOSED: Readonly<Record<Kind, Compose>> = {
  int: (r, inner) =>
    r.pick([
      `(${inner()} ${r.pick(['+', '-', '*', '/', '%'])} ${inner()})`,
      `(- ${inner()})`,
      `abs(${inner()})`,
      `length(${inner('text')})`,
      `strpos(${inner('text')}, ${inner('text')})`,
      `${inner()}::${r.pick(['int', 'bigint', 'smallint'])}`,
      `(${inner('numeric')})::int`,
      `(${inner('float')})::bigint`
    ]),
  float: (r, inner) =>
    r.pick([
      `(${inner()} ${r.pick(['+', '-', '*', '/'])} ${inner(r.pick(['float', 'int', 'float']))})`,
      `floor(${inner()})`,
      `(${inner('int')})::float8`,
      `(${inner('numeric')})::float8`,
      `(- ${inner()})`,
      `abs(${inner()})`
    ]),
  numeric: (r, inner) =>
    r.pick([
      `(${inner()} ${r.pick(['+', '-', '*'])} ${inner(r.pick(['numeric', 'int']))})`,
      `(- ${inner()})`,
      `abs(${inner()})`,
      `(${inner()})::numeric(12,${r.int(0, 4)})`,
      `(${inner('int')})::numeric`,
      `(${inner()} / ${inner(r.pick(['numeric', 'int']))})`,
      `round(${inner()}, ${r.int(0, 3)})`,
      `extract(${r.pick(['year', 'month', 'dow', 'week'])} from ${r.pick(['st', '"Sd"'])})`
    ]),
  text: (r, inner) =>
    r.pick([
      `(${inner(r.pick(['date', 'timestamp']))})::text`,
      `(${inner()} || ${inner()})`,
      `lower(${inner()})`,
      `upper(${inner()})`,
      `substring(${inner()}, ${r.int(1, 3)}, ${r.int(0, 3)})`,
      `replace(${inner()}, ${inner()}, 'x')`,
      `trim(${inner()})`,
      `(${inner(r.pick(['int', 'bool', 'numeric']))})::text`,
      `(${inner()})::varchar(2)`
    ]),
  bool: (r, _inner, depth) => `(${condition(r, depth)})`,
  date: (r, inner) =>
    r.pick([`(${inner()} + ${r.int(-400, 400)})`, `(${inner('timestamp')})::date`]),
  timestamp: (r, inner) =>
    r.pick([
      `(${inner()} + interval '${r.int(-50, 50)} ${r.pick(['days', 'months', 'hours', 'weeks'])}')`,
      `date_trunc('${r.pick(['day', 'month', 'hour', 'week'])}', ${inner()})`,
      `(${inner('date')})::timestamp`,
      `(${inner()})::${r.pick(['timestamp', 'timestamptz'])}`
    ])
}

function condition(r: Random, depth: number): string {
  if (depth > 0 && r.bool(0.3)) {
    const parts = [condition(r, depth - 1), condition(r, depth - 1)]
    return r.pick([`(${parts.join(' AND ')})`, `(${parts.join(' OR ')})`, `(NOT ${parts[0]})`])
  }
  const kind = r.pick(KINDS)
  const one = (): string => expression(r, r.bool(0.95) ? kind : r.pick(KINDS), depth - 1)
  return r.pick([
    `(${one()} ${r.pick(COMPARE)} ${one()})`,
    `(${one()} ${r.pick(COMPARE)} ${one()})`,
    `(${one()} IS ${r.bool() ? 'NOT ' : ''}NULL)`,
    `(${one()} ${r.bool() ? 'NOT ' : ''}IN (${one()}, ${one()}))`,
    `(${one()} ${r.bool() ? 'NOT ' : ''}BETWEEN ${one()} AND ${one()})`,
    `(${expression(r, 'text', depth - 1)} ${r.pick(['LIKE', 'ILIKE', 'NOT LIKE'])} ${r.pick(["'a%'", "'%b'", "'_'", "'%a%'", "'a\\_b'"])})`,
    `(${expression(r, 'bool', depth - 1)} IS ${r.pick(['TRUE', 'NOT TRUE', 'FALSE', 'UNKNOWN'])})`
  ])
}

const AGGREGATES: readonly (readonly [string, Kind])[] = [
  ['sum', 'int'],
  ['avg', 'int'],
  ['min', 'int'],
  ['max', 'float'],
  ['min', 'text'],
  ['sum', 'numeric'],
  ['avg', 'numeric'],
  ['max', 'numeric'],
  ['max', 'date'],
  ['bool_or', 'bool'],
  ['count', 'text']
]

function aggregate(r: Random): string {
  if (r.bool(0.2)) return 'count(*)'
  const [name, kind] = r.pick(AGGREGATES)
  const distinct = r.bool(0.15) ? 'DISTINCT ' : ''
  const filter = r.bool(0.15) ? ` FILTER (WHERE ${condition(r, 1)})` : ''
  return `${name}(${distinct}${expression(r, kind, 1)})${filter}`
}

const where = (r: Random): string => (r.bool(0.7) ? ` WHERE ${condition(r, 2)}` : '')

function grouped(r: Random): string {
  const keys = Array.from({ length: r.int(0, 2) }, () => expression(r, r.pick(KINDS), 1))
  const list = [...keys, ...Array.from({ length: r.int(1, 3) }, () => aggregate(r))]
  const by = keys.length === 0 ? '' : ` GROUP BY ${keys.map((_, i) => i + 1).join(', ')}`
  const having = r.bool(0.2) ? ` HAVING ${aggregate(r)} ${r.pick(COMPARE)} ${r.int(-5, 20)}` : ''
  return `SELECT ${list.join(', ')} FROM ${r.pick(MAINS)}${where(r)}${by}${having}`
}

function plain(r: Random): string {
  const list = Array.from({ length: r.int(1, 3) }, () => expression(r, r.pick(KINDS), 2))
  const key = `${expression(r, r.pick(KINDS), 1)}${r.pick(['', ' DESC', ' ASC NULLS FIRST', ' DESC NULLS LAST'])}`
  const limit = r.bool(0.3) ? ` LIMIT ${r.int(0, 20)}` : ''
  const order = /^('|-?\d|NULL|true|false|date '|timestamp ')/.test(key) ? 'id' : `${key}, id`
  return `SELECT id, ${list.join(', ')} FROM ${r.pick(MAINS)}${where(r)} ORDER BY ${order}${limit}`
}

function joined(r: Random): string {
  const kind = r.pick(['JOIN', 'LEFT JOIN', 'RIGHT JOIN'])
  const on = r.pick([
    'a.i4 = b.i4',
    'a.g = b.id',
    'a.f8 = b.f8',
    'a.t = b.label',
    'a.d < b.d',
    'a.n = b.w'
  ])
  const list = r.pick([
    'a.id, b.id, b.label',
    'count(*), max(b.label)',
    'a.*',
    'b.*, a.n',
    'DISTINCT b.label'
  ])
  return `SELECT ${list} FROM ${r.pick(MAINS)} a ${kind} side b ON ${on}`
}

/** Columns of which each value is one group. */
const KEYS = ['g', 'i4', 'b', 't', 'v', '"Sd"', 'n', 's4', 'sf', 'f8', 'd', 'tz']

function groupingSets(r: Random): string {
  const keys = r.shuffle(KEYS).slice(0, r.int(1, 3))
  const list = keys.join(', ')
  const by = r.pick([`ROLLUP (${list})`, `CUBE (${list})`, `GROUPING SETS ((${list}), (${keys[0]}), ())`])
  const marks = r.bool(0.4) ? `, grouping(${list})` : ''
  return `SELECT ${list}, ${aggregate(r)}, ${aggregate(r)}${marks} FROM ${r.pick(MAINS)}${where(r)} GROUP BY ${by}`
}

const FRAMES = [
  '',
  '',
  ' ROWS BETWEEN 2 PRECEDING AND CURRENT ROW',
  ' ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING',
  ' RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW',
  ' GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING',
  ' ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW'
]

/** The order is total, so that each row has one answer. */
function windowed(r: Random): string {
  const calls = Array.from({ length: r.int(1, 2) }, () => {
    const kind = r.pick(KINDS)
    const call = r.pick([
      'row_number()',
      'rank()',
      'ntile(3)',
      `lag(${expression(r, kind, 1)})`,
      `lead(${expression(r, kind, 1)}, 2)`,
      `first_value(${expression(r, kind, 1)})`,
      `last_value(${expression(r, kind, 1)})`,
      `sum(${expression(r, r.pick(['int', 'numeric']), 1)})`,
      `avg(${expression(r, r.pick(['int', 'numeric']), 1)})`,
      `min(${expression(r, kind, 1)})`,
      'count(*)'
    ])
    const partition = r.bool(0.6) ? `PARTITION BY ${r.pick(KEYS)} ` : ''
    const order = r.bool(0.5) ? `${r.pick(['s4', 's8', 'g', '"Sd"'])}${r.pick(['', ' DESC'])}, id` : 'id'
    return `${call} OVER (${partition}ORDER BY ${order}${r.pick(FRAMES)})`
  })
  return `SELECT id, ${calls.join(', ')} FROM ${r.pick(MAINS)}${where(r)} ORDER BY id`
}

function combined(r: Random): string {
  const kinds = Array.from({ length: r.int(1, 2) }, () => r.pick(KINDS))
  const arm = (): string =>
    `SELECT ${kinds.map((kind) => expression(r, kind, 1)).join(', ')} FROM ${r.pick(MAINS)}${where(r)}`
  const word = (): string => `${r.pick(['UNION', 'INTERSECT', 'EXCEPT'])}${r.bool(0.4) ? ' ALL' : ''}`
  const third = r.bool(0.3) ? ` ${word()} (${arm()})` : ''
  return `(${arm()}) ${word()} (${arm()})${third}`
}

function nested(r: Random): string {
  const id = '(SELECT id FROM side s WHERE '
  const tests = [
    `id ${r.bool() ? 'NOT ' : ''}IN ${id}s.i4 ${r.pick(COMPARE)} ${r.int(-2, 9)})`,
    `${r.bool() ? 'NOT ' : ''}EXISTS ${id}s.${r.pick(['id = m.g', 'i4 = m.i4', 'label = m.t', 'f8 < m.sf'])})`,
    `s4 > (SELECT ${r.pick(['min', 'max', 'count', 'sum'])}(s.i4) FROM side s WHERE s.id ${r.pick(['=', '<', '>='])} m.g)`,
    `(SELECT count(*) FROM side s WHERE s.d = m.d) > ${r.int(0, 2)}`
  ]
  const inner = `SELECT id, ${expression(r, r.pick(KINDS), 2)} AS x, g FROM m WHERE ${r.pick(tests)}`
  const outer = r.pick([
    'SELECT * FROM (INNER) q ORDER BY id',
    'SELECT q.g, count(x), count(*) FROM (INNER) q GROUP BY q.g',
    'WITH q AS (INNER) SELECT a.id, b.x FROM q a JOIN q b ON a.g = b.id ORDER BY 1',
    'SELECT DISTINCT ON (g) g, id, x FROM (INNER) q ORDER BY g, id',
    'SELECT s.label, l.n FROM side s LEFT JOIN LATERAL (SELECT count(x) AS n FROM (INNER) q WHERE q.g = s.id) l ON true'
  ])
  return outer.replace('INNER', inner)
}

const SHAPES: readonly (readonly [upTo: number, make: (r: Random) => string])[] = [
  [0.35, plain],
  [0.6, grouped],
  [0.7, joined],
  [0.78, windowed],
  [0.85, combined],
  [0.93, nested],
  [1, groupingSets]
]

export function randomStatement(r: Random): string {
  const shape = r.next()
  const [, make = plain] = SHAPES.find(([upTo]) => shape < upTo) ?? []
  return make(r)
}
