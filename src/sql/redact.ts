// What may be shown of a connector's options. Secrets leave as eight asterisks, however long.

import { OPTIONS, canonicalKey } from './option-table.ts'
import type { GivenOption } from './option-list.ts'

const HIDDEN = '********'

type ShownOption = Pick<GivenOption, 'key' | 'value'> & {
  readonly secret?: { readonly schema?: string; readonly name: string }
}

/** The WITH clause for SHOW CREATE, one option a line, secrets hidden. */
export function describeOptions(options: readonly ShownOption[]): string {
  const lines = options.map((option) => `  ${option.key} = ${shown(option)}`)
  return `WITH (\n${lines.join(',\n')}\n)`
}

function shown(option: ShownOption): string {
  if (!option.secret) return quoted(shownValue(option))
  const { schema, name } = option.secret
  const parts = [...(schema === undefined ? [] : [schema]), name]
  return `SECRET ${parts.map((part) => `"${part.replaceAll('"', '""')}"`).join('.')}`
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
