// The words of a command line → flags and their values, or what is wrong with them. Owns the forms that
// are taken (--flag value, --flag=value, switches); what a value means is config.ts's.

import { parseArgs } from 'node:util'

import { commandForms } from './config-commands.ts'
import type { CommandForm } from './config-commands.ts'
import { nearHint } from './config-near.ts'
import { configOptions } from './config-options.ts'
import type { ConfigOption } from './config-options.ts'

/** How a command is written. */
export const usage = ({ name, operands }: CommandForm): string =>
  ['jetgres', name, ...operands, '[options]'].join(' ')

/** Values by flag, a switch's "on" unless it says otherwise; adds to `faults` what cannot be taken. */
export function readFlags(argv: readonly string[], faults: string[]): Map<string, string> {
  const options = Object.fromEntries(
    configOptions.map((option) => [
      option.flag.slice(2),
      { type: 'isSwitch' in option ? ('boolean' as const) : ('string' as const) }
    ])
  )
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, tokens: true })
  const flags = new Map<string, string>()
  /** The flag right before, when it has no value yet. */
  let open: string | undefined
  for (const token of tokens) {
    if (token.kind === 'option') readFlag(token, flags, faults)
    if (token.kind === 'positional') readWord(token.value, open, flags, faults)
    const isOpen = token.kind === 'option' && token.value === undefined
    open = isOpen ? token.rawName : undefined
  }
  return flags
}

function readFlag(
  { rawName, value }: { readonly rawName: string; readonly value?: string | undefined },
  flags: Map<string, string>,
  faults: string[]
): void {
  const option: ConfigOption | undefined = configOptions.find(({ flag }) => flag === rawName)
  if (option === undefined) faults.push(`unknown option ${rawName}${hintFor(rawName)}`)
  else if (option.isSwitch) flags.set(rawName, value ?? 'on')
  // What is empty may be a script's variable that is not set: no default must take its place.
  else if (!value) faults.push(`${rawName} needs a value: ${option.form}`)
  else flags.set(rawName, value)
}

/** `open` is the flag that a word may be the value of: a switch, or one that is unknown. */
function readWord(
  word: string,
  open: string | undefined,
  flags: Map<string, string>,
  faults: string[]
): void {
  if (open === undefined) faults.push(strayFault(word))
  else if (flags.has(open)) flags.set(open, word)
}

function strayFault(word: string): string {
  const form = commandForms.find(({ name }) => name === word)
  return form ? `the command comes first: ${usage(form)}` : `"${word}" is not an option`
}

const hintFor = (unknown: string): string =>
  nearHint(
    unknown,
    configOptions.map(({ flag }) => flag)
  )
