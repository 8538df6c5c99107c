// Asks the upstream what a SELECT's parameters and columns are, and the session's facts with it: one
// round trip, on the session's own connection, under a private name.

import { decodeParameterDescription, decodeRowDescription } from '../wire/backend.ts'
import { bodyOf, code } from '../wire/frames.ts'
import type { Frame } from '../wire/frames.ts'
import { frontend } from '../wire/frontend.ts'
import type { Ask } from '../upstream/exchange.ts'
import type { Conversation } from './conversation.ts'
import { askFacts, askOnce, askState, readFacts, readState, textRowsOf } from './facts.ts'
import type { SessionFacts, State } from './facts.ts'
import type { Description } from './plan.ts'
import { UpstreamError } from './upstream-error.ts'

const PRIVATE = 'jetgres describe'

const STATEMENT_TEXT = `SELECT 'statement', statement FROM pg_catalog.pg_prepared_statements
  WHERE name OPERATOR(pg_catalog.=) $1`

export type Described =
  | {
      readonly description: Description
      readonly facts: SessionFacts
      /** A name it uses that may mean a function or an operator that users made. */
      readonly overloaded: string | undefined
      /** What it was described in, where that is known to stand still. */
      readonly still: State | undefined
    }
  /** The statement is wrong: the upstream's own words. */
  | { readonly error: Frame }

/** A simple query's text; outside any batch. */
export async function describeQuery(
  c: Conversation,
  text: string,
  names: readonly string[],
  used: readonly string[]
): Promise<Described> {
  const asks = [
    // A simple query ends the unnamed statement.
    { kind: 'close', bytes: frontend.close({ type: 'S', name: '' }) },
    ...describing(c, text, names, used)
  ] as const
  const { frames, error } = await c.link.exchange(asks, 'sync')
  c.hasUnnamed = false
  return error ? { error } : described(c, used, frames)
}

/** A text of ours; inside the client's batch. */
export async function describeText(
  c: Conversation,
  text: string,
  names: readonly string[],
  used: readonly string[]
): Promise<Described> {
  const { frames, error } = await c.ask(describing(c, text, names, used))
  return error ? { error } : described(c, used, frames)
}

function describing(
  c: Conversation,
  text: string,
  names: readonly string[],
  used: readonly string[]
): Ask[] {
  return [
    ...askFacts(names),
    { kind: 'close', bytes: frontend.close({ type: 'S', name: PRIVATE }) },
    { kind: 'parse', bytes: frontend.parse({ name: PRIVATE, text, types: [] }) },
    { kind: 'describe', bytes: frontend.describe({ type: 'S', name: PRIVATE }) },
    { kind: 'close', bytes: frontend.close({ type: 'S', name: PRIVATE }) },
    ...c.overloads.ask(used, c.planEpoch)
  ]
}

/**
 * A statement the client has prepared; inside its batch. `text` is what that name really stands
 * for: a Parse may have failed, a DEALLOCATE may have come in between. The unnamed one has none.
 */
export async function describePrepared(
  c: Conversation,
  name: string,
  names: readonly string[],
  used: readonly string[]
): Promise<Described & { readonly text?: string }> {
  const asks = [...askFacts(names), ...askPrepared(name), ...c.overloads.ask(used, c.planEpoch)]
  const { frames, error } = await c.ask(asks)
  if (error) return { error }
  return { ...described(c, used, frames), ...readPrepared(frames) }
}

/** Its own description and text. */
const askPrepared = (name: string): Ask[] => [
  { kind: 'describe', bytes: frontend.describe({ type: 'S', name }) },
  ...(name === '' ? [] : askOnce(STATEMENT_TEXT, [name]))
]

function readPrepared(frames: readonly Frame[]): { readonly text?: string } {
  const text = textRowsOf(frames).find(([title]) => title === 'statement')?.[1]
  return typeof text === 'string' ? { text } : {}
}

/** The state alone: see Standstill. @throws UpstreamError */
export async function askStill(c: Conversation, end: 'flush' | 'sync'): Promise<State | undefined> {
  const { frames, error } = await c.link.exchange(askState(), end)
  if (error) throw new UpstreamError(error)
  return stillIn(c, frames)
}

/** The state, and which statement has that name there: for one whose plan may be known. @throws UpstreamError */
export async function askPreparedStill(
  c: Conversation,
  name: string
): Promise<{
  readonly state: State | undefined
  readonly parameters: readonly number[]
  readonly text?: string
}> {
  const { frames, error } = await c.ask([...askState(), ...askPrepared(name)])
  if (error) throw new UpstreamError(error, (position) => position)
  const { parameters } = readDescription(frames)
  return { state: stillIn(c, frames), parameters, ...readPrepared(frames) }
}

function stillIn(c: Conversation, frames: readonly Frame[]): State | undefined {
  const state = readState(frames)
  if (state !== undefined) c.context.standstill.heard(state)
  return state
}

/** Facts alone: what do these names mean now? @throws UpstreamError */
export async function askNames(
  c: Conversation,
  names: readonly string[],
  end: 'flush' | 'sync'
): Promise<SessionFacts | undefined> {
  const { frames, error } = await c.link.exchange(askFacts(names), end)
  if (error) throw new UpstreamError(error)
  const facts = readFacts(frames)
  if (facts) c.heard(facts)
  return facts
}

function described(
  c: Conversation,
  used: readonly string[],
  frames: readonly Frame[]
): Extract<Described, { facts: SessionFacts }> {
  const facts = readFacts(frames)!
  c.heard(facts)
  const still = c.context.standstill.heard(facts.state)
  const overloaded = c.overloads.read(used, frames)
  return { facts, overloaded, still, description: readDescription(frames) }
}

function readDescription(frames: readonly Frame[]): Description {
  const parameters = frames.find((frame) => frame.type === code('t'))
  const rows = frames.find((frame) => frame.type === code('T'))
  return {
    parameters: parameters ? decodeParameterDescription(bodyOf(parameters)) : [],
    fields: rows ? decodeRowDescription(bodyOf(rows)) : []
  }
}
