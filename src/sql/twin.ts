// Builds the twin's statement out of slices of the user's, remembering where each came from, so
// that an error Postgres finds in the twin's text is shown in the user's. Pure; knows no grammar.

import { characterPosition, indexOfCharacter } from './tokens.ts'

interface Piece {
  readonly text: string
  /** Index in the user's text. */
  readonly from: number
  readonly isCopy: boolean
}

export class TwinText {
  readonly #source: string
  readonly #pieces: Piece[] = []
  /** Index of the piece that columns of the payload's schema go in front of. */
  #slot: number | undefined

  constructor(source: string) {
    this.#source = source
  }

  get sql(): string {
    return this.#pieces.map(({ text }) => text).join('')
  }

  /** Appends the user's own characters from `start` to `end` (indexes). */
  copy(start: number, end: number): void {
    this.#pieces.push({ text: this.#source.slice(start, end), from: start, isCopy: true })
  }

  /** Appends ours; an error in it points at `from` in the user's text. */
  insert(text: string, from: number): void {
    this.#pieces.push({ text, from, isCopy: false })
  }

  /** A comma, unless the list has just been opened. */
  separate(from: number): void {
    if (this.#pieces.at(-1)?.text !== '(') this.insert(', ', from)
  }

  /** Ends the list of columns. */
  close(): void {
    this.insert(')', this.#pieces.at(-1)?.from ?? 0)
  }

  /** Columns that are not known yet have their place here, at the front of the list. */
  reserve(): void {
    this.#slot = this.#pieces.length
  }

  /** A twin with these columns in the reserved place. */
  withColumns(columns: readonly string[]): TwinText {
    const twin = new TwinText(this.#source)
    const at = this.#slot ?? this.#pieces.length
    const rest = this.#pieces.slice(at)
    const text = columns.join(', ') + (columns.length === 0 || rest[0]?.text === ')' ? '' : ', ')
    const from = rest[0]?.from ?? this.#source.length
    twin.#pieces.push(...this.#pieces.slice(0, at), { text, from, isCopy: false }, ...rest)
    return twin
  }

  /** A 1-based character position in the twin's statement → the one in the user's. */
  sourcePosition(position: number): number {
    let at = indexOfCharacter(this.sql, position)
    for (const piece of this.#pieces) {
      if (at < piece.text.length) {
        const from = piece.isCopy ? piece.from + at : piece.from
        return characterPosition(this.#source, Math.min(from, this.#source.length))
      }
      at -= piece.text.length
    }
    return this.#endPosition()
  }

  #endPosition(): number {
    const last = this.#pieces.at(-1)
    if (!last) return 1
    const from = last.isCopy ? last.from + last.text.length : last.from
    return characterPosition(this.#source, Math.min(from, this.#source.length))
  }
}
