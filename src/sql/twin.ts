// Builds the twin's statement out of slices of the user's, remembering where each came from, so
// that an error Postgres finds in the twin's text is shown in the user's. Pure; knows no grammar.

import { characterPosition, indexOfCharacter } from './tokens.ts'

interface Piece {
  /** Index in the built text. */
  readonly at: number
  /** Index in the user's text. */
  readonly from: number
  readonly isCopy: boolean
}

export class TwinText {
  readonly #source: string
  readonly #pieces: Piece[] = []
  #sql = ''

  constructor(source: string) {
    this.#source = source
  }

  get sql(): string {
    return this.#sql
  }

  /** Appends the user's own characters from `start` to `end` (indexes). */
  copy(start: number, end: number): void {
    this.#pieces.push({ at: this.#sql.length, from: start, isCopy: true })
    this.#sql += this.#source.slice(start, end)
  }

  /** Appends ours; an error in it points at `from` in the user's text. */
  insert(text: string, from: number): void {
    this.#pieces.push({ at: this.#sql.length, from, isCopy: false })
    this.#sql += text
  }

  /** A 1-based character position in the twin's statement → the one in the user's. */
  sourcePosition(position: number): number {
    const index = indexOfCharacter(this.#sql, position)
    const piece = this.#pieces.findLast((p) => p.at <= index)
    if (!piece) return 1
    const from = piece.isCopy ? piece.from + index - piece.at : piece.from
    return characterPosition(this.#source, Math.min(from, this.#source.length))
  }
}
