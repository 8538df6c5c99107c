// A client that speaks the protocol message by message, so that two servers' replies to the same
// messages can be compared. Knows no SQL; prints replies in one readable form.

import { connect } from 'node:net'
import type { Socket } from 'node:net'

import type { Test } from 'tap'

import { eventually } from '../../support/eventually.ts'
import {
  decodeDataRow,
  decodeErrorFields,
  decodeRowDescription
} from '../../../src/wire/backend.ts'
import type { Field } from '../../../src/wire/backend.ts'
import { bodyOf, FrameReader } from '../../../src/wire/frames.ts'
import type { Frame } from '../../../src/wire/frames.ts'
import { frontend } from '../../../src/wire/frontend.ts'
import type { Address } from './stage.ts'

/** Files, lines and functions of the server's source are nobody's business. */
const ERROR_FIELDS = ['S', 'C', 'M', 'D', 'H', 'P']

export class RawClient {
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  #frames: Frame[] = []
  #closed = false
  /** Of BackendKeyData. */
  key: Buffer = Buffer.alloc(0)

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', () => undefined)
    socket.on('close', () => (this.#closed = true))
  }

  get closed(): boolean {
    return this.#closed
  }

  get socket(): Socket {
    return this.#socket
  }

  send(...messages: Buffer[]): void {
    this.#socket.write(Buffer.concat(messages))
  }

  /** One byte at a time, each handed to the kernel alone. */
  async sendSlowly(...messages: Buffer[]): Promise<void> {
    for (const byte of Buffer.concat(messages)) {
      await new Promise((resolve) => this.#socket.write(Buffer.from([byte]), resolve))
    }
  }

  /** Waits for `count` messages of type `letter`; takes and prints all up to the last of them. */
  async until(letter: string, count = 1, deadlineMs = 30_000): Promise<string[]> {
    const isLast = (frame: Frame, i: number): boolean =>
      String.fromCharCode(frame.type) === letter && this.#count(letter, i) === count
    const last = (): number => this.#frames.findIndex(isLast)
    await eventually(() => last() >= 0 || this.#closed, {
      deadlineMs,
      what: `${count} × ${letter} behind ${this.#frames.map(printed).join(' | ')}`
    })
    const end = last()
    return this.#frames.splice(0, end < 0 ? Infinity : end + 1).map(printed)
  }

  #count(letter: string, to: number): number {
    const code = letter.charCodeAt(0)
    return this.#frames.slice(0, to + 1).filter(({ type }) => type === code).length
  }

  #read(chunk: Buffer): void {
    for (const { type, bytes } of this.#reader.push(chunk)) {
      if (type === 0x4b) this.key = Buffer.from(bytes.subarray(5))
      this.#frames.push({ type, bytes: Buffer.from(bytes) })
    }
  }
}

/** Connects and waits for the first ReadyForQuery, unless more is sent at once. */
export async function openRaw(
  t: Pick<Test, 'teardown'>,
  to: Address,
  behindStartup: Buffer = Buffer.alloc(0)
): Promise<RawClient> {
  const socket = connect({ host: to.host, port: to.port, noDelay: true })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  t.teardown(() => socket.destroy())
  const client = new RawClient(socket)
  const startup = frontend.startup({ user: to.user, database: to.database })
  client.send(Buffer.concat([startup, behindStartup]))
  await client.until('Z')
  return client
}

/** A reply as text: its letter and what it says. */
function printed(frame: Frame): string {
  const letter = String.fromCharCode(frame.type)
  const body = bodyOf(frame)
  switch (letter) {
    case 'T':
      return `T ${decodeRowDescription(body).map(printedField).join(' ')}`
    case 'D':
      return `D ${decodeDataRow(body)
        .map((field) => field?.toString('latin1') ?? 'NULL')
        .join('|')}`
    case 'E':
    case 'N':
      return `${letter} ${printedError(decodeErrorFields(body))}`
    case 'A':
      return `A ${body.toString('latin1', 4)}`
    default:
      return `${letter} ${body.toString('latin1')}`
  }
}

/** All but the table's OID: the two servers have different ones. */
const printedField = (field: Field): string =>
  JSON.stringify({ ...field, tableOid: field.tableOid === 0 ? 0 : 1 })

const printedError = (fields: ReadonlyMap<string, string>): string =>
  ERROR_FIELDS.map((key) => fields.get(key) ?? '').join('/')
