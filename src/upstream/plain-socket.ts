// Connects without TLS, and reads into one buffer that all such sockets share: Node would otherwise
// allocate 64 KiB for each read, which took a seventh of what a relayed statement costs. Its reader
// sees "data" as on any other socket, and owns what it is given.

import { connect } from 'node:net'
import type { Socket, TcpNetConnectOpts, IpcNetConnectOpts } from 'node:net'

const READ_BYTES = 64 * 1024

/** Used from a read until its callback returns, hence never by two sockets at a time. */
const shared = Buffer.allocUnsafeSlow(READ_BYTES)

/** Reads nothing before its reader calls `resume`: what comes before a listener would be lost. */
export function connectPlain(to: TcpNetConnectOpts | IpcNetConnectOpts): Socket {
  const socket = connect({
    ...to,
    onread: {
      buffer: shared,
      callback: (bytes) => {
        socket.emit('data', Buffer.from(shared.subarray(0, bytes)))
        return true
      }
    }
  })
  // Connected, it would begin to read by itself.
  return socket.pause()
}
