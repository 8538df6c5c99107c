// SELECTs that were inspected before, by whichever session: clients that connect anew say the same again,
// and a Parse is looked at twice. Owns how many are remembered; what one is, inspect.ts says.

import { limits } from '../limits.ts'
import type { NameScan } from '../sql/classify.ts'
import { inspect } from './inspect.ts'
import type { Inspection } from './inspect.ts'

interface Known {
  /** The relations' names when it was inspected. */
  readonly names: NameScan
  readonly inspection: Inspection
}

/** By text, the oldest first. */
const known = new Map<string, Known>()

/** As inspect(). @throws PgError when a statement is plainly meant for us and is wrong */
export function inspectKnown(text: string, names: NameScan): Inspection {
  const found = known.get(text)
  if (found?.names === names) return found.inspection
  const inspection = inspect(text, names)
  if (inspection.kind === 'select' && text.length <= limits.keptPlanCharsMax) {
    known.delete(text)
    known.set(text, { names, inspection })
    if (known.size > limits.knownSelects) known.delete(known.keys().next().value!)
  }
  return inspection
}
