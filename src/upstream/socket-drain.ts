// Back-pressure of a socket's writing side, in one place for all who write to one.

import type { Socket } from 'node:net'

/**
 * The peer should be waited for. A write above the stream's mark that the kernel took at once also
 * "needs drain" until the next tick: to pause for that would cost a relay four system calls a chunk.
 */
export const isStuck = (socket: Socket): boolean =>
  socket.writableNeedDrain && socket.writableLength > 0

/** Resolves when the socket takes more bytes, or never will. */
export async function socketDrained(socket: Socket): Promise<void> {
  if (!isStuck(socket) || socket.destroyed) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
  })
}
