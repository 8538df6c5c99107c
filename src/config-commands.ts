// Every command jetgres has: one table, from which --help and the reading of a command line are made.
// Data only; what a command does is its own file in commands/.

export interface CommandForm {
  readonly name: string
  /** The words it takes behind its name, as --help shows them; one in brackets may be left out. */
  readonly operands: readonly string[]
  readonly meaning: string
}

export const commandForms = [
  {
    name: 'serve',
    operands: [],
    meaning: 'answers clients until it is told to stop (the default)'
  },
  {
    name: 'check',
    operands: [],
    meaning:
      'looks at all that serve would need, says what is wrong and what to do; changes nothing'
  },
  {
    name: 'backup',
    operands: ['DIR'],
    meaning: 'copies all that a running jetgres keeps, as it is now, to a new data directory'
  },
  {
    name: 'rebuild',
    operands: ['[RELATION]'],
    meaning:
      'reads what is damaged in the store, or one relation, anew from the streams; the file is kept'
  },
  { name: 'version', operands: [], meaning: 'prints the version' }
] as const satisfies readonly CommandForm[]

export type CommandName = (typeof commandForms)[number]['name']
