// What `jetgres check` found of one thing, and how it is printed. Pure.

export interface Finding {
  /** What was looked at. */
  readonly what: string
  /** skipped: could not be looked at, because of something that is wrong elsewhere or not there. */
  readonly verdict: 'ok' | 'wrong' | 'skipped'
  readonly told: string
  /** What to do about it. */
  readonly advice?: string
}

export const ok = (what: string, told: string): Finding => ({ what, verdict: 'ok', told })

export const wrong = (what: string, told: string, advice: string): Finding => ({
  what,
  verdict: 'wrong',
  told,
  advice
})

export const skipped = (what: string, told: string): Finding => ({ what, verdict: 'skipped', told })

const WIDTH = 'skipped'.length

export function printed({ what, verdict, told, advice }: Finding): string {
  const line = `${verdict.padEnd(WIDTH)}  ${what}: ${told}\n`
  return advice === undefined ? line : `${line}${' '.repeat(WIDTH)}  do: ${advice}\n`
}

export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? ''
