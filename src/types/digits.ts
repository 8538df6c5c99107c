// Numbers → decimal digits in a buffer, without a string between: what printing a million numbers
// is made of. Pure.

const [MINUS, ZERO] = [0x2d, 0x30]
const INT32_MAX = 0x7fffffff
const MILLION = 1_000_000

/** "00" to "99", each as one number of 16 bits. */
const PAIRS = Uint16Array.from(
  { length: 100 },
  (_, n) => ((ZERO + Math.floor(n / 10)) << 8) | (ZERO + (n % 10))
)

/** Puts the two digits of 0 ≤ value < 100. */
export function putPair(view: DataView, at: number, value: number): void {
  view.setUint16(at, PAIRS[value] as number)
}

/** Puts the six digits of 0 ≤ value < 1,000,000. */
export function putSix(view: DataView, at: number, value: number): void {
  const four = (value / 100) | 0
  const two = (four / 100) | 0
  putPair(view, at, two)
  putPair(view, at + 2, four - two * 100)
  putPair(view, at + 4, value - four * 100)
}

/** Puts a safe integer so that it ends before `end`; returns where it begins. At most 17 bytes. */
export function putInteger(view: DataView, end: number, value: number): number {
  let rest = Math.abs(value)
  let at = end
  while (rest > INT32_MAX) {
    const above = Math.floor(rest / MILLION)
    at -= 6
    putSix(view, at, rest - above * MILLION)
    rest = above
  }
  at = putDigits(view, at, rest | 0)
  if (value < 0) view.setUint8(--at, MINUS)
  return at
}

/** Of 0 ≤ value < 2³¹. */
function putDigits(view: DataView, end: number, value: number): number {
  let rest = value
  let at = end
  while (rest >= 100) {
    const above = (rest / 100) | 0
    at -= 2
    putPair(view, at, rest - above * 100)
    rest = above
  }
  if (rest < 10) view.setUint8(--at, ZERO + rest)
  else putPair(view, (at -= 2), rest)
  return at
}
