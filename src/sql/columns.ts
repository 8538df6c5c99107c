// The list of columns and table constraints of CREATE TABLE and CREATE SOURCE: checks it, and
// writes the twin's list. One function a clause.

import {
  duplicateColumn,
  featureNotSupported,
  invalidTableDefinition,
  reservedName,
  undefinedColumn
} from '../errors.ts'
import { COLUMN_OPTIONS, LIST_ITEMS, refused } from './refusals.ts'
import { readColumnType } from './column-type.ts'
import { takeDefault } from './expression.ts'
import { readWatermark } from './watermark.ts'
import type { PgError } from '../errors.ts'
import type { TokenCursor } from './cursor.ts'
import type { TwinText } from './twin.ts'
import type { Watermark } from './watermark.ts'

export interface ListedColumn {
  readonly name: string
  /** 1-based, in characters of the statement. */
  readonly position: number
}

export interface TypedColumn extends ListedColumn {
  /** Its type's last name, folded; undefined for arrays, structs and maps. */
  readonly typeName: string | undefined
}

export interface ColumnList {
  readonly columns: readonly TypedColumn[]
  /** The primary key's columns as named there, in key order; empty when there is none. */
  readonly key: readonly ListedColumn[]
  /** Whether there were brackets at all. */
  readonly isGiven: boolean
  /** Where `*` stands, 1-based. */
  readonly wildcard?: number
  readonly watermark?: Watermark
  /** Names of the columns that have a DEFAULT. */
  readonly withDefault: readonly string[]
  /** Names of the columns that say NOT NULL. */
  readonly notNull: readonly string[]
}

/**
 * Takes `( item, … )`, writes the twin's without its closing bracket: columns may follow.
 * @throws PgError 42601, 0A000, 42701, 42703, 42P16
 */
export function readColumnList(
  cursor: TokenCursor,
  twin: TwinText,
  relation: 'table' | 'source'
): ColumnList {
  const reader = new ColumnListReader(cursor, twin, relation)
  return reader.read()
}

class ColumnListReader {
  readonly #cursor: TokenCursor
  readonly #twin: TwinText
  readonly #relation: 'table' | 'source'
  readonly #columns: TypedColumn[] = []
  /** The primary key's columns with their positions, once one is met. */
  #key: ListedColumn[] | undefined
  #wildcard: number | undefined
  #watermark: Watermark | undefined
  readonly #withDefault: string[] = []
  readonly #notNull: string[] = []

  constructor(cursor: TokenCursor, twin: TwinText, relation: 'table' | 'source') {
    this.#cursor = cursor
    this.#twin = twin
    this.#relation = relation
  }

