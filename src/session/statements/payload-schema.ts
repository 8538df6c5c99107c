// CREATE TABLE | SOURCE … ENCODE PROTOBUF or AVRO: fetches the schema, which may bring the relation's columns,
// and checks what the user listed against it.

import {
  PgError,
  insufficientPrivilege,
  invalidTableDefinition,
  invariant,
  undefinedObject
} from '../../errors.ts'
import type { CreateRelation } from '../../sql/create-relation.ts'
import type { SchemaPositions } from '../../sql/encoding.ts'
import type { Encoding, PayloadColumn } from '../../types/connector.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { askUpstream } from './ask.ts'
import type { Twin } from './twin.ts'

export interface WithSchema extends Pick<CreateRelation, 'twinSql' | 'twinPosition'> {
  readonly encoding: Encoding
  /** What the payload's schema has; undefined where there is none. */
  readonly offered: readonly PayloadColumn[] | undefined
}

/** @throws PgError 42501, and whatever is wrong with the schema, with a position */
export async function withPayloadSchema(
  c: Conversation,
  statement: CreateRelation
): Promise<WithSchema> {
  const { encoding, schema: clause, twinSql, twinPosition } = statement
  if (encoding.encode !== 'protobuf' && encoding.encode !== 'avro') {
    return { encoding, offered: undefined, twinSql, twinPosition }
  }
  invariant(clause, 'an encoding with a schema has its clause')
  await checkFile(c, encoding.location, clause.positions.location)
  const loaded = await c.context.catalog.loadSchema(encoding).catch((error: unknown) => {
    throw placed(error, clause.positions)
  })
  const facts = clause.complete(loaded.columns)
  for (const text of facts.notices) c.output.write(notice(text))
  return { ...facts, encoding: loaded.encoding, offered: loaded.columns }
}

/** As Postgres has it for COPY FROM a file. @throws PgError 42501 */
export async function checkFile(
  c: Conversation,
  location: string,
  position: number
): Promise<void> {
  if (!/^\s*file:/i.test(location)) return
  const [row] = await askUpstream(
    c,
    "SELECT pg_catalog.pg_has_role('pg_read_server_files', 'USAGE')"
  )
  if (row?.[0] === 't') return
  throw insufficientPrivilege('permission denied to read a schema from a file', {
    position,
    detail:
      'Only roles with privileges of the "pg_read_server_files" role may read files of the server.',
    hint: 'Serve the schema by http or https.'
  })
}

/** Points at the message when it is what is missing in the schema, else at the location. */
export function placed(error: unknown, positions: SchemaPositions): unknown {
  if (!(error instanceof PgError) || error.position !== undefined) return error
  const { code, message, severity, detail, hint, cause } = error
  const position = code === undefinedObject('').code ? positions.message : positions.location
  return new PgError(code, message, { severity, detail, hint, cause, position })
}

/** @throws PgError 42P16 for a listed column of another type than the payload's, in RisingWave's words */
export function checkOffered(
  twin: Twin,
  listed: CreateRelation['columns'],
  encoding: Encoding,
  offered: readonly PayloadColumn[] | undefined
): void {
  if (!offered) return
  const included = new Set(encoding.included?.map(({ column }) => column))
  for (const { name, type, attnum } of twin.columns) {
    const found = included.has(name) ? undefined : offered.find((column) => column.name === name)
    if (!found || found.oids.includes(type.oid)) continue
    throw invalidTableDefinition(
      `Data type mismatch for column "${name}". Defined in SQL as ` +
        `"${twin.typeNames.get(attnum)}", but found in the source as "${found.type}"`,
      { position: listed.find((column) => column.name === name)?.position }
    )
  }
}
