// A JSON payload to a row. It is walked once; nothing is built for fields that no column wants, and
// numbers stay as they are spelled until their column's type reads them, so none loses a digit.
// Must never throw: whatever a payload holds, the answer is a row or the reason for none.

import { PgError } from '../errors.ts'
import type { Decoded, JsonEncoding } from '../types/connector.ts'
import { JsonSyntaxError } from '../types/json-scan.ts'
import type { Column, RelationSchema, Value } from '../types/value.ts'
import { coercerFor } from './coerce.ts'
import type { Coercer } from './coerce.ts'
import type { PayloadDecoder } from './decoder.ts'
import { JsonFields } from './json-fields.ts'
import { plainReader } from './plain-value.ts'
import type { ReadPlain } from './plain-value.ts'
import { requirementOf } from './required.ts'

interface Target {
  readonly name: string
  /** Reads most values of most types; undefined where the coercer reads them all. */
  readonly read: ReadPlain | undefined
  readonly coercer: Coercer
  /** Set for key and not-null columns: without a value for them there is no row. */
  readonly required: string | undefined
}

/**
 * Fields are found by exact name first, then by name without regard to ASCII case. A field that is
 * missing or does not fit gives NULL; for a key or not-null column it gives no row.
 * @throws PgError 0A000 for a column type that JSON cannot fill
 */
export function compileJsonDecoder(schema: RelationSchema, encoding: JsonEncoding): PayloadDecoder {
  const decoder = new JsonDecoder(schema, encoding)
  return (payload) => decoder.decode(payload)
}

class JsonDecoder {
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  readonly #targets: readonly Target[]
  readonly #fields: JsonFields

  constructor(schema: RelationSchema, encoding: JsonEncoding) {
    this.#targets = schema.columns.map((column) => target(column, schema, encoding))
    this.#fields = new JsonFields(schema.columns)
  }

  decode(payload: Uint8Array): Decoded {
    try {
      if (this.#fields.lookIntoBytes(payload)) return this.#row(payload)
      return this.#decodeText(payload)
    } catch (error) {
      return failed(error instanceof JsonSyntaxError ? error.message : `payload: ${said(error)}`)
    }
  }

  #decodeText(payload: Uint8Array): Decoded {
    if (payload.length === 0) return failed('payload is empty')
    let text: string
    try {
      text = this.#utf8.decode(payload)
    } catch {
      return failed('payload is not valid UTF-8')
    }
    const problem = this.#fields.lookIntoText(text)
    return problem === undefined ? this.#row() : failed(problem)
  }

  /** @param bytes given where the fields' places are places in them. */
  #row(bytes?: Uint8Array): Decoded {
    const row: Value[] = []
    for (let i = 0; i < this.#targets.length; i++) {
      const wanted = this.#targets[i] as Target
      const value = (bytes && this.#plainField(bytes, i, wanted)) ?? this.#field(i, wanted)
      if (value instanceof Problem) {
        if (wanted.required !== undefined) return failed(`${wanted.required} ${value.reason}`)
        row.push(null)
      } else row.push(value)
    }
    return { ok: true, row }
  }

  #plainField(bytes: Uint8Array, index: number, { read }: Target): Value | undefined {
    const start = this.#fields.start(index)
    return start === -1 || !read ? undefined : read(bytes, start, this.#fields.end(index))
  }

  #field(index: number, { coercer }: Target): Value | Problem {
    if (this.#fields.start(index) === -1) return MISSING
    const kind = this.#fields.kind(index)
    if (kind === 'null') return NULL
    try {
      const value = coercer.coerce(kind, this.#fields.text(index, kind, coercer.verbatim))
      return value === undefined ? new Problem(`does not take this JSON ${kind}`) : value
    } catch (error) {
      if (error instanceof PgError) return new Problem(`does not take its value: ${error.message}`)
      throw error
    }
  }
}

class Problem {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

const MISSING = new Problem('is missing')
const NULL = new Problem('is null')

const failed = (error: string): Decoded => ({ ok: false, error })

const said = (error: unknown): string => (error instanceof Error ? error.message : String(error))

function target(column: Column, schema: RelationSchema, encoding: JsonEncoding): Target {
  const { name } = column
  const coercer = coercerFor(column.type, encoding.timestamptzHandling)
  const required = requirementOf(column, schema)
  return { name, read: plainReader(column.type), coercer, required }
}
