// What one of our statements answers: at most a few rows of text, and a tag.

import { commandComplete, rowDescription, textField, textRow } from '../../wire/backend.ts'
import type { Field } from '../../wire/backend.ts'
import type { OurStatement } from '../../sql/statement.ts'
import { PROCESS_TABLES } from './show-process.ts'
import { STATUS_TABLES } from './show-status.ts'
import type { StatusTable } from './show-status.ts'

export interface Reply {
  /** None: the statement returns no rows. */
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | null)[])[]
  readonly tag: string
}

/** The statement is Postgres's after all; `relay`: why, where it names a relation. */
export type Relayed = 'relay' | { readonly relay: string }

export const isRelayed = (reply: Reply | Relayed): reply is Relayed =>
  reply === 'relay' || 'relay' in reply

export const done = (tag: string): Reply => ({ columns: [], rows: [], tag })

/** The columns each kind of statement returns, known before it runs. */
export function columnsOf(statement: OurStatement): readonly string[] {
  switch (statement.kind) {
    case 'showSources':
    case 'showTables':
    case 'showSecrets':
      return ['Name']
    case 'showCreate':
      return ['Name', 'Create Sql']
    case 'describe':
      return ['Name', 'Type', 'Is Hidden', 'Description']
    case 'explain':
      return ['QUERY PLAN']
    case 'showSetting':
      return tableOf(statement.name)?.columns ?? [statement.name]
    default:
      return []
  }
}

const tableOf = (name: string): StatusTable | undefined =>
  STATUS_TABLES.get(name) ?? PROCESS_TABLES.get(name)

/** RowDescription's fields; `format` as Bind asked (text is the same bytes in both). */
export const fieldsOf = (statement: OurStatement, format: (index: number) => number): Field[] =>
  columnsOf(statement).map((name, i) => ({ ...textField(name), format: format(i) }))

/** Rows and CommandComplete. */
export const encodeRowsOf = (reply: Reply): Buffer =>
  Buffer.concat([...reply.rows.map(textRow), commandComplete(reply.tag)])

/** The whole reply to a simple Query. */
export const encodeReply = (reply: Reply): Buffer =>
  reply.columns.length === 0
    ? encodeRowsOf(reply)
    : Buffer.concat([rowDescription(reply.columns.map(textField)), encodeRowsOf(reply)])
