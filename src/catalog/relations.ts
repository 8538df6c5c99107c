// The relations there are, and which of them a database's upstream has: an index in memory.
// Never touches the store, an upstream or a stream.

import type { Relation } from './relation.ts'
import type { SecretName } from './secrets.ts'

export class Relations {
  readonly #byId = new Map<number, Relation>()
  /** Each database's upstream as last seen: OIDs mean nothing in another. */
  readonly #identities = new Map<string, string>()
  /** By database: the views that read relations, by OID, with their names. */
  readonly #views = new Map<string, ReadonlyMap<number, string>>()
  readonly #onChange = new Set<() => void>()

  all(): Relation[] {
    return [...this.#byId.values()]
  }

  byId(id: number): Relation | undefined {
    return this.#byId.get(id)
  }

  has({ id }: Relation): boolean {
    return this.#byId.has(id)
  }

  add(relation: Relation): void {
    this.#byId.set(relation.id, relation)
    this.changed()
  }

  delete(relation: Relation): void {
    this.#byId.delete(relation.id)
    this.changed()
  }

  /** The databases that have relations. */
  databases(): Set<string> {
    return new Set(this.all().map(({ definition }) => definition.database))
  }

  /** A database's relations, whichever upstream they were made in. */
  of(database: string): Relation[] {
    return this.all().filter(({ definition }) => definition.database === database)
  }

  /** The relations whose twins are in this database of the upstream that stands there now. */
  here(database: string): Relation[] {
    const identity = this.#identities.get(database)
    return this.of(database).filter(
      ({ definition }) => identity === undefined || definition.upstream === identity
    )
  }

  byTwin(database: string, twinOid: number): Relation | undefined {
    return this.here(database).find(({ definition }) => definition.twinOid === twinOid)
  }

  /** The relations these OIDs are the twins of. */
  byTwins(database: string, oids: readonly (number | undefined)[]): Relation[] {
    return oids.flatMap((oid) => (oid === undefined ? [] : (this.byTwin(database, oid) ?? [])))
  }

  isView(database: string, oid: number): boolean {
    return this.#views.get(database)?.has(oid) === true
  }

  /** The names of all views that read relations. */
  viewNames(): string[] {
    return [...this.#views.values()].flatMap((views) => [...views.values()])
  }

  /** What the upstream's views over relations are now. */
  setViews(database: string, views: ReadonlyMap<number, string>): void {
    const before = this.#views.get(database)
    const isSame = [...views].every(([oid, name]) => before?.get(oid) === name)
    if (isSame && (before?.size ?? 0) === views.size) return
    this.#views.set(database, views)
    this.changed()
  }

  /** The relations whose options name a secret. */
  usersOf({ database, schema, name }: SecretName): Relation[] {
    return this.of(database).filter(({ definition }) =>
      definition.options.some(({ secret }) => secret?.schema === schema && secret.name === name)
    )
  }

  isIdentified(database: string): boolean {
    return this.#identities.has(database)
  }

  identify(database: string, identity: string): void {
    this.#identities.set(database, identity)
  }

  /** Called whenever relations or their names change. */
  onChange(listener: () => void): void {
    this.#onChange.add(listener)
  }

  changed(): void {
    for (const listener of this.#onChange) listener()
  }
}
