// CREATE, ALTER, DROP and SHOW SECRET, and what stands for SECRET name in a WITH clause. A secret is
// its maker's: who is no member of that role can neither use it, nor change it, nor drop it, or
// anyone could have a password sent to a server of their own.

import type { Definition } from '../../catalog/definition.ts'
import type { SecretName } from '../../catalog/secrets.ts'
import {
  activeSqlTransaction,
  dependentObjects,
  duplicateObject,
  insufficientPrivilege,
  invalidSchemaName,
  undefinedObject
} from '../../errors.ts'
import type { ShowSecrets } from '../../sql/commands.ts'
import type { QualifiedName } from '../../sql/cursor.ts'
import type { GivenOption } from '../../sql/option-list.ts'
import type { SecretStatement } from '../../sql/secrets.ts'
import type { NatsConnector } from '../../types/connector.ts'
import { notice } from '../../wire/backend.ts'
import type { Conversation } from '../conversation.ts'
import { arrayLiteral } from '../facts.ts'
import { askUpstream } from './ask.ts'
import { connectorWith, givenOptions } from './defined-options.ts'
import { plainName } from './resolve.ts'
import { done } from './reply.ts'
import type { Reply } from './reply.ts'

const TAGS = {
  createSecret: 'CREATE SECRET',
  alterSecret: 'ALTER SECRET',
  dropSecret: 'DROP SECRET'
} as const

/** @throws PgError 25001, 42501, 42704, 42710, 2BP01, 3F000 */
export async function runSecret(c: Conversation, statement: SecretStatement): Promise<Reply> {
  const tag = TAGS[statement.kind]
  // Nothing of it is the upstream's, so ROLLBACK could not undo it.
  if (c.inTransaction) throw activeSqlTransaction(`${tag} cannot run inside a transaction block`)
  const { secrets } = c.context.catalog
  if (statement.kind === 'createSecret') {
    await createSecret(c, statement)
    return done(tag)
  }
  const secret = await nameOf(c, statement.name)
  if (!secrets.get(secret) && statement.isLenient) {
    c.output.write(notice(`secret "${plainName(statement.name)}" does not exist, skipping`))
    return done(tag)
  }
  await ownedSecret(c, statement.name)
  if (statement.kind === 'alterSecret') {
    await changeSecret(c, secret, statement)
    return done(tag)
  }
  await dropSecret(c, secret, statement.name)
  return done(tag)
}

/** Of these twins those that the session's own transaction has not dropped, in whatever way. */
const STANDING = `SELECT c.oid FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1::pg_catalog.oid[])`

/** @throws PgError 2BP01 */
async function dropSecret(c: Conversation, secret: SecretName, name: QualifiedName): Promise<void> {
  const { catalog } = c.context
  const users = catalog.usersOf(secret)
  const twins = users.map(({ definition }) => String(definition.twinOid))
  const found = await askUpstream(c, STANDING, [arrayLiteral(twins)])
  const standing = new Set(found.map(([oid]) => Number(oid)))
  const staying = users.filter(({ definition }) => standing.has(definition.twinOid))
  if (staying.length > 0) {
    throw dependentObjects(`cannot drop secret ${plainName(name)}`, {
      position: name.position,
      detail: `It is used by ${staying.map(({ label }) => label).join(', ')}.`,
      hint: 'Drop what uses it, or give it another value with ALTER … CONNECTOR WITH.'
    })
  }
  if (users.length === 0) return catalog.secrets.drop(secret)
  // DROP TABLE t; DROP SECRET s in one text: only the commit at its end takes the relation away.
  c.afterwards(async () => {
    if (catalog.usersOf(secret).length === 0) await catalog.secrets.drop(secret)
  })
}

