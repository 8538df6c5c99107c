// What a decoder sees of a JSON value: its kind and its text. Reads text that json-scan.ts has
// already found well-formed; must never be given any other.

import { unescapeJson } from '../types/jsonb.ts'
import { CHAR, skipValue, walkArray } from '../types/json-scan.ts'

export type Kind = 'string' | 'number' | 'boolean' | 'array' | 'object'

export interface Field {
  readonly kind: Kind | 'null'
  /** The source text; of a string its characters, unless read verbatim. */
  readonly text: string
}

/** The kind of the value whose first character has this code. */
export function kindAt(code: number): Kind | 'null' {
  switch (code) {
    case CHAR.quote:
      return 'string'
    case CHAR.openBrace:
      return 'object'
    case CHAR.openBracket:
      return 'array'
    case CHAR.t:
    case CHAR.f:
      return 'boolean'
    case CHAR.n:
      return 'null'
    default:
      return 'number'
  }
}

/**
 * The characters of the string at [start, end), quotes included there.
 * @throws PgError 22P05, 22P02 when no Postgres text can hold them
 */
export function stringAt(text: string, start: number, end: number): string {
  const inside = text.slice(start + 1, end - 1)
  return inside.includes('\\') ? unescapeJson(text.slice(start, end)) : inside
}

/** The field's text as a coercer wants it. @throws PgError as stringAt */
export function fieldText(
  text: string,
  start: number,
  end: number,
  kind: Kind | 'null',
  verbatim: boolean
): string {
  return kind === 'string' && !verbatim ? stringAt(text, start, end) : text.slice(start, end)
}

/** Visits the elements of an array's source until one is refused; whether all were taken. */
export function eachElement(
  source: string,
  verbatim: boolean,
  visit: (field: Field) => boolean
): boolean {
  let taken = true
  walkArray(source, 0, 0, (text, start, depth) => {
    const end = skipValue(text, start, depth)
    const kind = kindAt(text.charCodeAt(start))
    taken &&= visit({ kind, text: fieldText(text, start, end, kind, verbatim) })
    return end
  })
  return taken
}
