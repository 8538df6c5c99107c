// Back-pressure of a socket's writing side, in one place for all who write to one.

import type { Socket } from 'node:net'

/** Resolves when the socket takes more bytes, or never will. */
export async function socketDrained(socket: Socket): Promise<void> {
  if (!socket.writableNeedDrain || socket.destroyed) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
  })
}