/** Whoever uses it goes on with the new value. @throws PgError 22023 when one cannot */
async function changeSecret(
  c: Conversation,
  secret: SecretName,
  { value, name }: SecretStatement
): Promise<void> {
  const { catalog } = c.context
  const before = catalog.secrets.get(secret)?.value ?? ''
  const connectorOf = (definition: Definition): NatsConnector => {
    const options = givenOptions(definition, catalog.secrets, name.position)
    return connectorWith(definition, options, name.position).connector
  }
  await catalog.secrets.change(secret, value)
  const users = catalog.usersOf(secret)
  try {
    for (const { definition } of users) connectorOf(definition)
  } catch (error) {
    await catalog.secrets.change(secret, before)
    throw error
  }
  for (const relation of users) {
    await catalog.change(relation, (now) => ({ ...now, connector: connectorOf(now) }))
  }
}

const MAY_CREATE = `
SELECT n.nspname, current_user, pg_catalog.has_schema_privilege(n.oid, 'CREATE')
FROM pg_catalog.pg_namespace n WHERE n.nspname = COALESCE($1, pg_catalog.current_schema())`

async function createSecret(c: Conversation, { name, isLenient, value }: SecretStatement) {
  const [row] = await askUpstream(c, MAY_CREATE, [name.schema ?? null])
  const [schema, owner, may] = row ?? []
  const { position } = name
  if (!schema || !owner) {
    throw invalidSchemaName(
      name.schema === undefined
        ? 'no schema has been selected to create in'
        : `schema "${name.schema}" does not exist`,
      { position }
    )
  }
  if (may !== 't')
    throw insufficientPrivilege(`permission denied for schema ${schema}`, { position })
  const { secrets } = c.context.catalog
  const secret = { database: c.identity.database, schema, name: name.name }
  if (secrets.get(secret)) {
    const message = `secret "${name.name}" already exists`
    if (!isLenient) throw duplicateObject(message, { position })
    return c.output.write(notice(`${message}, skipping`))
  }
  await secrets.create({ ...secret, owner, value })
}

async function nameOf(c: Conversation, { schema, name }: QualifiedName): Promise<SecretName> {
  const { database } = c.identity
  if (schema !== undefined) return { database, schema, name }
  const [row] = await askUpstream(c, 'SELECT pg_catalog.current_schema()')
  return { database, schema: row?.[0] ?? '', name }
}

/** A role that is gone leaves its secrets to superusers. */
const MAY_USE = `
SELECT COALESCE(
  (SELECT pg_catalog.pg_has_role(r.oid, 'USAGE') FROM pg_catalog.pg_roles r WHERE r.rolname = $1),
  (SELECT r.rolsuper FROM pg_catalog.pg_roles r WHERE r.rolname = current_user))`

/** @throws PgError 42704, 42501 */
async function ownedSecret(c: Conversation, name: QualifiedName) {
  const secret = c.context.catalog.secrets.get(await nameOf(c, name))
  const { position } = name
  if (!secret) {
    throw undefinedObject(`secret "${plainName(name)}" does not exist`, { position })
  }
  const [row] = await askUpstream(c, MAY_USE, [secret.owner])
  if (row?.[0] === 't') return secret
  throw insufficientPrivilege(`must be owner of secret ${plainName(name)}`, { position })
}

/** The options with the values of their secrets. @throws PgError 42704, 42501 */
export async function withSecrets(
  c: Conversation,
  options: readonly GivenOption[]
): Promise<GivenOption[]> {
  const filled: GivenOption[] = []
  for (const option of options) {
    if (!option.secret) filled.push(option)
    else {
      const { value, schema, name } = await ownedSecret(c, option.secret)
      filled.push({ ...option, value, secret: { ...option.secret, schema, name } })
    }
  }
  return filled
}

export async function showSecrets(c: Conversation, { schema }: ShowSecrets): Promise<Reply> {
  const [row] = await askUpstream(c, 'SELECT pg_catalog.current_schema()')
  const wanted = schema ?? row?.[0]
  const listed = c.context.catalog.secrets.of(c.identity.database)
  const names = listed.filter((secret) => secret.schema === wanted).map(({ name }) => [name])
  return { columns: ['Name'], rows: names, tag: 'SHOW SECRETS' }
}
