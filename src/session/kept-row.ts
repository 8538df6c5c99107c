// A row from memory → its DataRow: fields are copied as they are kept, and made anew only where the
// session asks for binary or its settings print the type otherwise. The hot path of a look-up.

import { KEPT_SETTINGS, printsAsUtc } from '../store/row-fields.ts'
import type { Fields } from '../store/row-slab.ts'
import { codecFor } from '../types/codec.ts'
import type { Codec } from '../types/codec.ts'
import { ARRAY_OID, OID } from '../types/oids.ts'
import type { ColumnType, OutputSettings } from '../types/value.ts'
import type { Field } from '../wire/backend.ts'
import { formatAt } from '../wire/frontend.ts'
import { RowWriter } from '../wire/row-writer.ts'

interface Target {
  /** The column's place in the kept row. */
  readonly place: number
  readonly type: ColumnType
  /** Set where the field can't be copied. */
  readonly codec: Codec | undefined
  readonly isBinary: boolean
}

export class KeptRow {
  readonly #targets: readonly Target[]
  readonly #settings: OutputSettings
  /** All fields, in their order, as they are. */
  readonly #isWhole: boolean
  readonly #writer = new RowWriter()
  /** Where each kept field begins. */
  readonly #starts: Int32Array

  /** `places`: of each result column, its place among the `width` kept ones. */
  constructor(
    fields: readonly Field[],
    places: readonly number[],
    width: number,
    formats: readonly number[],
    settings: OutputSettings
  ) {
    this.#settings = settings
    this.#starts = new Int32Array(width)
    this.#targets = fields.map(({ typeOid, typmod }, i) => {
      const isBinary = formatAt(formats, i) === 1
      const isSame = !isBinary && printsAlike(typeOid, settings)
      const codec = isSame ? undefined : codecFor(typeOid)
      return { place: places[i]!, type: { oid: typeOid, typmod }, codec, isBinary }
    })
    this.#isWhole =
      places.length === width &&
      this.#targets.every(({ place, codec }, i) => place === i && codec === undefined)
  }

  /** The frames added since. */
  take(): Buffer {
    return this.#writer.take()
  }

  add(kept: Fields): void {
    const writer = this.#writer
    writer.startRow(this.#targets.length)
    if (this.#isWhole) writer.copy(kept.bytes, kept.start, kept.end)
    else {
      this.#findFields(kept)
      for (const target of this.#targets) this.#write(kept.bytes, target)
    }
    writer.endRow()
  }

  #findFields({ bytes, start }: Fields): void {
    for (let i = 0, at = start; i < this.#starts.length; i++) {
      this.#starts[i] = at
      at += 4 + Math.max(bytes.readInt32BE(at), 0)
    }
  }

  #write(bytes: Buffer, { place, type, codec, isBinary }: Target): void {
    const at = this.#starts[place]!
    const size = bytes.readInt32BE(at)
    if (!codec || size < 0) return this.#writer.copy(bytes, at, at + 4 + Math.max(size, 0))
    const text = bytes.toString('utf8', at + 4, at + 4 + size)
    const value = codec.fromText(text, type, KEPT_SETTINGS)
    if (value === null) this.#writer.writeNull()
    else if (isBinary) this.#writer.writeBytes(codec.toBinary(value, type))
    else this.#writer.writeText(codec.toText(value, type, this.#settings))
  }
}

/** Is the type printed under these settings as under KEPT_SETTINGS? */
function printsAlike(oid: number, settings: OutputSettings): boolean {
  switch (oid) {
    case OID.bytea:
    case ARRAY_OID[OID.bytea]:
      return settings.byteaOutput === KEPT_SETTINGS.byteaOutput
    case OID.timestamptz:
    case ARRAY_OID[OID.timestamptz]:
      return printsAsUtc(settings.timeZone)
    default:
      return true
  }
}
