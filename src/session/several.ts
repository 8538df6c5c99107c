// A simple Query of several statements with one of ours among them. They run as one batch, that is
// in one implicit transaction, as Postgres runs such a text; the client sees a simple Query's replies.

import { withPosition } from '../errors.ts'
import { readyForQuery } from '../wire/backend.ts'
import { code } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'
import { frontend } from '../wire/frontend.ts'
import type { Ask } from '../upstream/exchange.ts'
import type { Conversation } from './conversation.ts'
import { inspect } from './inspect.ts'
import type { Inspection, Part } from './inspect.ts'
import { isUnpreparable, rolledBack } from './prepare-transaction.ts'
import { relayText } from './relay-text.ts'
import { encodeReply, isRelayed } from './statements/reply.ts'
import { keepsRoute, runStatement } from './statements/run.ts'
import { UpstreamError } from './upstream-error.ts'

const PRIVATE = 'jetgres part'
const REASON = 'more than one statement'

/** What a simple Query's client never gets: the extended protocol's own acknowledgements. */
const UNSEEN = new Set(['1', '2', '3', 'n'].map(code))
const COPY_IN = code('G')

export async function runSeveral(c: Conversation, parts: readonly Part[]): Promise<void> {
  c.batchStarted()
  try {
    for (const part of parts) await runPart(c, part)
  } catch (error) {
    await c.report(error)
  }
  c.batchEnded()
  await c.finish()
  c.output.write(readyForQuery(c.link.status))
}

/** @throws PgError, UpstreamError whose positions are in the whole text */
async function runPart(c: Conversation, { text, shift }: Part): Promise<void> {
  try {
    await answerPart(c, text)
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw withPosition(error, (p) => p + shift)
    error.shift(shift)
    throw error
  }
}

async function answerPart(c: Conversation, text: string): Promise<void> {
  if (isUnpreparable(c, text)) throw await rolledBack(c)
  const inspection = inspect(text, c.context.names())
  if (inspection.kind === 'ours') {
    const reply = await runStatement(c, inspection.statement, text)
    if (!isRelayed(reply)) {
      if (!keepsRoute(inspection.statement)) c.lastRoute = { to: 'define' }
      return void c.output.write(encodeReply(reply))
    }
  }
  c.lastRoute = { to: 'relay', reason: REASON }
  await relayPart(c, await textOfPart(c, inspection, text))
}

/** @throws PgError 55000 when it reads a relation without a live child */
async function textOfPart(c: Conversation, inspection: Inspection, text: string): Promise<string> {
  if (inspection.kind !== 'select' && inspection.kind !== 'relay') return text
  const asked = inspection.kind === 'relay' ? inspection : { ...inspection, text: undefined }
  const relayed = { ...asked, kind: 'relay', reason: REASON } as const
  return (await relayText(c, relayed, 'flush')) ?? text
}

async function relayPart(c: Conversation, text: string): Promise<void> {
  c.mutated()
  const forward = (frame: Frame): void => {
    if (frame.type === COPY_IN) {
      c.link.send(frontend.copyFail('COPY FROM STDIN must be a statement of its own here'))
    } else if (!UNSEEN.has(frame.type)) {
      c.output.write(Buffer.from(frame.bytes))
    }
  }
  const { error } = await c.link.exchange(partAsks(text), 'flush', forward)
  if (error) throw new UpstreamError(error, (position) => position)
}

const partAsks = (text: string): Ask[] => [
  { kind: 'close', bytes: frontend.close({ type: 'S', name: PRIVATE }) },
  { kind: 'parse', bytes: frontend.parse({ name: PRIVATE, text, types: [] }) },
  { kind: 'bind', bytes: frontend.bind({ portal: PRIVATE, statement: PRIVATE, values: [] }) },
  { kind: 'describe', bytes: frontend.describe({ type: 'P', name: PRIVATE }) },
  { kind: 'execute', bytes: frontend.execute({ portal: PRIVATE, rows: 0 }) },
  { kind: 'close', bytes: frontend.close({ type: 'P', name: PRIVATE }) },
  { kind: 'close', bytes: frontend.close({ type: 'S', name: PRIVATE }) }
]
