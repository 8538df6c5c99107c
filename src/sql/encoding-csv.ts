// The options of ENCODE CSV and the words of ROW FORMAT CSV: what is between the fields, and whether
// a header of names comes first. As RisingWave has them, except that the delimiter may be left out.

import { invalidParameterValue } from '../errors.ts'
import { readString } from './encoding-location.ts'
import type { CsvEncoding } from '../types/connector.ts'
import type { TokenCursor } from './cursor.ts'
import type { GivenOption } from './option-list.ts'

const DELIMITER = 'delimiter'
const WITHOUT_HEADER = 'without_header'

/**
 * What is not known is told as RisingWave tells it.
 * @throws PgError 22023
 */
export function readCsv(options: readonly GivenOption[], notices: string[]): CsvEncoding {
  let delimiter = ','
  let hasHeader = true
  for (const option of options) {
    if (option.key === DELIMITER) delimiter = checkDelimiter(option.value, option.valuePosition)
    else if (option.key === WITHOUT_HEADER) hasHeader = !isTrue(option)
    else notices.push(`Get unknown format_encode_options for Plain Csv: ${option.key}`)
  }
  return csv(delimiter, hasHeader)
}

/** Takes [WITHOUT HEADER] DELIMITED BY ','. @throws PgError 42601, 22023 */
export function readRowCsv(cursor: TokenCursor): CsvEncoding {
  const hasHeader = !cursor.accept('without', 'header')
  cursor.expect('delimited', 'by')
  const { value, valuePosition } = readString(cursor)
  return csv(checkDelimiter(value, valuePosition), hasHeader)
}

const csv = (delimiter: string, hasHeader: boolean): CsvEncoding => ({
  format: 'plain',
  encode: 'csv',
  delimiter,
  hasHeader
})

/** As Postgres's COPY has it: one byte, and none that means something else. */
function checkDelimiter(value: string, position: number): string {
  // oxlint-disable-next-line no-control-regex -- a tab is a delimiter like any other
  if (/^[\x01-\x7f]$/.test(value) && !/["\r\n]/.test(value)) return value
  throw invalidParameterValue(`invalid value for option "${DELIMITER}": "${value}"`, {
    position,
    hint: "Expected one character, for example ',', ';' or E'\\t'."
  })
}

function isTrue({ key, value, valuePosition }: GivenOption): boolean {
  const word = value.toLowerCase()
  if (word === 'true' || word === 'false') return word === 'true'
  throw invalidParameterValue(`invalid value for option "${key}": "${value}"`, {
    position: valuePosition,
    hint: 'Expected true or false.'
  })
}
