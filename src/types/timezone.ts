// UTC offsets of named time zones, exact to the second, local mean times included. The data is
// ICU's, through Intl; offsets are remembered by day, with the moment of change where there is one.
// Must never accept a name that Intl and Postgres read differently: signed forms are POSIX there,
// and names like EST or CET are fixed offsets for one and a city's clock for the other.

import { featureNotSupported } from '../errors.ts'
import { limits } from '../limits.ts'
import { SECONDS_PER_DAY } from './calendar.ts'
import { MERGED_ZONES } from './merged-zones.ts'

/** Regions, and the plain names that both take from the tz database. */
const REGION = /^[A-Za-z]+(?:\/[A-Za-z0-9_+-]+)+$/
const PLAIN: ReadonlySet<string> = new Set(
  `utc gmt uct zulu universal greenwich gmt0 cuba egypt eire gb gb-eire hongkong iceland iran israel
  jamaica japan kwajalein libya navajo nz nz-chat poland portugal prc roc rok singapore turkey
  w-su`.split(/\s+/)
)

/** Rules repeat every 400 years: far years borrow the offsets of a year that Intl can reach. */
const SECONDS_PER_400_YEARS = 146_097 * SECONDS_PER_DAY
const FAR_FUTURE = Date.UTC(2500, 0, 1) / 1000
/** Before this every zone keeps its local mean time; also before all that Postgres can hold. */
const FAR_PAST = Date.UTC(-4800, 0, 1) / 1000

/** One UTC day: the offset at its start and, when it changes on that day, when and to what. */
interface ZoneDay {
  readonly before: number
  readonly changeAt: number
  readonly after: number
}

/** From this Unix time on. */
export interface ZoneOffset {
  readonly from: number
  readonly seconds: number
}

const OFFSETS_STEP = 7 * SECONDS_PER_DAY

export class Zone {
  readonly #name: string
  readonly #historyDiffers: boolean
  readonly #format: Intl.DateTimeFormat
  readonly #days = new Map<number, ZoneDay>()
  #lastDay = NaN
  #last: ZoneDay = { before: 0, changeAt: Infinity, after: 0 }

  /** @throws RangeError for a name that Intl does not know */
  constructor(name: string) {
    this.#name = name
    this.#historyDiffers = MERGED_ZONES.has(name.toLowerCase())
    this.#format = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  }

  /**
   * Seconds east of Greenwich at a Unix time in whole seconds.
   * @throws PgError 0A000 where tz databases differ
   */
  offsetAt(unixSeconds: number): number {
    if (unixSeconds < 0 && this.#historyDiffers) {
      throw featureNotSupported(`clocks of "${this.#name}" before 1970 differ between tz databases`)
    }
    const at = near(unixSeconds)
    const day = Math.floor(at / SECONDS_PER_DAY)
    const facts = day === this.#lastDay ? this.#last : this.#day(day)
    return at < facts.changeAt ? facts.before : facts.after
  }

  /**
   * The offset of a local clock reading, given as if it were a Unix time. A reading that a change
   * skipped takes the offset before it, a doubled one the offset after it.
   * Source: DetermineTimeZoneOffsetInternal in Postgres's datetime.c.
   */
  offsetOfLocal(localSeconds: number): number {
    const before = this.offsetAt(localSeconds - SECONDS_PER_DAY)
    const after = this.offsetAt(localSeconds + SECONDS_PER_DAY)
    if (before === after) return before
    return this.offsetAt(localSeconds - after) === after ? after : before
  }

  /**
   * The offset at one Unix time, and those it changes to until another, each with its moment. Changes
   * that undo each other within a week are not seen; the years since 2000 have none.
   */
  offsetsWithin(from: number, to: number): readonly ZoneOffset[] {
    const offsets = [{ from, seconds: this.#ask(from) }]
    for (let at = from; at < to; at += OFFSETS_STEP) {
      const end = Math.min(at + OFFSETS_STEP, to)
      const seconds = this.#ask(end)
      const before = offsets.at(-1)!.seconds
      if (seconds !== before) offsets.push({ from: this.#changeWithin(at, end, before), seconds })
    }
    return offsets
  }

  #day(day: number): ZoneDay {
    let facts = this.#days.get(day)
    if (!facts) {
      facts = this.#look(day * SECONDS_PER_DAY)
      if (this.#days.size >= limits.zoneDaysKept) this.#days.clear()
      this.#days.set(day, facts)
    }
    this.#lastDay = day
    this.#last = facts
    return facts
  }

  #look(start: number): ZoneDay {
    const before = this.#ask(start)
    const after = this.#ask(start + SECONDS_PER_DAY - 1)
    if (before === after) return { before, changeAt: Infinity, after }
    return {
      before,
      changeAt: this.#changeWithin(start, start + SECONDS_PER_DAY - 1, before),
      after
    }
  }

  /** When the offset that was `before` at `same` is another, which it is at `end`. */
  #changeWithin(same: number, end: number, before: number): number {
    let [low, changeAt] = [same, end]
    while (changeAt - low > 1) {
      const middle = Math.floor((low + changeAt) / 2)
      if (this.#ask(middle) === before) low = middle
      else changeAt = middle
    }
    return changeAt
  }

  #ask(unixSeconds: number): number {
    const text = this.#format.format(unixSeconds * 1000)
    const found = /GMT(?:([+-])(\d\d):(\d\d)(?::(\d\d))?)?$/.exec(text)
    const [, sign, hours = 0, minutes = 0, seconds = 0] = found ?? []
    const size = Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)
    return sign === '-' ? -size : size
  }
}

const near = (unixSeconds: number): number =>
  unixSeconds < FAR_FUTURE
    ? Math.max(unixSeconds, FAR_PAST)
    : FAR_FUTURE + ((unixSeconds - FAR_FUTURE) % SECONDS_PER_400_YEARS)

const zones = new Map<string, Zone | undefined>()

/** The zone of a tz database name, in any case; undefined when it is not surely known here. */
export function findZone(name: string): Zone | undefined {
  if (zones.has(name)) return zones.get(name)
  const zone = openZone(name)
  if (zones.size >= limits.zonesKept) zones.clear()
  zones.set(name, zone)
  return zone
}

function openZone(name: string): Zone | undefined {
  if (!REGION.test(name) && !PLAIN.has(name.toLowerCase())) return undefined
  try {
    return new Zone(name)
  } catch {
    return undefined
  }
}
