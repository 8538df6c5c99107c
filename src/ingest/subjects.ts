// NATS subject algebra: which subjects a filter selects, and how two filters relate.
// Pure; knows nothing of connections or streams. Source of the rules: nats-server's sublist.go.

const SPACE = /\s/

/** Whether the text can be a subject filter: non-empty tokens, `>` only as the last one. */
export function isSubjectFilter(filter: string): boolean {
  if (filter === '' || SPACE.test(filter)) return false
  const tokens = filter.split('.')
  return tokens.every((token, i) => token !== '' && (token !== '>' || i === tokens.length - 1))
}

/** Whether every subject that `inner` selects is selected by `outer` too. */
export function subjectCovers(outer: string, inner: string): boolean {
  const wide = outer.split('.')
  const narrow = inner.split('.')
  for (let i = 0; i < wide.length; i++) {
    if (wide[i] === '>') return i < narrow.length
    if (i >= narrow.length || narrow[i] === '>') return false
    if (wide[i] !== '*' && wide[i] !== narrow[i]) return false
  }
  return wide.length === narrow.length
}

/** Whether some subject is selected by both. */
export function subjectsOverlap(a: string, b: string): boolean {
  const left = a.split('.')
  const right = b.split('.')
  for (let i = 0; ; i++) {
    if (i >= left.length || i >= right.length) return left.length === right.length
    if (left[i] === '>' || right[i] === '>') return true
    if (left[i] !== '*' && right[i] !== '*' && left[i] !== right[i]) return false
  }
}

/** The filters without those that another one covers; the server refuses overlaps (error 10138). */
export function minimalFilters(filters: readonly string[]): string[] {
  const distinct = [...new Set(filters)]
  return distinct.filter(
    (filter) => !distinct.some((other) => other !== filter && subjectCovers(other, filter))
  )
}

/** Whether a server takes these filters side by side. */
export function filtersAreDisjoint(filters: readonly string[]): boolean {
  return filters.every((a, i) => filters.slice(i + 1).every((b) => !subjectsOverlap(a, b)))
}
