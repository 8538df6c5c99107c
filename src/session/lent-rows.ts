// The rows of upstream tables as they come, kept by column, and what each column is bound as. They
// are read with a look at each byte once: a table of thousands of rows costs more than the join.
// Must never keep more than the bounds: what is beyond them is counted only.

import { limits } from '../limits.ts'
import type { LentTables } from '../store/own-tables.ts'
import type { Lent, LentColumn, UpstreamColumn } from '../translate/upstream-tables.ts'
import { codecFor } from '../types/codec.ts'
import { OID } from '../types/oids.ts'
import type { OutputSettings, Value } from '../types/value.ts'
import { code } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'

const DATA_ROW = code('D')
/** Of a frame: its letter, its length, and the number of fields. */
const HEAD_BYTES = 7
const LENGTH_BYTES = 4

type Texts = (string | null)[]

/** Of a value in an array: itself, and its place. */
const VALUE_BYTES = 32

/** The columns of this table that are lent, in the order in which they are read. */
export const columnsRead = (lent: readonly Lent[], id: number): readonly UpstreamColumn[] =>
  lent.flatMap(({ table, columns }) => (table === id ? columns.map(({ column }) => column) : []))

export class LentRows {
  readonly #lent: readonly Lent[]
  /** The columns of each table, by its number as text. */
  readonly #texts: ReadonlyMap<string, readonly Texts[]>
  #rows = 0
  #values = 0
  #bytes = 0

  constructor(lent: readonly Lent[]) {
    this.#lent = lent
    this.#texts = new Map(lent.map(({ table, columns }) => [`${table}`, columns.map(() => [])]))
  }

  get areTooMany(): boolean {
    return this.#rows > limits.upstreamRowsMax || this.#bytes > limits.upstreamRowBytesMax
  }

  /** One of the replies: a row, which begins with its table's number, or something else. */
  take({ type, bytes }: Frame): void {
    if (type !== DATA_ROW) return
    this.#rows++
    if (this.areTooMany) return
    let at = HEAD_BYTES + LENGTH_BYTES + bytes.readInt32BE(HEAD_BYTES)
    const columns = this.#texts.get(bytes.toString('latin1', HEAD_BYTES + LENGTH_BYTES, at)) ?? []
    for (const texts of columns) {
      const length = bytes.readInt32BE(at)
      at += LENGTH_BYTES
      texts.push(length < 0 ? null : bytes.toString('utf8', at, at + length))
      at += Math.max(length, 0)
      this.#bytes += Math.max(length, 0)
    }
    this.#values += columns.length
  }

  /**
   * What the tables are made of.
   * @throws PgError where a text can't be read here
   */
  tables(settings: OutputSettings): LentTables {
    const tables = this.#lent.map(({ table, name, sql, columns }) => {
      const texts = this.#texts.get(`${table}`)!
      const parameters = columns.map((column, i) => ({
        value: valueOf(column, texts[i]!, settings),
        type: { oid: column.typeOid, typmod: -1 }
      }))
      return { name, sql, parameters }
    })
    // A text of UTF-16 takes two bytes a character.
    return { tables, bytes: 2 * this.#bytes + VALUE_BYTES * this.#values }
  }
}

/** All of a column's values as one. */
function valueOf(
  { column: { type }, form }: LentColumn,
  texts: Texts,
  settings: OutputSettings
): Value {
  if (form === 'json') {
    return type.oid === OID.text || type.oid === OID.varchar
      ? JSON.stringify(texts)
      : `[${texts.map((digits) => digits ?? 'null').join()}]`
  }
  const codec = codecFor(type.oid)
  return texts.map((text) =>
    text === null || !codec ? null : codec.fromText(text, type, settings)
  )
}
