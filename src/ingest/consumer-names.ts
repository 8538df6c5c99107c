// What the consumers are called that relations read by: by the life of this process, so that the next
// one knows what a killed one left behind, and nobody else's are ever taken for ours. A copy of a data
// directory is another life as well: each takes away at most once what the other reads by.

import { readFile, rename, writeFile } from 'node:fs/promises'

import { nuid } from 'nats'

import { limits } from '../limits.ts'

/** Of one relation. */
export interface ConsumerNames {
  /** For the next consumer: one of two, so that the one before need not be gone yet. */
  next(): string
  /** All that former lives can have left. */
  readonly left: readonly string[]
}

export const canaryName = (name: string): string => `${name}_canary`

export class ConsumerLives {
  readonly #life = nuid.next()
  readonly #former: readonly string[]

  /** @param former lives, newest first */
  constructor(former: readonly string[] = []) {
    this.#former = former
  }

  /** @throws Error when the file can't be written */
  static async open(path: string): Promise<ConsumerLives> {
    const known = await readFile(path, 'utf8').then(livesOf, () => [])
    const lives = new ConsumerLives(known.slice(0, limits.formerLivesKept))
    const draft = `${path}.new`
    await writeFile(draft, JSON.stringify([lives.#life, ...lives.#former]), { mode: 0o600 })
    await rename(draft, path)
    return lives
  }

  of(relation: number): ConsumerNames {
    let made = 0
    return {
      next: () => nameOf(this.#life, relation, made++ % 2),
      left: this.#former.flatMap((life) =>
        [0, 1].map((nth) => nameOf(life, relation, nth)).flatMap((name) => [name, canaryName(name)])
      )
    }
  }
}

const nameOf = (life: string, relation: number, nth: number): string =>
  `jetgres_${life}_${relation}_${nth}`

/** A file that is damaged costs no more than consumers that the server removes by itself. */
function livesOf(text: string): string[] {
  try {
    const lives: unknown = JSON.parse(text)
    return Array.isArray(lives)
      ? lives.filter((life) => /^\w+$/.test(String(life))).map(String)
      : []
  } catch {
    return []
  }
}
