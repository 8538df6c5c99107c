// All definitions once more, in a file beside the store's: if that is damaged, they are what its rows
// can be read anew by. Owns the copy, which holds secrets; must never be believed where the store
// itself can be read.

import { chmod, readFile, rename, stat, writeFile } from 'node:fs/promises'

import type { Logger } from '../log.ts'
import { StoreError } from './store-error.ts'

export interface KeptDefinition {
  readonly id: number
  readonly definition: string
}

export interface KeptDefinitions {
  /** No relation ever had this id, nor a higher one. */
  readonly nextId: number
  readonly relations: readonly KeptDefinition[]
}

const FORMAT_VERSION = 1

export const definitionsPath = (storePath: string): string => `${storePath}.definitions.json`

/** Undefined where there is none. @throws StoreError for one that cannot be read */
export async function readDefinitions(storePath: string): Promise<KeptDefinitions | undefined> {
  const path = definitionsPath(storePath)
  try {
    const kept = JSON.parse(await readFile(path, 'utf8')) as KeptDefinitions & { version: number }
    if (kept.version === FORMAT_VERSION) return kept
    throw new Error(`its version is ${kept.version}, not ${FORMAT_VERSION}`)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new StoreError(`"${path}" cannot be read: ${reason}`, { cause })
  }
}

/**
 * An empty store must not take the place of one that was moved away or lost.
 * @throws StoreError when the file is missing and relations are known
 */
export async function refuseMissing(storePath: string): Promise<void> {
  const isThere = await stat(storePath).then(
    () => true,
    () => false
  )
  if (isThere || !(await readDefinitions(storePath))?.relations.length) return
  throw new StoreError(`"${storePath}" is missing`, {
    remedy:
      'run "jetgres rebuild" to read its relations anew from their streams, ' +
      `or remove "${definitionsPath(storePath)}" to begin without them`
  })
}

/** Keeps the copy true to the store. */
export class DefinitionsCopy {
  readonly #path: string
  readonly #log: Logger
  #nextId = 1
  /** Writes happen one after the other. */
  #writing: Promise<void> = Promise.resolve()

  private constructor(storePath: string, log: Logger) {
    this.#path = definitionsPath(storePath)
    this.#log = log
  }

  static async open(storePath: string, log: Logger): Promise<DefinitionsCopy> {
    const copy = new DefinitionsCopy(storePath, log)
    // One that cannot be read is written anew: the store has been.
    copy.#nextId = (await readDefinitions(storePath).catch(() => undefined))?.nextId ?? 1
    return copy
  }

  /** Never rejects: the store has them, and the next change tries again. */
  write(relations: readonly KeptDefinition[]): Promise<void> {
    this.#nextId = relations.reduce((next, { id }) => Math.max(next, id + 1), this.#nextId)
    const text = JSON.stringify({ version: FORMAT_VERSION, nextId: this.#nextId, relations })
    this.#writing = this.#writing.then(() => this.#replace(text))
    return this.#writing
  }

  /** A new file takes the old one's place: a crash leaves one or the other. */
  async #replace(text: string): Promise<void> {
    try {
      await writeFile(`${this.#path}.new`, text, { mode: 0o600, flush: true })
      await chmod(`${this.#path}.new`, 0o600)
      await rename(`${this.#path}.new`, this.#path)
    } catch (err) {
      this.#log.warn({ err }, 'definitions could not be copied')
    }
  }
}
