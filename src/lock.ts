// One jetgres a data directory. The lock is a listening Unix socket in it, because the kernel lets
// go of that whenever and however its holder dies, numbers of processes are used again, and it is
// seen by containers that share the folder. Who asks is told the holder's process number.

import { randomUUID } from 'node:crypto'
import { mkdir, open, readdir, rm, type FileHandle } from 'node:fs/promises'
import { connect, createServer, type Server } from 'node:net'
import { platform } from 'node:os'
import { join, resolve } from 'node:path'
import { pid } from 'node:process'
import { setTimeout as delay } from 'node:timers/promises'

import { limits } from './limits.ts'

export interface Lock {
  /** Whether the file system let us lock; some that are shared with a virtual machine don't. */
  readonly isHeld: boolean
  release(): Promise<void>
}

const socketName = 'jetgres.lock'

/** What bind says on file systems that have no sockets. */
const unsupported = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EPERM', 'EINVAL'])

/** What mkdir says where there is something else. */
const obstacles: ReadonlyMap<string | undefined, string> = new Map([
  ['EEXIST', 'is not a directory'],
  ['ENOTDIR', 'lies below what is not a directory']
])

/**
 * Makes the data directory, for its owner only, and locks it.
 * @throws Error naming the process that holds it, or what is in its place
 */
export async function lockDataDir(dataDir: string): Promise<Lock> {
  const folder = resolve(dataDir)
  await makeFolder(folder)
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

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const obstacle = obstacles.get((cause as NodeJS.ErrnoException).code)
    if (obstacle === undefined) throw cause
    const message = `the data directory "${folder}" ${obstacle}: name another with --data-dir`
    throw new Error(message, { cause })
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
export function shortPath(folder: string, handle: FileHandle): string {
  return platform() === 'linux' ? `/proc/self/fd/${handle.fd}` : folder
}

/**
 * Every claimant listens under a name of its own before it looks at the others, so of any two at
 * least one sees the other; what each answers tells how far it is. A dead one's socket is removed.
 */
async function take(folder: string, short: string): Promise<Server> {
  const own = `${socketName}.${randomUUID()}`
  const claim: Claim = { isHeld: false }
  const server = await listen(join(short, own), claim)
  try {
    for (const name of await readdir(folder)) {
      if (name.startsWith(socketName) && name !== own) await settle(folder, short, name, own)
    }
    claim.isHeld = true
    return server
  } catch (error) {
    await new Promise((done) => server.close(done))
    throw error
  }
}

/** Returns once the other is out of the way. @throws Error when the lock is, or becomes, its own */
async function settle(folder: string, short: string, name: string, own: string): Promise<void> {
  const path = join(short, name)
  let silent = false
  for (;;) {
    const answer = await ask(path)
    // Twice, because a socket is there a moment before it listens.
    if (answer === undefined && silent) return rm(path, { force: true })
    silent = answer === undefined
    if (answer === undefined) {
      await delay(limits.lockPollMs)
      continue
    }
    const [state, holder = ''] = answer.split(' ')
    // Of two that still claim, the one with the lesser name goes on and sees what becomes of the
    // other: it may have looked around before we were there to be seen.
    if (state !== 'claiming' || name < own) throw heldBy(holder, folder)
    await delay(limits.lockPollMs)
  }
}

function heldBy(holder: string, folder: string): Error {
  const who = holder === '' ? 'a process that does not answer' : `process ${holder}`
  return new Error(
    `the data directory "${folder}" is in use by another jetgres (${who}): stop it, or give this ` +
      'one its own with --data-dir'
  )
}

interface Claim {
  isHeld: boolean
}

function listen(path: string, claim: Claim): Promise<Server> {
  return new Promise((done, fail) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined)
      socket.end(`${claim.isHeld ? 'held' : 'claiming'} ${pid}\n`)
    })
    server.unref()
    server.once('error', fail)
    server.listen(path, () => done(server))
  })
}

/** What is answered there: state and process, '' for silence, undefined when nobody listens. */
function ask(path: string): Promise<string | undefined> {
  return new Promise((done) => {
    let said = ''
    const socket = connect(path)
    socket.setTimeout(limits.lockAnswerMs, () => {
      socket.destroy()
      done('')
    })
    socket.on('data', (chunk) => (said = (said + String(chunk)).slice(0, 40)))
    socket.on('error', () => done(undefined))
    socket.on('end', () => done(said.trim()))
  })
}
