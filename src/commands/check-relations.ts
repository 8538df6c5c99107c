// Whether the NATS side of each relation that is stored is as its definition wants it: the server
// lets us in, the stream is there, and still holds what comes next.

import { stat } from 'node:fs/promises'

import { readDefinition } from '../catalog/definition.ts'
import type { Definition } from '../catalog/definition.ts'
import { PgError } from '../errors.ts'
import { probe } from '../ingest/probe.ts'
import { lockDataDir } from '../lock.ts'
import type { Logger } from '../log.ts'
import { refuseMissing } from '../store/definitions-copy.ts'
import { StoreError } from '../store/store-error.ts'
import { storePathIn } from '../store/store-options.ts'
import { Store } from '../store/store.ts'
import type { NatsConnector, StreamPosition } from '../types/connector.ts'
import { ok, reasonOf, wrong } from './finding.ts'
import type { Finding } from './finding.ts'

/** So many servers are asked at once. */
const AT_ONCE = 8

interface Kept {
  readonly definition: Definition
  readonly position: StreamPosition
}

export async function checkRelations(dataDir: string, log: Logger): Promise<Finding[]> {
  const path = storePathIn(dataDir)
  try {
    const kept = await readKept(dataDir, path, log)
    const found: Finding[] = []
    for (let i = 0; i < kept.length; i += AT_ONCE) {
      found.push(...(await Promise.all(kept.slice(i, i + AT_ONCE).map(checkRelation))))
    }
    return found.length === 0 ? [ok('relations', 'none yet')] : found
  } catch (error) {
    return [unreadable(path, error)]
  }
}

function unreadable(path: string, error: unknown): Finding {
  const { reason, remedy } = error instanceof StoreError ? error : {}
  const told = `the store cannot be read: ${reasonOf(reason ?? error)}`
  const otherwise = `restore "${path}" from a backup, or move it away and run "jetgres rebuild"`
  return wrong('relations', told, remedy ?? otherwise)
}

/** A store that isn't there is not made: it holds nothing, or serve would miss it too. */
async function readKept(dataDir: string, path: string, log: Logger): Promise<Kept[]> {
  await refuseMissing(path)
  if (!(await stat(path).catch(() => undefined))) return []
  const lock = await lockDataDir(dataDir)
  try {
    const store = await Store.open({ path, log })
    try {
      const kept: Kept[] = []
      for (const { definition } of await store.definitions()) {
        const read = readDefinition(definition)
        kept.push({ definition: read, position: await store.position(read.schema.id) })
      }
      return kept
    } finally {
      await store.close()
    }
  } finally {
    await lock.release()
  }
}

async function checkRelation({ definition, position }: Kept): Promise<Finding> {
  const { connector, schemaName, name } = definition
  const what = `relation ${schemaName}.${name}`
  try {
    const { created } = (await probe(asked(connector))).position
    const isSame = created === position.created
    const remark = isSame ? '' : '; it is another one than before, and is read from its beginning'
    return ok(what, `stream "${connector.stream}" can be read${remark}`)
  } catch (error) {
    const { detail, hint } = error instanceof PgError ? error : {}
    const more = detail === undefined ? '' : `: ${detail}`
    return wrong(what, `${reasonOf(error)}${more}`, hint ?? adviceFor(definition, error))
  }
}

/** As the relation will read, but makes nothing: its consumer is there, its stream ought to be. */
function asked(connector: NatsConnector): NatsConnector {
  const { consumer: _, durable: __, createStream: ___, ...rest } = connector
  return { ...rest, start: { mode: 'earliest' } }
}

function adviceFor({ schemaName, name, kind, connector }: Definition, error: unknown): string {
  const { code } = error as { code?: string }
  const alter = `ALTER ${kind.toUpperCase()} ${schemaName}.${name} CONNECTOR WITH`
  if (code === '28P01' || code === '28000') return `${alter} (username = '…', password = '…')`
  if (code === 'HV00R') return `make stream "${connector.stream}" again, or DROP ${kind} ${name}`
  return `start that NATS server, or name another: ${alter} (server_url = '…')`
}
