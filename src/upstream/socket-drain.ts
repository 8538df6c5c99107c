// A socket's writing side: back-pressure, in one place for all who write to one, and how many system
// calls a turn takes. Knows no frames.

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

/**
 * Writes what is sent in one turn of the event loop by one system call. Of two, the second fails where
 * the other side has left meanwhile, and its last words, though they came, would never be read.
 */
export function writeTogether(socket: Socket, bytes: Buffer): void {
  if (socket.writableCorked === 0) {
    socket.cork()
    queueMicrotask(() => socket.uncork())
  }
  socket.write(bytes)
}
