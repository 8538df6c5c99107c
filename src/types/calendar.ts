// The proleptic Gregorian calendar and the clock, as pure arithmetic: days and microseconds to
// fields and back. Years are astronomical here (0 is 1 BC); must never know a time zone.

export const MICROS_PER_SECOND = 1_000_000
export const MICROS_PER_DAY = 86_400_000_000
export const SECONDS_PER_DAY = 86_400

const DAYS_PER_400_YEARS = 146_097
/** 0000-03-01, where the arithmetic's year begins, as days before 1970-01-01. */
const MARCH_OF_YEAR_ZERO = 719_468

export interface CivilDate {
  readonly year: number
  readonly month: number
  readonly day: number
}

/** Days since 1970-01-01. Source: Howard Hinnant, "chrono-compatible low-level date algorithms". */
export function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  const leapDays = Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100)
  return era * DAYS_PER_400_YEARS + yearOfEra * 365 + leapDays + dayOfYear - MARCH_OF_YEAR_ZERO
}

/** The inverse of daysFromCivil. */
export function civilFromDays(days: number): CivilDate {
  const shifted = days + MARCH_OF_YEAR_ZERO
  const era = Math.floor(shifted / DAYS_PER_400_YEARS)
  const dayOfEra = shifted - era * DAYS_PER_400_YEARS
  const leapDays =
    Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096)
  const yearOfEra = Math.floor((dayOfEra - leapDays) / 365)
  const dayOfYear =
    dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  return { year: era * 400 + yearOfEra + (month <= 2 ? 1 : 0), month, day }
}

export function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

export const twoDigits = (value: number): string => (value < 10 ? `0${value}` : String(value))

/** "2024-02-29"; 1 BC is "0001-02-29", its caller adds the BC at the end. */
export function dateText({ year, month, day }: CivilDate): string {
  const shown = String(year > 0 ? year : 1 - year).padStart(4, '0')
  return `${shown}-${twoDigits(month)}-${twoDigits(day)}`
}

/** "04:05:06.789": microseconds of a day, the fraction without trailing zeros. */
export function clockText(micros: number): string {
  const fraction = micros % MICROS_PER_SECOND
  const seconds = (micros - fraction) / MICROS_PER_SECOND
  const minutes = Math.floor(seconds / 60)
  const hoursAndMinutes = `${twoDigits(Math.floor(minutes / 60))}:${twoDigits(minutes % 60)}`
  return `${hoursAndMinutes}:${twoDigits(seconds % 60)}${fractionText(fraction)}`
}

export function fractionText(micros: number): string {
  if (micros === 0) return ''
  return `.${String(micros).padStart(6, '0').replace(/0+$/, '')}`
}

/** C's rint: halves go to the even neighbour. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value)
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded
}

/** Digits after a decimal point, as microseconds; more than six round as Postgres's rint does. */
export function fractionMicros(digits: string): number {
  if (digits.length <= 6) return Number(digits.padEnd(6, '0'))
  return roundHalfEven(Number(`0.${digits}`) * MICROS_PER_SECOND)
}
