// Runs programs of test/compat/clients in Debian's Python, one after the other on the same servers.

import type { Test } from 'tap'

import { driven, openCircuit } from './driven.ts'
import { client, lacksPythonModule, PYTHON, without } from './programs.ts'

/** What the program imports, the program, and what it must have printed. */
export type PythonDriver = readonly [module: string, program: string, ...wanted: RegExp[]]

/** Asserts of each that it prints the same on Postgres, on a table through jetgres, on a relation. */
export async function drivePython(t: Test, drivers: readonly PythonDriver[]): Promise<void> {
  const circuit = await openCircuit(t)
  for (const [module, program, ...wanted] of drivers) {
    await t.test(program, without(lacksPythonModule(module)), (t) =>
      circuit.drive(t, driven(PYTHON, client(program)), wanted)
    )
  }
}