  read(): ColumnList {
    const cursor = this.#cursor
    const { index } = cursor
    cursor.expectSymbol('(')
    this.#twin.insert('(', index)
    this.#twin.reserve()
    for (let isFirst = true; !cursor.isSymbol(')'); isFirst = false) {
      if (!isFirst) cursor.expectSymbol(',')
      // RisingWave takes a comma behind the last item.
      if (!isFirst && cursor.isSymbol(')')) break
      this.#readItem()
    }
    cursor.expectSymbol(')')
    return {
      columns: this.#columns,
      key: this.#key ?? [],
      isGiven: true,
      withDefault: this.#withDefault,
      notNull: this.#notNull,
      ...(this.#wildcard === undefined ? {} : { wildcard: this.#wildcard }),
      ...(this.#watermark ? { watermark: this.#watermark } : {})
    }
  }

  #readItem(): void {
    const cursor = this.#cursor
    if (this.#wildcard === undefined && cursor.isSymbol('*')) {
      this.#wildcard = cursor.position
      cursor.next()
      return
    }
    if (cursor.isNext('watermark', 'for')) return this.#readWatermark()
    const { index } = cursor
    const isNamed = cursor.accept('constraint')
    if (isNamed) cursor.identifier()
    const refusal = refused(cursor, LIST_ITEMS)
    if (refusal) throw refusal
    if (cursor.isNext('primary')) this.#readTableKey(index)
    else if (isNamed) throw cursor.fail()
    else this.#readColumn()
  }

  #readWatermark(): void {
    const { position } = this.#cursor
    if (this.#watermark) throw secondWatermark(position)
    this.#watermark = readWatermark(this.#cursor, this.#relation)
  }

  #readTableKey(start: number): void {
    const cursor = this.#cursor
    const { position } = cursor
    cursor.expect('primary', 'key')
    cursor.expectSymbol('(')
    const columns: ListedColumn[] = []
    do columns.push(this.#readName())
    while (cursor.acceptSymbol(','))
    cursor.expectSymbol(')')
    if (!cursor.isSymbol(',') && !cursor.isSymbol(')')) throw cursor.fail()
    this.#setKey(columns, position)
    // A source isn't checked against its key, so Postgres must not be told of one.
    if (this.#relation === 'source') return
    this.#twin.separate(start)
    this.#twin.copy(start, cursor.lastEnd)
  }

  #readColumn(): void {
    const cursor = this.#cursor
    const { index } = cursor
    const column = this.#readName()
    if (this.#columns.some((other) => other.name === column.name)) {
      throw duplicateColumn(`column "${column.name}" specified more than once`, {
        position: column.position
      })
    }
    checkReserved(column)
    const refusal = refused(cursor, COLUMN_OPTIONS)
    if (refusal) throw refusal
    this.#twin.separate(index)
    this.#twin.copy(index, cursor.lastEnd)
    this.#twin.insert(' ', cursor.index)
    const typeIndex = cursor.index
    const { isText, name: typeName } = readColumnType(cursor, this.#twin)
    this.#columns.push({ ...column, typeName })
    const options = this.#readOptions(column)
    if (isText && !options.some((option) => option.isCollation)) {
      this.#twin.insert(' COLLATE "C"', typeIndex)
    }
    for (const { start, end } of options) {
      this.#twin.insert(' ', start)
      this.#twin.copy(start, end)
    }
  }

  #readName(): ListedColumn {
    const { position } = this.#cursor
    return { name: this.#cursor.identifier(), position }
  }

  /** The options that go into the twin, as ranges of the text. */
  #readOptions(column: ListedColumn): { start: number; end: number; isCollation: boolean }[] {
    const cursor = this.#cursor
    const options = []
    while (!cursor.isSymbol(',') && !cursor.isSymbol(')')) {
      const start = cursor.index
      const option = this.#readOption(column)
      if (option.isInTwin) {
        options.push({ start, end: cursor.lastEnd, isCollation: option.isCollation })
      }
    }
    return options
  }

  #readOption(column: ListedColumn): { isInTwin: boolean; isCollation: boolean } {
    const cursor = this.#cursor
    if (cursor.accept('constraint')) cursor.identifier()
    const refusal = refused(cursor, COLUMN_OPTIONS)
    if (refusal) throw refusal
    const { position } = cursor
    if (cursor.accept('primary', 'key')) {
      this.#setKey([column], position)
      return { isInTwin: this.#relation === 'table', isCollation: false }
    }
    if (cursor.accept('not', 'null')) {
      if (this.#relation === 'source') throw notNullInSource(position)
      this.#notNull.push(column.name)
      return { isInTwin: true, isCollation: false }
    }
    if (cursor.accept('null')) return { isInTwin: true, isCollation: false }
    if (cursor.accept('default')) {
      takeDefault(cursor)
      this.#withDefault.push(column.name)
      return { isInTwin: true, isCollation: false }
    }
    cursor.expect('collate')
    cursor.label()
    while (cursor.acceptSymbol('.')) cursor.label()
    return { isInTwin: true, isCollation: true }
  }

  #setKey(columns: ListedColumn[], position: number): void {
    if (this.#key) {
      throw invalidTableDefinition('multiple primary keys are not allowed', { position })
    }
    this.#key = columns
  }
}

/** @throws PgError 42703, 42701 */
export function checkKey(key: readonly ListedColumn[], names: ReadonlySet<string>): void {
  const seen = new Set<string>()
  for (const { name, position } of key) {
    if (!names.has(name)) {
      throw undefinedColumn(`column "${name}" named in key does not exist`, { position })
    }
    if (seen.has(name)) {
      throw duplicateColumn(`column "${name}" appears twice in primary key constraint`, {
        position
      })
    }
    seen.add(name)
  }
}

/** RisingWave's words. */
function checkReserved({ name, position }: ListedColumn): void {
  const prefix = /^(?:_rw_|_row_id)/.exec(name)?.[0]
  if (prefix === undefined) return
  throw reservedName(`column name prefixed with "${prefix}" are reserved word.`, {
    position,
    hint: 'Give the column another name.'
  })
}

const secondWatermark = (position: number): PgError =>
  invalidTableDefinition('only one watermark is allowed', { position })

/** RisingWave's words. */
const notNullInSource = (position: number): PgError =>
  featureNotSupported('NOT NULL constraint is not supported in source schema', {
    position,
    hint: 'Leave out NOT NULL, or use CREATE TABLE.'
  })
