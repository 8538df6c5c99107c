// How a command reaches the jetgres that runs on a data directory: a Unix socket in it, so that whoever
// may enter the folder may command, and nobody else; HTTP can be off, and has other users. One line of
// JSON each way. Owns the socket; knows no command.

import { open, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import type { Socket } from 'node:net'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

import { limits } from './limits.ts'
import { shortPath } from './lock.ts'
import type { Logger } from './log.ts'

/** @returns what the command's user is told. @throws Error, who is told its message */
export type ControlHandler = (command: ControlCommand) => Promise<string>

export interface ControlCommand {
  readonly name: string
  readonly operands: readonly string[]
}

interface Answer {
  readonly said?: string
  readonly error?: string
}

const SOCKET = 'jetgres.control'

/** To be called by the holder of the data directory's lock only. @returns how to close it */
export async function listenForCommands(
  dataDir: string,
  handle: ControlHandler,
  log: Logger
): Promise<() => Promise<void>> {
  const folder = resolve(dataDir)
  const handleOfFolder = await open(folder, 'r')
  const path = join(shortPath(folder, handleOfFolder), SOCKET)
  await rm(path, { force: true })
  const server = createServer((socket) => serve(socket, handle))
  server.maxConnections = limits.controlConnectionsMax
  server.unref()
  await new Promise<void>((done) => {
    server.once('listening', done)
    // Some file systems have no sockets: everything else works.
    server.once('error', (err) => {
      log.warn({ err }, 'commands cannot reach this jetgres')
      done()
    })
    server.listen(path)
  })
  return async () => {
    await new Promise((done) => server.close(done))
    await handleOfFolder.close()
  }
}

function serve(socket: Socket, handle: ControlHandler): void {
  let text = ''
  socket.on('error', () => undefined)
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    if (text.length > limits.controlRequestBytesMax) return socket.destroy()
    if (!text.endsWith('\n')) return
    socket.pause()
    void answerTo(text, handle).then((answer) => socket.end(`${JSON.stringify(answer)}\n`))
  })
}

async function answerTo(text: string, handle: ControlHandler): Promise<Answer> {
  try {
    return { said: await handle(JSON.parse(text) as ControlCommand) }
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) }
  }
}

/** @throws Error when no jetgres runs there, or with what it says */
export async function command(dataDir: string, what: ControlCommand): Promise<string> {
  const folder = resolve(dataDir)
  const nobody = (cause: unknown): never => {
    throw new Error(`no jetgres runs on the data directory "${folder}"`, { cause })
  }
  const handle = await open(folder, 'r').catch(nobody)
  try {
    const socket = connect(join(shortPath(folder, handle), SOCKET))
    await new Promise((done, fail) => socket.once('connect', done).once('error', fail)).catch(
      nobody
    )
    socket.write(`${JSON.stringify(what)}\n`)
    return await said(socket)
  } finally {
    await handle.close()
  }
}

async function said(socket: Socket): Promise<string> {
  for await (const line of createInterface({ input: socket })) {
    const answer = JSON.parse(line) as Answer
    if (answer.error !== undefined) throw new Error(answer.error)
    return answer.said ?? ''
  }
  throw new Error('jetgres ended before it had answered')
}
