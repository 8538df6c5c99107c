// One connection of postgres_fdw's: authentication, then commands by the simple or the extended
// protocol (a DECLARE with parameters comes extended). Serves what commands.ts knows, nothing else.

import { createHash, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'

import {
  featureNotSupported,
  inFailedTransaction,
  invalidPassword,
  programLimitExceeded,
  protocolViolation,
  toPgError
} from '../errors.ts'
import { limits } from '../limits.ts'
import type { Logger } from '../log.ts'
import { socketDrained } from '../upstream/socket-drain.ts'
import * as backend from '../wire/backend.ts'
import { bodyOf, code, FrameReader } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'
import { decodeBind, decodeParse, decodeQuery } from '../wire/frontend.ts'
import type { BindMessage, ParseMessage } from '../wire/frontend.ts'
import { RowWriter } from '../wire/row-writer.ts'
import { readCommands } from './commands.ts'
import type { Command } from './commands.ts'
import type { Reads } from './reads.ts'
import { CTID, relationIdOf, scanRequest } from './request.ts'

/** What libpq is told; postgres_fdw asks nothing of a newer server. */
const SERVER_VERSION = '14.0'

export interface Peer {
  readonly socket: Socket
  readonly secret: string
  /** Key of this connection, for CancelRequest. */
  readonly key: { readonly pid: number; readonly secret: Buffer }
  readonly log: Logger
}

export class BackConversation {
  readonly #peer: Peer
  readonly #reads: Reads
  /** I or T, or E: everything but the end of the transaction is refused. */
  #status = 'I'
  /** What was parsed, by name. */
  readonly #statements = new Map<string, string>()
  /** The statement that was bound last, and the values bound to it. */
  #text = ''
  #values: (string | null)[] = []
  /** After an error in the extended protocol: everything up to Sync is skipped. */
  #skipping = false

  constructor(peer: Peer, reads: Reads) {
    this.#peer = peer
    this.#reads = reads
  }

  interrupt(): void {
    this.#reads.interrupt()
  }

  /** Serves until the peer goes. `rest`: bytes that came behind the startup packet. */
  async run(rest: Buffer): Promise<void> {
    const { socket } = this.#peer
    const reader = new FrameReader()
    socket.write(backend.CLEARTEXT_PASSWORD)
    let isIn = false
    try {
      for (const frame of reader.push(rest)) isIn = await this.#frame(frame, isIn)
      for await (const chunk of socket) {
        for (const frame of reader.push(chunk as Buffer)) isIn = await this.#frame(frame, isIn)
        if (!isIn && reader.pendingBytes > limits.unauthenticatedBytesMax) {
          throw protocolViolation('the password is too long', { severity: 'FATAL' })
        }
      }
    } catch (error) {
      if (!socket.destroyed) socket.end(backend.errorResponse(toPgError(error)))
    } finally {
      await this.#reads.end()
      socket.destroySoon()
    }
  }

  async #frame(frame: Frame, isIn: boolean): Promise<boolean> {
    if (isIn) await this.#serve(frame)
    else this.#authenticate(frame)
    return true
  }

  /** @throws PgError 28P01 */
  #authenticate(frame: Frame): void {
    const { socket, secret, key } = this.#peer
    const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
    const given = frame.type === code('p') ? decodeQuery(bodyOf(frame)) : ''
    if (!timingSafeEqual(digest(given), digest(secret))) {
      throw invalidPassword('password authentication failed for the back channel of jetgres', {
        severity: 'FATAL'
      })
    }
    const status = [
      ['server_version', SERVER_VERSION],
      ['client_encoding', 'UTF8'],
      ['server_encoding', 'UTF8'],
      ['standard_conforming_strings', 'on'],
      ['integer_datetimes', 'on'],
      ['DateStyle', 'ISO, MDY'],
      ['TimeZone', 'GMT']
    ].map(([name, value]) => backend.parameterStatus(name!, value!))
    const keyData = backend.backendKeyData(key.pid, key.secret)
    const ready = backend.readyForQuery('I')
    socket.write(Buffer.concat([backend.AUTHENTICATION_OK, ...status, keyData, ready]))
  }

  async #serve(frame: Frame): Promise<void> {
    const letter = String.fromCharCode(frame.type)
    if (letter === 'X') return void this.#peer.socket.end()
    if (letter === 'S') {
      this.#skipping = false
      return this.#ready()
    }
    if (this.#skipping) return
    try {
      await this.#message(letter, bodyOf(frame))
    } catch (error) {
      this.#fail(error)
      this.#skipping = letter !== 'Q'
    }
    if (letter === 'Q') this.#ready()
  }

  async #message(letter: string, body: Buffer): Promise<void> {
    switch (letter) {
      case 'Q':
        this.#values = []
        return this.#execute(decodeQuery(body))
      case 'P':
        return this.#parse(decodeParse(body))
      case 'B':
        return this.#bind(decodeBind(body))
      case 'D':
        return this.#describe()
      case 'E':
        return this.#execute(this.#text)
      case 'C':
        return this.#write(backend.CLOSE_COMPLETE)
      case 'H':
        return
      default:
        throw protocolViolation(`unexpected message "${letter}" on the back channel`)
    }
  }

  #parse({ name, text }: ParseMessage): void {
    if (this.#statements.size >= limits.backStatementsMax) {
      throw programLimitExceeded('too many prepared statements on the back channel of jetgres')
    }
    this.#statements.set(name, text)
    this.#write(backend.PARSE_COMPLETE)
  }

  #bind({ statement, parameters }: BindMessage): void {
    this.#text = this.#statements.get(statement) ?? ''
    this.#values = parameters.map((bytes) => bytes?.toString() ?? null)
    this.#write(backend.BIND_COMPLETE)
  }

  /** Only what is written may return a row. */
  #describe(): void {
    const [command] = readCommands(this.#text) ?? []
    const returning = command?.kind === 'changed' ? command.returning : []
    this.#write(
      returning.length === 0
        ? backend.NO_DATA
        : backend.rowDescription(returning.map(backend.textField))
    )
  }

  async #execute(text: string): Promise<void> {
    const commands = readCommands(text)
    if (!commands) {
      throw featureNotSupported('the back channel of jetgres serves live children only', {
        detail: text.slice(0, 200)
      })
    }
    for (const command of commands) await this.#run(command)
  }

  async #run(command: Command): Promise<void> {
    switch (command.kind) {
      case 'begin':
        this.#status = 'T'
        return this.#done('START TRANSACTION')
      case 'commit':
        await this.#commit()
        return this.#done('COMMIT')
      case 'abort':
        await this.#reads.end()
        this.#status = 'I'
        return this.#done('ROLLBACK')
      case 'set':
        return this.#done('SET')
      case 'savepoint':
        this.#reads.savepoint(command.depth)
        return this.#done('SAVEPOINT')
      case 'rollBackTo':
        await this.#reads.rollBackTo(command.depth)
        this.#status = 'T'
        return this.#done('ROLLBACK')
      case 'releaseSavepoint':
        return this.#done('RELEASE')
      case 'deallocate':
        if (command.name === undefined) this.#statements.clear()
        else this.#statements.delete(command.name)
        return this.#done('DEALLOCATE')
      case 'change':
        this.#reads.writes.add(this.#values)
        return this.#done('INSERT 0 1')
      case 'changed':
        if (command.returning.length > 0) this.#writeChanged(command.returning)
        return this.#done(`${command.tag} 1`)
      case 'declare': {
        const request = scanRequest(command.select, this.#values)
        await this.#reads.declare(command.cursor, request)
        return this.#done('DECLARE CURSOR')
      }
      case 'fetch':
        return this.#fetch(command.cursor, command.count)
      case 'rewind':
        await this.#reads.scan(command.cursor).rewind()
        return this.#done('MOVE 0')
      case 'close':
        await this.#reads.close(command.cursor)
        return this.#done('CLOSE CURSOR')
      default:
        return this.#sizes(command.kind, command.table)
    }
  }

  /** What was written is so from here on: postgres_fdw says it before its own commit. */
  async #commit(): Promise<void> {
    try {
      if (this.#status === 'E') throw inFailedTransaction()
      await this.#reads.writes.commit()
    } finally {
      await this.#reads.end()
      this.#status = 'I'
    }
  }

  #writeChanged(returning: readonly string[]): void {
    const fields = this.#reads.writes.last(returning)
    const writer = new RowWriter()
    writer.startRow(fields.length)
    fields.forEach((text, i) => {
      if (returning[i] === 'ctid') writer.writeText(CTID)
      else if (text === null) writer.writeNull()
      else writer.writeText(text)
    })
    writer.endRow()
    this.#write(writer.take())
  }

  async #fetch(cursor: string, count: number): Promise<void> {
    const scan = this.#reads.scan(cursor)
    this.#write(backend.rowDescription(scan.columns.map(backend.textField)))
    const writer = new RowWriter()
    let rows = 0
    while (rows < count) {
      const fetched = await scan.fetch(writer, Math.min(count - rows, ROWS_AT_ONCE))
      if (fetched === 0) break
      rows += fetched
      this.#write(writer.take())
      await socketDrained(this.#peer.socket)
    }
    this.#done(`FETCH ${rows}`)
  }

  /** ANALYZE of a live child: the size in pages, or rows and kind ('f': do not sample remotely). */
  async #sizes(kind: 'relationSize' | 'relationFacts', table: string): Promise<void> {
    const rows = await this.#reads.count(relationIdOf(table))
    const pages = Math.ceil((rows * ROW_BYTES) / 8192)
    const row = kind === 'relationSize' ? [String(pages)] : [String(rows), 'f']
    this.#write(backend.rowDescription(row.map((_, i) => backend.textField(`c${i}`))))
    this.#write(backend.textRow(row))
    this.#done('SELECT 1')
  }

  #fail(error: unknown): void {
    const pgError = toPgError(error)
    if (pgError.code === 'XX000') this.#peer.log.warn({ err: error }, 'back channel read failed')
    if (this.#status === 'T') this.#status = 'E'
    this.#write(backend.errorResponse(pgError))
  }

  #done(tag: string): void {
    this.#write(backend.commandComplete(tag))
  }

  #ready(): void {
    this.#write(backend.readyForQuery(this.#status))
  }

  #write(bytes: Buffer): void {
    this.#peer.socket.write(bytes)
  }
}

const ROWS_AT_ONCE = 2_048

/** A guess that serves: ANALYZE only wants an order of magnitude. */
const ROW_BYTES = 60
