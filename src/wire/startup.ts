// The packets before a session: startup, SSLRequest, GSSENCRequest, CancelRequest. They have no
// type byte (protocol, "Start-up"). Decodes; decides nothing.

import { protocolViolation } from '../errors.ts'
import { limits } from '../limits.ts'

const CANCEL_REQUEST = 80877102
const SSL_REQUEST = 80877103
const GSSENC_REQUEST = 80877104

export type StartupPacket =
  | { readonly kind: 'ssl' }
  | { readonly kind: 'gssenc' }
  | { readonly kind: 'cancel'; readonly pid: number; readonly secret: Buffer }
  | {
      readonly kind: 'startup'
      readonly protocol: number
      readonly parameters: ReadonlyMap<string, string>
      /** As it came, to be relayed. */
      readonly bytes: Buffer
    }

/**
 * The size of the packet at the head of `buffer`, or undefined while its length hasn't come.
 * @throws Error when no startup packet is that long. Postgres closes on that without a word
 *   (ProcessStartupPacket), and clients that leave before they start rely on it.
 */
export function startupSize(buffer: Buffer): number | undefined {
  if (buffer.length < 4) return undefined
  const size = buffer.readInt32BE(0)
  if (size < 8 || size > limits.startupPacketBytesMax) {
    throw new Error('invalid length of startup packet')
  }
  return size
}

/** Decodes one whole packet. @throws PgError 08P01, or Error as startupSize does */
export function decodeStartup(packet: Buffer): StartupPacket {
  const number = packet.readInt32BE(4)
  if (number === SSL_REQUEST) return { kind: 'ssl' }
  if (number === GSSENC_REQUEST) return { kind: 'gssenc' }
  if (number === CANCEL_REQUEST) {
    if (packet.length < 12) throw new Error('invalid length of cancel request packet')
    return { kind: 'cancel', pid: packet.readInt32BE(8), secret: packet.subarray(12) }
  }
  // Of other protocols only the version is known; the upstream says what it thinks of it.
  const parameters = number >> 16 === 3 ? parametersOf(packet) : new Map<string, string>()
  return { kind: 'startup', protocol: number, parameters, bytes: packet }
}

/**
 * Does the client ask for the replication protocol? The parameter is a boolean as SQL reads it, or
 * "database"; what is neither the upstream refuses.
 */
export function isReplication({
  parameters
}: {
  parameters: ReadonlyMap<string, string>
}): boolean {
  const value = parameters.get('replication')?.toLowerCase()
  if (value === undefined || value === '') return false
  const isFalse = value === '0' || ['false', 'no', 'off'].some((word) => word.startsWith(value))
  return !isFalse || value === 'o'
}

function parametersOf(packet: Buffer): ReadonlyMap<string, string> {
  if (packet[packet.length - 1] !== 0) {
    throw protocolViolation('invalid startup packet layout: expected terminator as last byte', {
      severity: 'FATAL'
    })
  }
  const fields = packet.toString('utf8', 8, packet.length - 1).split('\0')
  const parameters = new Map<string, string>()
  for (let i = 0; i + 1 < fields.length && fields[i] !== ''; i += 2) {
    parameters.set(fields[i]!, fields[i + 1]!)
  }
  return parameters
}

/** The packet that asks a server to cancel what the backend with this key runs. */
export function encodeCancel(pid: number, secret: Buffer): Buffer {
  const packet = Buffer.alloc(12 + secret.length)
  packet.writeInt32BE(packet.length, 0)
  packet.writeInt32BE(CANCEL_REQUEST, 4)
  packet.writeInt32BE(pid, 8)
  secret.copy(packet, 12)
  return packet
}
