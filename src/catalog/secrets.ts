// The values behind CREATE SECRET, kept in one file of the data directory for its owner alone. They
// leave it only into a connector; never into a log, an error, a reply or the upstream.

import { chmod, readFile, rename, writeFile } from 'node:fs/promises'

import { duplicateObject, invariant, programLimitExceeded } from '../errors.ts'
import { limits } from '../limits.ts'

/** Which secret: of one database of the upstream's, in one of its schemas. */
export interface SecretName {
  readonly database: string
  readonly schema: string
  readonly name: string
}

export interface Secret extends SecretName {
  /** The role that made it: who is a member of it may use it. */
  readonly owner: string
  readonly value: string
}

export class Secrets {
  readonly #path: string
  readonly #byKey: Map<string, Secret>
  /** Writes happen one after the other. */
  #writing: Promise<void> = Promise.resolve()

  private constructor(path: string, secrets: readonly Secret[]) {
    this.#path = path
    this.#byKey = new Map(secrets.map((secret) => [keyOf(secret), secret]))
  }

  /** @throws Error when the file is there and cannot be read */
  static async open(path: string): Promise<Secrets> {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '[]'
      throw error
    })
    return new Secrets(path, JSON.parse(text) as Secret[])
  }

  get(name: SecretName): Secret | undefined {
    return this.#byKey.get(keyOf(name))
  }

  /** Of a database, by schema and name. */
  of(database: string): Secret[] {
    const all = [...this.#byKey.values()].filter((secret) => secret.database === database)
    return all.toSorted((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
  }

  /** @throws PgError 42710 when it is there; 54000 for one too many */
  async create(secret: Secret): Promise<void> {
    if (this.get(secret)) throw duplicateObject(`secret "${secret.name}" already exists`)
    if (this.#byKey.size >= limits.secretsMax) throw programLimitExceeded('too many secrets')
    this.#byKey.set(keyOf(secret), secret)
    await this.#write()
  }

  async change(name: SecretName, value: string): Promise<void> {
    const secret = this.get(name)
    invariant(secret, 'a secret that is changed is there')
    this.#byKey.set(keyOf(name), { ...secret, value })
    await this.#write()
  }

  async drop(name: SecretName): Promise<void> {
    this.#byKey.delete(keyOf(name))
    await this.#write()
  }

  /** A new file takes the old one's place: a crash leaves one or the other. */
  #write(): Promise<void> {
    const next = this.#writing
      .catch(() => undefined)
      .then(async () => {
        const text = JSON.stringify([...this.#byKey.values()])
        await writeFile(`${this.#path}.new`, text, { mode: 0o600, flush: true })
        await chmod(`${this.#path}.new`, 0o600)
        await rename(`${this.#path}.new`, this.#path)
      })
    this.#writing = next
    return next
  }
}

const keyOf = ({ database, schema, name }: SecretName): string =>
  JSON.stringify([database, schema, name])
