// What goes wrong inside the store, for the store's callers. Owns the error and how DuckDB's errors
// become it; must never choose an SQLSTATE: a caller that meets a StoreError relays the statement,
// or fails the batch.

export interface StoreErrorFacts extends ErrorOptions {
  /** What to do about it, where that is known. */
  readonly remedy?: string
}

/** A failure of the store: the step that failed and DuckDB's message; `cause` is its error. */
export class StoreError extends Error {
  /** The message without what to do. */
  readonly reason: string
  readonly remedy: string | undefined

  constructor(reason: string, { remedy, ...options }: StoreErrorFacts = {}) {
    super(remedy === undefined ? reason : `${reason}: ${remedy}`, options)
    this.name = 'StoreError'
    this.reason = reason
    this.remedy = remedy
  }
}

/** Runs one step; whatever it throws comes out as a StoreError that names the step. */
export async function step<T>(name: string, work: () => Promise<T> | T): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw asStoreError(name, cause)
  }
}

/** DuckDB's words for a file whose checksums, length or log are not what they were. */
const DAMAGE =
  /corrupt|not a valid duckdb|not enough bytes|not read enough bytes|failure while replaying wal/i

const REMEDY =
  '"jetgres rebuild", with jetgres stopped, reads anew from the streams what cannot be read'

/** `cause` itself when it is a StoreError already, else a StoreError that names the step. */
export function asStoreError(name: string, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause
  const message = cause instanceof Error ? cause.message : String(cause)
  if (!DAMAGE.test(message)) return new StoreError(`${name}: ${message}`, { cause })
  return new StoreError(`${name}: ${message}; the file is damaged`, { cause, remedy: REMEDY })
}
