// Which of the known words somebody may have meant.

/** A mistyped word is this near, in letters, to the one that was meant. */
const NEAR = 3

/** ", did you mean X?", or nothing. */
export function nearHint(unknown: string, known: readonly string[]): string {
  const near = known
    .map((word) => ({ word, distance: editDistance(word, unknown) }))
    .sort((a, b) => a.distance - b.distance)[0]
  return near !== undefined && near.distance <= NEAR ? `, did you mean ${near.word}?` : ''
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  return row[b.length] ?? 0
}
