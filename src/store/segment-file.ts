// Segments that memory has no room for, in a file without a name: gone with the process, however that
// ends. Owns the descriptor; nothing is ever recovered from it.

import { randomUUID } from 'node:crypto'
import { readSync } from 'node:fs'
import { open, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { join } from 'node:path'

export class SegmentFile {
  readonly #folder: string
  #handle: FileHandle | undefined
  #isClosed = false

  /** @param folder where the disk's room is; nothing is made there before the first write */
  constructor(folder: string) {
    this.#folder = folder
  }

  /** @throws what the file system says */
  async write(bytes: Uint8Array, position: number): Promise<void> {
    const handle = (this.#handle ??= await this.#open())
    for (let at = 0; at < bytes.length;) {
      at += (await handle.write(bytes, at, bytes.length - at, position + at)).bytesWritten
    }
  }

  /**
   * Reads what was written, mostly from the system's own memory: 2 µs for a record, where waiting for
   * the event loop would take ten times as long.
   * @returns how many bytes there were, at most `length`
   * @throws what the file system says
   */
  read(into: Uint8Array, length: number, position: number): number {
    return readSync(this.#handle!.fd, into, 0, length, position)
  }

  /** Gives its room on the disk back once a write that is under way is over. */
  close(): void {
    this.#isClosed = true
    // Its descriptor may be another file's before then.
    void this.#handle?.close().catch(() => undefined)
  }

  async #open(): Promise<FileHandle> {
    const path = join(this.#folder, `lookup-rows-${randomUUID()}`)
    const handle = await open(path, 'wx+', 0o600)
    await unlink(path)
    if (!this.#isClosed) return handle
    await handle.close()
    throw new Error('the rows are needed no longer')
  }
}
