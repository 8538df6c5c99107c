// What postgres_fdw says over the back channel (its connection.c and deparse.c are the
// specification): a closed list of commands, each in one fixed spelling. Pure.

export type Command =
  | { readonly kind: 'begin' | 'commit' | 'abort' | 'set' }
  | { readonly kind: 'deallocate'; readonly name: string | undefined }
  /** Their names are s<depth>. */
  | { readonly kind: 'savepoint' | 'releaseSavepoint' | 'rollBackTo'; readonly depth: number }
  | { readonly kind: 'declare'; readonly cursor: string; readonly select: string }
  | { readonly kind: 'fetch'; readonly cursor: string; readonly count: number }
  /** What the triggers of bridge-writes.ts say of one row. */
  | { readonly kind: 'change' }
  /** postgres_fdw's own word of that row, whose parameters say nothing new. */
  | {
      readonly kind: 'changed'
      readonly tag: 'UPDATE' | 'DELETE'
      /** Columns that it wants to have back. */
      readonly returning: readonly string[]
    }
  | { readonly kind: 'rewind'; readonly cursor: string }
  | { readonly kind: 'close'; readonly cursor: string | undefined }
  /** ANALYZE asks how large a table is, and what sampling would do. */
  | { readonly kind: 'relationSize' | 'relationFacts'; readonly table: string }

type Read = (match: RegExpExecArray) => Command

const savepoint =
  (kind: 'savepoint' | 'releaseSavepoint' | 'rollBackTo'): Read =>
  ([, depth]) => ({ kind, depth: Number(depth) })

const CHANGE =
  /^INSERT INTO "?jetgres_live"?\."?changes"?\("?relation"?, "?before"?, "?after"?\) VALUES \(\$1, \$2, \$3\)$/

const COMMANDS: readonly (readonly [RegExp, Read])[] = [
  [/^START TRANSACTION [A-Z ]+$/, () => ({ kind: 'begin' })],
  [/^COMMIT TRANSACTION$/, () => ({ kind: 'commit' })],
  [/^ABORT TRANSACTION$/, () => ({ kind: 'abort' })],
  [/^SET \w+ = [^;]+$/, () => ({ kind: 'set' })],
  [/^SAVEPOINT s(\d+)$/, savepoint('savepoint')],
  [/^RELEASE SAVEPOINT s(\d+)$/, savepoint('releaseSavepoint')],
  [/^ROLLBACK TO SAVEPOINT s(\d+)$/, savepoint('rollBackTo')],
  [/^DEALLOCATE (?:ALL|(pgsql\w*_prep_\d+))$/, ([, name]) => ({ kind: 'deallocate', name })],
  [CHANGE, () => ({ kind: 'change' })],
  [
    /^(UPDATE|DELETE)\b[\s\S]* WHERE ctid = \$1(?: RETURNING ([\w", ]+))?$/,
    ([, tag, returning = '']) => ({
      kind: 'changed',
      tag: tag as 'UPDATE' | 'DELETE',
      returning: returning.match(/\w+/g) ?? []
    })
  ],
  [
    /^DECLARE (\w+) CURSOR FOR\s+(SELECT[\s\S]*)$/,
    ([, cursor, select]) => ({ kind: 'declare', cursor: cursor!, select: select! })
  ],
  [
    /^FETCH (\d+) FROM (\w+)$/,
    ([, count, cursor]) => ({ kind: 'fetch', cursor: cursor!, count: Number(count) })
  ],
  [/^MOVE BACKWARD ALL IN (\w+)$/, ([, cursor]) => ({ kind: 'rewind', cursor: cursor! })],
  [/^CLOSE ALL$/, () => ({ kind: 'close', cursor: undefined })],
  [/^CLOSE (\w+)$/, ([, cursor]) => ({ kind: 'close', cursor: cursor! })],
  [
    /^SELECT pg_catalog\.pg_relation_size\('jetgres_live\.(\w+)'/,
    ([, table]) => ({ kind: 'relationSize', table: table! })
  ],
  [
    /^SELECT reltuples, relkind FROM pg_catalog\.pg_class WHERE oid = 'jetgres_live\.(\w+)'/,
    ([, table]) => ({ kind: 'relationFacts', table: table! })
  ]
]

/**
 * The commands of a text: savepoints come two at a time ("ROLLBACK TO SAVEPOINT s2; RELEASE …").
 * Undefined when it says anything else.
 */
export function readCommands(text: string): Command[] | undefined {
  const whole = readCommand(text)
  // A SELECT may hold semicolons in its literals: only what isn't one command is split.
  if (whole) return [whole]
  const commands = text.split(';').flatMap((part) => {
    const trimmed = part.trim()
    return trimmed === '' ? [] : [readCommand(trimmed)]
  })
  return commands.every((command) => command !== undefined) ? commands : undefined
}

function readCommand(text: string): Command | undefined {
  const trimmed = text.trim().replace(/;$/, '')
  for (const [pattern, read] of COMMANDS) {
    const match = pattern.exec(trimmed)
    if (match) return read(match)
  }
  return undefined
}
