// How far look-ups have shown rows that no commit covered yet, by relation, in one small file: the next
// process must stand there again before it is read, or a reader would see a row go back.
// Never waits for the disk: a mark has to outlive the process, not the machine.

import { closeSync, constants, openSync, readFileSync, writeSync } from 'node:fs'

import type { StreamPosition } from '../types/connector.ts'

/** Of one relation. */
export interface ShownMark {
  /** Undefined: nothing was ever shown before its commit. */
  readonly position: StreamPosition | undefined
  /** Rows up to there may be shown from now on; false: they may not, it could not be noted. */
  raise(position: StreamPosition): boolean
}

/** Each relation has its place in the file: its id's. */
const SLOT_BYTES = 128
const SLOT = /^(\d+) (\d+) (\S+) *\n$/

export class ShownMarks {
  readonly #file: number | undefined
  readonly #marks = new Map<number, Mark>()

  /** @param file to be written to; without one the marks end with this object */
  constructor(file?: number) {
    this.#file = file
  }

  /** @throws Error when the file can't be opened */
  static open(path: string): ShownMarks {
    const marks = new ShownMarks(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600))
    const known = readFileSync(path, 'latin1')
    for (let at = 0; at < known.length; at += SLOT_BYTES) {
      const [, id, sequence, created] = SLOT.exec(known.slice(at, at + SLOT_BYTES)) ?? []
      if (created === undefined || Number(id) * SLOT_BYTES !== at) continue
      marks.#of(Number(id)).position = { sequence: Number(sequence), created }
    }
    return marks
  }

  of(relation: number): ShownMark {
    return this.#of(relation)
  }

  #of(relation: number): Mark {
    const known = this.#marks.get(relation) ?? new Mark(this.#file, relation)
    this.#marks.set(relation, known)
    return known
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
  }
}

class Mark implements ShownMark {
  readonly #file: number | undefined
  readonly #relation: number
  position: StreamPosition | undefined

  constructor(file: number | undefined, relation: number) {
    this.#file = file
    this.#relation = relation
  }

  raise({ sequence, created }: StreamPosition): boolean {
    const known = this.position
    if (known?.created === created && known.sequence >= sequence) return true
    if (!this.#write(`${this.#relation} ${sequence} ${created}`)) return false
    this.position = { sequence, created }
    return true
  }

  #write(text: string): boolean {
    if (text.length >= SLOT_BYTES) return false
    if (this.#file === undefined) return true
    const slot = `${text.padEnd(SLOT_BYTES - 1)}\n`
    try {
      return writeSync(this.#file, slot, this.#relation * SLOT_BYTES, 'latin1') === SLOT_BYTES
    } catch {
      return false
    }
  }
}
