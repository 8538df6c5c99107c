// What one remote transaction has written: kept until its COMMIT, then put into the store all at once
// or not at all. Owns that nobody is shown a row of it before. Must never decide about privileges:
// what comes here has passed the twin's.

import type { Catalog } from '../catalog/catalog.ts'
import type { Relation } from '../catalog/relation.ts'
import {
  featureNotSupported,
  objectNotReady,
  programLimitExceeded,
  serializationFailure,
  undefinedTable,
  uniqueViolation
} from '../errors.ts'
import { limits } from '../limits.ts'
import type { Store } from '../store/store.ts'
import { WriteConflict } from '../store/write.ts'
import type { Written } from '../store/write.ts'
import { codecFor } from '../types/codec.ts'
import { ARRAY_OID, OID } from '../types/oids.ts'
import type { Column, Value } from '../types/value.ts'
import { REMOTE_SETTINGS } from './remote.ts'

type Texts = readonly (string | null)[]

interface Change {
  readonly relation: Relation
  /** Its columns when the row was sent: what the texts stand for. */
  readonly columns: readonly Column[]
  readonly before: Texts | undefined
  readonly after: Texts | undefined
}

export interface WritesOptions {
  readonly catalog: Catalog
  readonly store: Store
  readonly database: string
  /** Tells the session behind it that what it reads itself lacks these rows. */
  readonly wrote: (relationId: number) => void
}

export class Writes {
  readonly #options: WritesOptions
  #changes: Change[] = []
  #bytes = 0
  /** How many there were at each savepoint, by its depth. */
  readonly #savepoints = new Map<number, number>()
  /** Cursors made so far when a relation was first written: those are of the same statement. */
  readonly #since = new Map<number, number>()
  /** postgres_fdw numbers its cursors. */
  #cursors = 0

  constructor(options: WritesOptions) {
    this.#options = options
  }

  /** @param texts the relation's id, the row before and after. @throws PgError */
  add([id, before, after]: Texts): void {
    const relation = this.#relation(Number(id))
    const { columns } = relation.schema
    const change = {
      relation,
      columns,
      before: fieldsOf(before),
      after: fieldsOf(after)
    }
    for (const texts of [change.before, change.after]) {
      if (!texts || texts.length === columns.length) continue
      throw objectNotReady(`the columns of "${relation.definition.name}" have just changed`, {
        hint: 'Try again.'
      })
    }
    this.#bytes += (before?.length ?? 0) + (after?.length ?? 0)
    if (this.#changes.length >= limits.writtenRowsMax || this.#bytes > limits.writtenBytesMax) {
      throw programLimitExceeded('one transaction writes too many rows of ingested relations', {
        hint: `At most ${limits.writtenRowsMax} rows and ${limits.writtenBytesMax} bytes.`
      })
    }
    if (!this.#since.has(relation.id)) this.#since.set(relation.id, this.#cursors)
    this.#changes.push(change)
    this.#options.wrote(relation.id)
  }

  /** The fields, by attnum, of the row that was sent last, as it is after its statement. */
  last(columns: readonly string[]): Texts {
    const { before, after, columns: all } = this.#changes.at(-1) ?? {}
    const texts = after ?? before
    return columns.map((name) => {
      const place = all?.findIndex(({ attnum }) => name === `c${attnum}`) ?? -1
      return texts?.[place] ?? null
    })
  }

  /**
   * A statement sees a relation as it was when it began, which is what the store has; later ones of
   * the transaction would have to see what was written.
   * @throws PgError 0A000
   */
  checkReadable(relation: Relation, cursor: string): void {
    const number = Number(/\d+$/.exec(cursor)?.[0] ?? 0)
    const since = this.#since.get(relation.id)
    this.#cursors = Math.max(this.#cursors, number)
    if (since === undefined || number <= since) return
    throw featureNotSupported(
      `rows of "${relation.definition.name}" cannot be read in a transaction that has written some`,
      { hint: 'They can be read after COMMIT.' }
    )
  }

  savepoint(depth: number): void {
    this.#savepoints.set(depth, this.#changes.length)
  }

  rollBackTo(depth: number): void {
    this.#changes.length = Math.min(this.#changes.length, this.#savepoints.get(depth) ?? 0)
    const still = new Set(this.#changes.map(({ relation }) => relation.id))
    for (const id of this.#since.keys()) if (!still.has(id)) this.#since.delete(id)
  }

  /** @throws PgError 40001, 23505; StoreError; then nothing is written */
  async commit(): Promise<void> {
    const changes = this.#changes
    this.end()
    if (changes.length === 0) return
    const relations = [...new Set(changes.map(({ relation }) => relation))]
    const written = relations.map((relation) => writtenTo(relation, changes))
    // What came before is not to replace what is written now.
    await Promise.all(relations.map((relation) => relation.refresh('received')))
    try {
      await this.#options.store.write(written)
    } catch (error) {
      throw error instanceof WriteConflict ? conflict(error, relations) : error
    }
  }

  /** The remote transaction is over: what is left of it is undone. */
  end(): void {
    this.#changes = []
    this.#bytes = 0
    this.#cursors = 0
    this.#savepoints.clear()
    this.#since.clear()
  }

  #relation(id: number): Relation {
    const relation = this.#options.catalog.byId(id)
    if (relation?.definition.database !== this.#options.database) {
      throw undefinedTable(`relation ${id} does not exist in jetgres`)
    }
    if (relation.isActive && !relation.isAltering) return relation
    throw objectNotReady(`relation "${relation.definition.name}" cannot be written to yet`, {
      detail: 'The transaction that created or altered it has not committed.'
    })
  }
}

const TEXTS = codecFor(ARRAY_OID[OID.text]!)!

function fieldsOf(text: string | null | undefined): Texts | undefined {
  if (text === null || text === undefined) return undefined
  return TEXTS.fromText(text, { oid: TEXTS.oid, typmod: -1 }, REMOTE_SETTINGS) as Texts
}

function writtenTo(relation: Relation, changes: readonly Change[]): Written {
  const own = changes.filter((change) => change.relation === relation)
  return {
    relationId: relation.id,
    before: own.flatMap(({ columns, before }) => (before ? [valuesOf(columns, before)] : [])),
    after: own.flatMap(({ columns, after }) => (after ? [valuesOf(columns, after)] : []))
  }
}

const valuesOf = (columns: readonly Column[], texts: Texts): Value[] =>
  columns.map(({ type }, i) => {
    const text = texts[i] ?? null
    return text === null ? null : codecFor(type.oid)!.fromText(text, type, REMOTE_SETTINGS)
  })

function conflict({ relationId, duplicate }: WriteConflict, relations: readonly Relation[]): Error {
  const { definition } = relations.find(({ id }) => id === relationId)!
  const { columns, key } = definition.schema
  if (!duplicate) {
    return serializationFailure('could not serialize access due to concurrent update', {
      detail: `A delivery, or another session, has changed rows of "${definition.name}" meanwhile.`,
      hint: 'Try again.'
    })
  }
  const parts = key.map((attnum) => columns.findIndex((column) => column.attnum === attnum))
  const names = parts.map((i) => columns[i]!.name).join(', ')
  const values = parts.map((i) => {
    const { type } = columns[i]!
    return codecFor(type.oid)!.toText(duplicate[i]!, type, REMOTE_SETTINGS)
  })
  return uniqueViolation(`duplicate key value violates the primary key of "${definition.name}"`, {
    detail: `Key (${names})=(${values.join(', ')}) already exists.`
  })
}
