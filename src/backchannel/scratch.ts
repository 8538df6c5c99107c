// A scan whose condition the translator does not know: the rows it may need go into a scratch table
// upstream and Postgres itself runs the SELECT over them. Slow, and right.

import type { Relation } from '../catalog/relation.ts'
import { featureNotSupported } from '../errors.ts'
import { numberOf, listOf, unwrap } from '../sql/ast.ts'
import { byteToIndex } from '../sql/parser.ts'
import type { Chunk, Cursor, Snapshot } from '../store/snapshot.ts'
import { splitPushdown } from '../translate/conjuncts.ts'
import type { Pushdown } from '../translate/conjuncts.ts'
import { codecFor } from '../types/codec.ts'
import { SCHEMA } from '../upstream/bridge.ts'
import type { ScratchSpace, ScratchTable } from '../upstream/scratch-table.ts'
import type { RowWriter } from '../wire/row-writer.ts'
import { childScope, parametersOf, REMOTE_SETTINGS } from './remote.ts'
import type { Scan, ScanRequest } from './remote.ts'

/** @throws StoreError, what Postgres says, or 0A000 for a SELECT of another shape */
export async function openScratch(
  request: ScanRequest,
  relation: Relation,
  snapshot: Snapshot,
  space: ScratchSpace
): Promise<Scan> {
  const pushdown = splitPushdown(request.select, childScope(request, relation))
  if ('relay' in pushdown) {
    throw featureNotSupported(`the back channel cannot run this read: ${pushdown.relay}`)
  }
  const { twinOid } = relation.definition
  const table = await space.table(twinOid, pushdown.attnums)
  const scan = new ScratchScan(table, request)
  try {
    const cursor = await snapshot.query(pushdown.sql, parametersOf(request, pushdown))
    await table.load(copyText(cursor, pushdown))
    await scan.open()
    return scan
  } catch (error) {
    await scan.close()
    throw error
  }
}

/** A request's SELECT over a scratch table that stands for the one it names. */
export class ScratchScan implements Scan {
  readonly columns: readonly string[]
  readonly #table: ScratchTable
  readonly #request: ScanRequest
  readonly #select: string

  constructor(table: ScratchTable, request: ScanRequest) {
    this.#table = table
    this.#request = request
    this.columns = listOf(request.select, 'targetList').map((_, i) => `c${i}`)
    this.#select = onScratch(request, table.name)
  }

  async fetch(writer: RowWriter, count: number): Promise<number> {
    const rows = await this.#table.fetch(count)
    for (const row of rows) {
      writer.startRow(row.length)
      for (const field of row) {
        if (field === null) writer.writeNull()
        else writer.writeText(field)
      }
      writer.endRow()
    }
    return rows.length
  }

  open(): Promise<void> {
    return this.#table.open(this.#select, this.#request.parameters)
  }

  rewind(): Promise<void> {
    return this.#table.reopen(this.#select, this.#request.parameters)
  }

  close(): Promise<void> {
    return this.#table.close()
  }
}

/** The same SELECT, of the scratch table. Names are quoted under quote_all_identifiers. */
export function onScratch({ text, select, table }: ScanRequest, scratch: string): string {
  const range = unwrap(listOf(select, 'fromClause')[0], 'RangeVar')
  const start = byteToIndex(text)(numberOf(range ?? {}, 'location'))
  const names = [SCHEMA, table]
  const name = names.map((part) => (text[start] === '"' ? `"${part}"` : part)).join('.')
  return text.slice(0, start) + scratch + text.slice(start + name.length)
}

/** Rows in COPY's text format, a chunk at a time. */
async function* copyText(cursor: Cursor, pushdown: Pushdown): AsyncGenerator<string> {
  for (let chunk = await cursor.next(); chunk; chunk = await cursor.next()) {
    yield chunkText(chunk, pushdown)
  }
}

function chunkText(chunk: Chunk, { attnums, columns }: Pushdown): string {
  // Without columns the query yields one NULL a row; a table without columns takes empty lines.
  if (attnums.length === 0) return '\n'.repeat(chunk.rowCount)
  const codecs = columns.map((type) => codecFor(type.oid)!)
  let text = ''
  for (let row = 0; row < chunk.rowCount; row++) {
    for (let i = 0; i < columns.length; i++) {
      const value = chunk.columns[i]![row]!
      if (i > 0) text += '\t'
      text +=
        value === null ? '\\N' : copyField(codecs[i]!.toText(value, columns[i]!, REMOTE_SETTINGS))
    }
    text += '\n'
  }
  return text
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\t': '\\t',
  '\n': '\\n',
  '\r': '\\r'
}

/** One field in COPY's text format. */
export const copyField = (text: string): string => text.replace(/[\\\t\n\r]/g, (c) => ESCAPES[c]!)
