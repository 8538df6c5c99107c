// to_char() of a clock reading: the patterns that mean one thing, by strftime and by hand.
// Source: formatting.c. Must never guess at a letter: a format with any other is left to Postgres.

import { OID } from '../types/oids.ts'
import type { Expr } from './expr.ts'
import { factsOf, guard, quote, relay, typed, unproven } from './expr.ts'
import { outsideCommonEra } from './instants.ts'

type Piece = { readonly format: string } | { readonly sql: (when: string) => string }

const format = (text: string): Piece => ({ format: text })
const padded = (text: string): Piece => ({
  sql: (when) => `rpad(strftime(${when}, '${text}'), 9, ' ')`
})
const upper = (text: string): Piece => ({ sql: (when) => `upper(strftime(${when}, '${text}'))` })
const lower = (text: string): Piece => ({ sql: (when) => `lower(strftime(${when}, '${text}'))` })
const year = (name: string): Piece => ({
  sql: (when) => `lpad(CAST(${name}(${when}) AS VARCHAR), 4, '0')`
})

/** Longer patterns first: Postgres takes the longest. Without a piece: left to it. */
const PATTERNS: readonly (readonly [pattern: string, piece?: Piece])[] = [
  // Each would be two known ones.
  ['SSSS'],
  ['IDDD'],
  ['FMDDD'],
  ['YYYY', year('year')],
  ['IYYY', year('isoyear')],
  ['HH24', format('%H')],
  ['HH12', format('%I')],
  ['FMMonth', format('%B')],
  ['FMDay', format('%A')],
  ['FMMM', { sql: (when) => `CAST(month(${when}) AS VARCHAR)` }],
  ['FMDD', { sql: (when) => `CAST(day(${when}) AS VARCHAR)` }],
  ['Month', padded('%B')],
  ['Mon', format('%b')],
  ['MON', upper('%b')],
  ['mon', lower('%b')],
  ['Day', padded('%A')],
  ['Dy', format('%a')],
  ['DY', upper('%a')],
  ['dy', lower('%a')],
  ['DDD', format('%j')],
  ['DD', format('%d')],
  ['MM', format('%m')],
  ['MI', format('%M')],
  ['MS', format('%g')],
  ['US', format('%f')],
  ['SS', format('%S')],
  ['HH', format('%I')],
  ['YY', format('%y')],
  ['IW', format('%V')],
  ['ID', format('%u')],
  ['AM', format('%p')],
  ['PM', format('%p')],
  ['am', lower('%p')],
  ['pm', lower('%p')],
  ['Q', { sql: (when) => `CAST(quarter(${when}) AS VARCHAR)` }],
  ['D', { sql: (when) => `CAST(dayofweek(${when}) + 1 AS VARCHAR)` }]
]

/** What is no pattern and cannot be the start of one. */
const PLAIN = /^(?:[-/:., _]+|"[^"\\]*")/

/** Patterns that a known one must not be the beginning of: `SSS`, `YYYYTH`, `DDSP`. */
const FOLLOWED = /^(?:TH|th|SP|Y|S|,Y|W|D|M|I)/

function pieces(text: string): readonly Piece[] {
  const found: Piece[] = []
  for (let rest = text; rest !== '';) {
    const plain = PLAIN.exec(rest)?.[0]
    const [pattern, piece] = PATTERNS.find(([one]) => rest.startsWith(one)) ?? []
    if (plain !== undefined) found.push(format(unquoted(plain).replaceAll('%', '%%')))
    else if (piece) found.push(piece)
    else relay(`to_char with "${text}" is not known to be equal`)
    rest = rest.slice((plain ?? pattern ?? '').length)
    if (piece && !plain && FOLLOWED.test(rest) && !startsPattern(rest))
      relay(`to_char with "${text}" is not known to be equal`)
  }
  return found
}

const startsPattern = (rest: string): boolean => PATTERNS.some(([one]) => rest.startsWith(one))

const unquoted = (text: string): string => (text.startsWith('"') ? text.slice(1, -1) : text)

/** `local`: a timestamp; `text`: the format, a constant. */
export function toChar(local: Expr, text: string | null | undefined): Expr {
  if (typeof text !== 'string' || text === '') return relay('a format that is not a plain constant')
  const groups: string[] = []
  let open = ''
  const close = (): void => {
    if (open !== '') groups.push(`strftime(${local.sql}, ${quote(open)})`)
    open = ''
  }
  for (const piece of pieces(text)) {
    if ('format' in piece) open += piece.format
    else {
      close()
      groups.push(piece.sql(local.sql))
    }
  }
  close()
  const fault = outsideCommonEra(local.sql, OID.timestamp)
  const sql = `(${guard(fault, groups.join(' || '), 'date out of range')})`
  return unproven(typed(sql, OID.text, factsOf([local])))
}
