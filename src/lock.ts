// One jetgres a data directory. The lock is a listening Unix socket in it, because the kernel lets
// go of that whenever and however its holder dies, numbers of processes are used again, and it is
// seen by containers that share the folder. Who asks is told the holder's process number.

import { randomUUID } from 'node:crypto'
import { link, mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { platform } from 'node:os'
import { join, resolve } from 'node:path'
import { pid } from 'node:process'

import { limits } from './limits.ts'

export interface Lock {
  /** Whether the file system let us lock; some that are shared with a virtual machine don't. */
  readonly isHeld: boolean
  release(): Promise<void>
}

const socketName = 'jetgres.lock'

/** What bind says on file systems that have no sockets. */
const unsupported = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EINVAL'])

/**
 * Makes the data directory, for its owner only, and locks it.
 * @throws Error naming the process that holds it
 */
export async function lockDataDir(dataDir: string): Promise<Lock> {
  const folder = resolve(dataDir)
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const handle = await open(folder, 'r')
  try {
    return lockOf(await take(folder, shortPath(folder, handle)), handle)
  } catch (error) {
    await handle.close()
    if (error instanceof Error && unsupported.has((error as NodeJS.ErrnoException).code ?? '')) {
      return { isHeld: false, release: () => Promise.resolve() }
    }
    throw error
  }
}

function lockOf(server: Server, handle: FileHandle): Lock {
  return {
    isHeld: true,
    release: async () => {
      // Closing removes the socket, by the path that needs the handle.
      await new Promise((done) => server.close(done))
      await handle.close().catch(() => undefined)
    }
  }
}

/** Socket paths hold about 100 bytes, folders may be deeper: Linux has a short name for each. */
function shortPath(folder: string, handle: FileHandle): string {
  return platform() === 'linux' ? `/proc/self/fd/${handle.fd}` : folder
}

async function take(folder: string, short: string): Promise<Server> {
  const path = join(short, socketName)
  try {
    return await listen(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
  }
  await removeStale(folder, short)
  return listen(path)
}

/**
 * Moves a dead holder's socket away. Another jetgres may do the same at this moment and already
 * hold the lock we move: then it answers under its new name, gets its name back, and we give way.
 */
async function removeStale(folder: string, short: string): Promise<void> {
  const path = join(short, socketName)
  const before = await ask(path)
  if (before !== undefined) throw heldBy(before, folder)
  const aside = join(short, `${socketName}.${randomUUID()}`)
  await rename(path, aside).catch(ignoreMissing)
  const after = await ask(aside)
  if (after !== undefined) await link(aside, path).catch(() => undefined)
  await rm(aside, { force: true })
  if (after !== undefined) throw heldBy(after, folder)
}

function heldBy(holder: string, folder: string): Error {
  const who = holder === '' ? 'a process that does not answer' : `process ${holder}`
  return new Error(
    `the data directory "${folder}" is in use by another jetgres (${who}): stop it, or give this ` +
      'one its own with --data-dir'
  )
}

function listen(path: string): Promise<Server> {
  return new Promise((done, fail) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.end(`${pid}\n`)
    })
    server.unref()
    server.once('error', fail)
    server.listen(path, () => done(server))
  })
}

/** Who listens there: a process number, '' if it does not say, undefined when nobody does. */
function ask(path: string): Promise<string | undefined> {
  return new Promise((done) => {
    let said = ''
    const socket = connect(path)
    socket.setTimeout(limits.lockAnswerMs, () => {
      socket.destroy()
      done('')
    })
    socket.on('data', (chunk) => (said = (said + String(chunk)).slice(0, 20)))
    socket.on('error', () => done(undefined))
    socket.on('end', () => done(said.trim()))
  })
}

function ignoreMissing(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT') throw error
}
