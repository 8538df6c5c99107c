// An ErrorResponse of the upstream's to something that we asked for a client: the client gets it
// field by field as it was, but for a position that points into the client's own text.

import { decodeErrorFields } from '../wire/backend.ts'
import { bodyOf } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'

export class UpstreamError extends Error {
  readonly #fields: Map<string, string>

  /** `moved` maps a position in the text we sent to one in the client's. */
  constructor(frame: Frame, moved?: (position: number) => number) {
    const fields = decodeErrorFields(bodyOf(frame))
    const position = fields.get('P')
    if (position !== undefined) {
      if (moved) fields.set('P', String(moved(Number(position))))
      else fields.delete('P')
    }
    super(fields.get('M') ?? 'the upstream reported an error')
    this.name = 'UpstreamError'
    this.#fields = fields
  }

  /** Field letter → text (protocol, "Error and Notice Message Fields"). */
  get fields(): ReadonlyMap<string, string> {
    return this.#fields
  }

  /** The client's text goes on before what was sent: moves the position by so many characters. */
  shift(by: number): void {
    const position = this.#fields.get('P')
    if (position !== undefined) this.#fields.set('P', String(Number(position) + by))
  }
}
