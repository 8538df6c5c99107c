// A port that was free a moment ago, for servers that can't choose one themselves, or that must be
// found on the same one when they start again. It is taken from below the range from which kernels
// give ports to outgoing connections (Linux from 32768, others from 49152): a port from within it
// can be some client's before its server listens there, and while a stopped server's is unused.

import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

const LOWEST = 10_000
const HIGHEST = 32_000

/** Rejects with what listening on `host` ends in, other than that a port is taken. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST)
    if (await isFree(port, host)) return port
  }
}

function isFree(port: number, host: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false)
      else reject(error)
    })
    probe.listen(port, host, () => probe.close(() => resolve(true)))
  })
}
