// ENCODE TEXT: the payload's text is the value of the only column, whatever type that has. There is
// nothing else in the row, so what does not fit is no row instead of NULL.

import { PgError, invalidTableDefinition } from '../errors.ts'
import type { RelationSchema } from '../types/value.ts'
import type { PayloadDecoder } from './decoder.ts'
import { textReader } from './text-value.ts'

/** @throws PgError 42P16 unless there is exactly one column, 0A000 for one that text cannot fill */
export function compileTextDecoder({ columns }: RelationSchema): PayloadDecoder {
  const [only, ...others] = columns
  if (!only || others.length > 0) {
    throw invalidTableDefinition('ENCODE TEXT only accepts one column')
  }
  const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const read = textReader(only.type)
  return (payload) => {
    let text: string
    try {
      text = utf8.decode(payload)
    } catch {
      return { ok: false, error: 'payload is not valid UTF-8' }
    }
    try {
      return { ok: true, row: [read(text)] }
    } catch (error) {
      if (!(error instanceof PgError)) throw error
      return {
        ok: false,
        error: `column "${only.name}" does not take its value: ${error.message}`
      }
    }
  }
}
