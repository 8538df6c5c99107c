// Seeded randomness: a failing random test can be run again with SEED=<what it printed>.

import { randomInt } from 'node:crypto'

import type { Test } from 'tap'

export interface Random {
  readonly seed: number
  /** 0 ≤ x < 1. */
  next(): number
  /** min ≤ x ≤ max, whole. */
  int(min: number, max: number): number
  bool(chance?: number): boolean
  pick<T>(from: readonly T[]): T
  bytes(length: number): Buffer
  shuffle<T>(from: readonly T[]): T[]
}

/** A generator seeded by SEED, else at random; says its seed as a comment of the test. */
export function random(t: Pick<Test, 'comment'>): Random {
  const given = Number(process.env.SEED)
  const seed = Number.isInteger(given) && given > 0 ? given : randomInt(1, 2 ** 32 - 1)
  t.comment(`SEED=${seed}`)
  return seeded(seed)
}

/** mulberry32: 32 bits of state, plenty for test data. */
export function seeded(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let x = Math.imul(state ^ (state >>> 15), state | 1)
    x ^= x + Math.imul(x ^ (x >>> 7), x | 61)
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32
  }
  const int = (min: number, max: number): number => min + Math.floor(next() * (max - min + 1))
  return {
    seed,
    next,
    int,
    bool: (chance = 0.5) => next() < chance,
    pick: (from) => from[int(0, from.length - 1)] as (typeof from)[number],
    bytes: (length) => Buffer.from(Array.from({ length }, () => int(0, 255))),
    shuffle: (from) => shuffled(from, int)
  }
}

function shuffled<T>(from: readonly T[], int: (min: number, max: number) => number): T[] {
  const all = [...from]
  for (let i = all.length - 1; i > 0; i--) {
    const j = int(0, i)
    ;[all[i], all[j]] = [all[j] as T, all[i] as T]
  }
  return all
}
