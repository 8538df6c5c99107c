// What --help prints and README's table of options: both made from the tables that are read by.

import { commandForms } from './config-commands.ts'
import { configOptions } from './config-options.ts'

/** What --help prints. */
export function helpText(): string {
  const commands = commandForms.map(({ name, operands, meaning }) => {
    return `  ${[name, ...operands].join(' ')}\n      ${meaning}`
  })
  const options = configOptions.map(
    (option) =>
      `  ${option.flag} ${option.form}\n` +
      `      ${option.meaning}\n` +
      `      (${option.variable}; default: ${option.default})`
  )
  return [
    'Usage: jetgres [command] [options]',
    '',
    'A PostgreSQL proxy with live tables fed by NATS JetStream.',
    '',
    'Commands:',
    ...commands,
    '',
    'Options (each also as a variable; a flag wins):',
    ...options,
    '  --help, --version',
    ''
  ].join('\n')
}

/** README's table of options. */
export function configMarkdown(): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|')
  const rows = configOptions.map(
    (o) =>
      `| \`${o.flag}\` | \`${o.variable}\` | ${cell(o.form)} | ${cell(o.default)} | ${cell(o.meaning)} |`
  )
  return ['| flag | variable | value | default | meaning |', '|---|---|---|---|---|', ...rows].join(
    '\n'
  )
}
