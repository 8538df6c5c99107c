// The grammar of CSV (RFC 4180, any delimiter): text to records of fields, quoted or not. Knows no
// columns. Its work is linear in the text; it builds nothing but the fields.

/** A field's characters; `quoted` tells an empty text from no value. */
export interface CsvField {
  readonly text: string
  readonly quoted: boolean
}

export interface CsvRecord {
  readonly fields: readonly CsvField[]
  /** Where the next record begins. */
  readonly end: number
}

/** Text that is not CSV. */
export class CsvSyntaxError extends Error {}

/** Reads the record at `start`, which is before the text's end. @throws CsvSyntaxError */
export function readRecord(text: string, start: number, delimiter: string): CsvRecord {
  const fields: CsvField[] = []
  for (let at = start; ;) {
    const { field, end } = text[at] === '"' ? readQuoted(text, at) : readPlain(text, at, delimiter)
    fields.push(field)
    if (text[end] === delimiter) {
      at = end + 1
      continue
    }
    if (end < text.length && text[end] !== '\n' && text[end] !== '\r') {
      throw new CsvSyntaxError(`unexpected character behind a closing quote at offset ${end}`)
    }
    return { fields, end: end + (text.startsWith('\r\n', end) ? 2 : 1) }
  }
}

interface Read {
  readonly field: CsvField
  readonly end: number
}

function readQuoted(text: string, start: number): Read {
  let value = ''
  for (let at = start + 1; ;) {
    const quote = text.indexOf('"', at)
    if (quote === -1) throw new CsvSyntaxError(`quote at offset ${start} is never closed`)
    value += text.slice(at, quote)
    if (text[quote + 1] !== '"') return { field: { text: value, quoted: true }, end: quote + 1 }
    value += '"'
    at = quote + 2
  }
}

/** A quote inside is a character like any other. */
function readPlain(text: string, start: number, delimiter: string): Read {
  let end = start
  for (; end < text.length; end++) {
    const char = text[end]
    if (char === delimiter || char === '\n' || char === '\r') break
  }
  return { field: { text: text.slice(start, end), quoted: false }, end }
}
