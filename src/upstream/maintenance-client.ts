// One connection of the maintenance role, for looking at the upstream. Waits for nothing and is never
// made anew: who looks wants to be told.

import pg from 'pg'

import { limits } from '../limits.ts'
import { dial } from './dial.ts'
import type { Target } from './dial.ts'
import { DialedStream } from './dialed-stream.ts'

export interface MaintenanceClient {
  readonly endpoint: { readonly host: string }
  query<Row extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<Row[]>
  /** For SQL that takes no parameters. */
  quote(text: string): string
  end(): Promise<void>
}

/** @throws PgError 08001 when nothing answers; what the upstream says when it refuses */
export async function connectMaintenance(target: Target): Promise<MaintenanceClient> {
  const { socket, endpoint } = await dial(target)
  const client = new pg.Client({
    stream: () => new DialedStream(() => Promise.resolve(socket)),
    user: target.user,
    password: target.password,
    database: target.database,
    connectionTimeoutMillis: limits.connectTimeoutMs,
    application_name: 'jetgres check'
  })
  client.on('error', () => undefined)
  try {
    await client.connect()
  } catch (error) {
    socket.destroy()
    throw error
  }
  return {
    endpoint,
    query: async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await client.query<Row>(text, values)).rows,
    quote: (text) => client.escapeLiteral(text),
    end: () => client.end()
  }
}
