// Regular expressions that mean one thing to Postgres (its own ARE) and to DuckDB (RE2).
// Whether a text matches at all is the same for plain patterns, whatever is preferred among matches;
// what a group captures is so only without alternatives and between two anchors.
// Must never accept an escape or a construct that is not listed.

import { OID } from '../types/oids.ts'
import type { Expr } from './expr.ts'
import { boolean, factsOf, quote, relay, typed } from './expr.ts'
import { foldsAscii } from './patterns.ts'

/** A character that stands for itself, an escaped punctuation, `.`, a class of plain characters. */
const ATOM = String.raw`(?:[^\\.^$*+?()[\]{}|\n]|\\[-.^$*+?()[\]{}|/]|\.|\[\^?(?:[^\\\][^&~:.=\n-]|[a-z0-9A-Z]-[a-z0-9A-Z])+\])`
const COUNT = String.raw`(?:[*+?]|\{\d{1,2}(?:,\d{0,2})?\})`
const REPEATED = `${ATOM}${COUNT}?`
/** A group of atoms that is repeated, or one of repeated atoms that is not. */
const GROUP = String.raw`(?:\((?:\?:)?(?:${ATOM})+\)${COUNT}|\((?:\?:)?(?:${REPEATED})+\))`
const SEQUENCE = `(?:${REPEATED}|${GROUP})*`
const BRANCH = String.raw`\^?${SEQUENCE}\$?`

/** Alternatives of plain sequences. */
const MATCHED = new RegExp(String.raw`^${BRANCH}(?:\|${BRANCH})*$`)
const WHOLE = new RegExp(String.raw`^\^${SEQUENCE}\$$`)

/** A constant that begins as no option of Postgres's (`***`, `(?i)`) does. */
function patternOf(pattern: Expr | undefined, form: RegExp): string {
  const text = pattern?.literal
  const isPlain = typeof text === 'string' && text.length <= 200 && form.test(text)
  return isPlain ? text : relay('a regular expression is not in a plain form')
}

/** A class of letters would be folded by other rules than ASCII's where case is ignored. */
const isAscii = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

/** `a ~ b` and its relatives. `.` matches a line's end on both sides. */
export function matches(op: string, a: Expr, b: Expr): Expr {
  if (!foldsAscii(a)) return relay('a regular expression on a text without COLLATE "C"')
  const text = patternOf(b, MATCHED)
  const folds = op.endsWith('*')
  if (folds && (!isAscii(text) || /[ksKS[.]/.test(text))) relay('a regular expression without case')
  const options = folds ? 'si' : 's'
  const sql = `regexp_matches(${a.sql}, ${quote(text)}, '${options}')`
  return boolean(op.startsWith('!') ? `(NOT ${sql})` : sql, [a, b])
}

/** The whole text replaced, its groups put in: `^…$` only. */
export function replaceMatch(a: Expr, pattern: Expr | undefined, by: Expr | undefined): Expr {
  if (!foldsAscii(a)) return relay('a regular expression on a text without COLLATE "C"')
  const text = patternOf(pattern, WHOLE)
  const replacement = by?.literal
  const isPlain = typeof replacement === 'string' && /^(?:[^\\]|\\[1-9])*$/.test(replacement)
  const groups = text.match(/\((?!\?)/g)?.length ?? 0
  const used = [...(replacement ?? '').matchAll(/\\([1-9])/g)].map((match) => Number(match[1]))
  if (!isPlain || used.some((group) => group > groups))
    return relay('a replacement is not in a plain form')
  const sql = `regexp_replace(${a.sql}, ${quote(text)}, ${quote(replacement)}, 's')`
  return typed(sql, OID.text, factsOf([a]))
}
