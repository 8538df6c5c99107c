// Decimals as their unscaled number in big-endian two's complement: Avro's, and Debezium's of variable
// scale, {"scale": 2, "value": "<base64>"}, which RisingWave reads into DECIMAL, so we do. Pure.

const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/

/** Beyond this many bytes no Postgres numeric can hold the number (131072 digits). */
const BYTES_MAX = 54_500

/** The decimal as text, "12345e-2", or undefined when the object has another shape. */
export function scaledDecimal(source: string): string | undefined {
  const object = JSON.parse(source) as { readonly scale?: unknown; readonly value?: unknown }
  const { scale, value } = object
  if (typeof scale !== 'number' || !Number.isInteger(scale) || typeof value !== 'string') {
    return undefined
  }
  if (!BASE64.test(value)) return undefined
  const unscaled = unscaledOf(Buffer.from(value, 'base64'))
  return unscaled === undefined ? undefined : `${unscaled}e${-scale}`
}

/** Big-endian two's complement; undefined for none, and for more than a numeric can hold. */
export function unscaledOf(bytes: Uint8Array): bigint | undefined {
  if (bytes.length === 0 || bytes.length > BYTES_MAX) return undefined
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
  return BigInt.asIntN(bytes.length * 8, BigInt(`0x${hex}`))
}
