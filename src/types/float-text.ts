// How float4out and float8out print at extra_float_digits >= 1: the shortest digits that read
// back, fixed between 1e-4 and 1e6 (real) or 1e15 (double), with a two-digit exponent otherwise.
// Differs from JavaScript in one more point: digits that lie exactly between two floats don't count
// as reading back (Ryu without acceptBounds, d2s.c and f2s.c), so 1e23
// prints as 9.999999999999999e+22.

const FLOAT4_MIN_NORMAL = 2 ** -126

const word = new DataView(new ArrayBuffer(8))

function special(value: number): string | undefined {
  if (value === 0) return Object.is(value, -0) ? '-0' : '0'
  if (Number.isNaN(value)) return 'NaN'
  if (value === Infinity) return 'Infinity'
  return value === -Infinity ? '-Infinity' : undefined
}

export function float8Text(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e-4 && size < 1e15) return String(value)
  return special(value) ?? withSign(value, scientific(shortestFloat8(size)))
}

/** Takes a number that already is a float32. */
export function float4Text(value: number): string {
  const short = special(value)
  if (short !== undefined) return short
  const digits = shortestFloat4(Math.abs(value))
  const exponent = exponentOf(digits)
  const fixed = exponent >= -4 && exponent < 6
  return withSign(value, fixed ? String(Number(digits)) : scientific(digits))
}

const withSign = (value: number, text: string): string => (value < 0 ? `-${text}` : text)

const exponentOf = (exponential: string): number =>
  Number(exponential.slice(exponential.indexOf('e') + 1))

/** From toExponential's form to Postgres's: no trailing zeros, two digits of exponent. */
function scientific(exponential: string): string {
  const [mantissa = '', exponent = ''] = exponential.split('e')
  const trimmed = mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa
  return `${trimmed}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`
}

function shortestFloat8(size: number): string {
  const shortest = size.toExponential()
  // Below 2^54 half the gap between neighbours needs more digits than the number itself.
  if (size < 2 ** 54 || insideFloat8(shortest, size)) return shortest
  for (let decimals = shortest.indexOf('e') - 1; decimals < 16; decimals++) {
    const longer = size.toExponential(Math.max(decimals, 1))
    if (insideFloat8(longer, size)) return longer
  }
  return size.toExponential(16)
}

/** Whether the digits lie strictly nearer to this number than half-way to the next. */
function insideFloat8(exponential: string, size: number): boolean {
  const [mantissa = '', exponent = ''] = exponential.split('e')
  const [whole = '', fraction = ''] = mantissa.split('.')
  const digits = BigInt(whole + fraction) * 10n ** BigInt(Number(exponent) - fraction.length)
  const exact = BigInt(size)
  if (digits === exact) return true
  const up = digits > exact && size < Number.MAX_VALUE
  word.setFloat64(0, size)
  word.setBigUint64(0, word.getBigUint64(0) + (up ? 1n : -1n))
  return abs(digits - exact) * 2n < abs(BigInt(word.getFloat64(0)) - exact)
}

const abs = (value: bigint): bigint => (value < 0n ? -value : value)

function shortestFloat4(size: number): string {
  word.setFloat32(0, size)
  const bits = word.getUint32(0)
  const previous = neighbour(bits - 1)
  // Beyond the largest real the gap stays what it was.
  const next = bits === 0x7f7fffff ? size + (size - previous) : neighbour(bits + 1)
  const inside = (text: string): boolean =>
    Number(text) > (previous + size) / 2 && Number(text) < (size + next) / 2
  const powerOfTwo = (bits & 0x7fffff) === 0
  // Any six digits survive a normal real (FLT_DIG), so shorter ones show as trailing zeros.
  for (let decimals = size < FLOAT4_MIN_NORMAL ? 0 : 5; decimals < 9; decimals++) {
    const nearest = size.toExponential(decimals)
    if (inside(nearest)) return tiesToEven(nearest, size)
    // Below a power of two the gap is half as wide: the next digits above may still read back.
    const above = powerOfTwo ? oneMore(nearest) : nearest
    if (powerOfTwo && inside(above)) return above
  }
  return size.toExponential(8)
}

function neighbour(bits: number): number {
  word.setUint32(0, bits)
  return word.getFloat32(0)
}

/** Digits exactly half-way to the number go to the even one; toExponential rounds them up. */
function tiesToEven(exponential: string, size: number): string {
  const end = exponential.indexOf('e')
  if (Number(exponential[end - 1]) % 2 === 0) return exponential
  const longer = size.toExponential(Math.max(end - 2, 0) + 30)
  const dropped = longer.slice(end === 1 ? 2 : end, longer.indexOf('e'))
  return /^50*$/.test(dropped) ? oneMore(exponential, -1) : exponential
}

/** The digits plus `step` units in the last place, in toExponential's form. */
function oneMore(exponential: string, step = 1): string {
  const [mantissa = '', exponent = ''] = exponential.split('e')
  const decimals = Math.max(0, mantissa.length - 2)
  const digits = Number(mantissa.replace('.', '')) + step
  return Number(`${digits}e${Number(exponent) - decimals}`).toExponential(decimals)
}
