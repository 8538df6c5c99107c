// Puts exchanges to a server and gathers its replies: what two servers are compared by.

import type { Exchange } from './exchanges.ts'
import { flush, sync } from './messages.ts'
import { openRaw } from './raw.ts'
import type { Address } from './stage.ts'

/** The replies to each exchange. */
export async function converse(
  t: Parameters<typeof openRaw>[0],
  to: Address,
  exchanges: readonly Exchange[]
): Promise<string[][]> {
  const client = await openRaw(t, to)
  const replies: string[][] = []
  for (const messages of exchanges) {
    client.send(...messages)
    replies.push(await client.until(...endOf(messages)))
  }
  return replies
}

/** Which reply ends an exchange, and how many of its kind there are. */
function endOf(messages: Exchange): [letter: string, count: number] {
  const has = (letter: string): boolean => messages.some((m) => m[0] === letter.charCodeAt(0))
  // To a Flush: the last request's own reply.
  if (messages.at(-1) === flush) return [has('E') ? 'C' : 'T', 1]
  const syncs = messages.filter((message) => message === sync).length
  // Postgres ignores the Sync that comes while it reads COPY data.
  if (has('d') && syncs > 0) return ['Z', 1]
  return ['Z', syncs > 0 ? syncs : messages.filter(isAlone).length]
}

/** Query and FunctionCall end in a ReadyForQuery of their own. */
const isAlone = (message: Buffer): boolean => 'QF'.includes(String.fromCharCode(message[0]!))
