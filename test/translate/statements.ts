// Statements by hand for the differential test. A statement whose last ORDER BY key is `id` is
// compared in order, any other as a bag of rows.

import { ANALYSING } from './statements-analysing.ts'
import { COMPUTING } from './statements-computing.ts'
import { READING } from './statements-reading.ts'
import { SHAPING } from './statements-shaping.ts'

export type Asked = string | readonly [sql: string, ...params: (string | null)[]]

export const STATEMENTS: readonly Asked[] = [
  ...READING,
  ...COMPUTING,
  ...SHAPING,
  ...ANALYSING
]
