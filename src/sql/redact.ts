// What may be shown of a connector's options. Secrets leave as eight asterisks, however long.

import { OPTIONS, canonicalKey } from './option-table.ts'
import type { GivenOption } from './option-list.ts'

const HIDDEN = '********'

/** The WITH clause for SHOW CREATE, one option a line, secrets hidden. */
export function describeOptions(options: readonly Pick<GivenOption, 'key' | 'value'>[]): string {
  const lines = options.map((option) => `  ${option.key} = ${quoted(shownValue(option))}`)
  return `WITH (\n${lines.join(',\n')}\n)`
}

function shownValue({ key, value }: Pick<GivenOption, 'key' | 'value'>): string {
  const canonical = canonicalKey(key)
  if (canonical === 'server_url') return value.replace(/([^/,\s]*)@/g, hiddenUser)
  return canonical !== undefined && OPTIONS[canonical]!.isSecret ? HIDDEN : value
}

/** nats://user:password@host and nats://token@host. */
const hiddenUser = (_: string, user: string): string => {
  const colon = user.indexOf(':')
  return `${colon === -1 ? HIDDEN : `${user.slice(0, colon)}:${HIDDEN}`}@`
}

const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`
