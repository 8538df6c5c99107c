// The door to jetgres's own statements: each kind to the file that runs it.

import type { OurStatement } from '../../sql/statement.ts'
import type { Conversation } from '../conversation.ts'
import { alterRelation } from './alter.ts'
import { createIndex } from './create-index.ts'
import { createRelation } from './create.ts'
import { describeTable } from './describe.ts'
import { dropRelations } from './drop.ts'
import { grantOnSource } from './grant-source.ts'
import { runSecret, showSecrets } from './secrets.ts'
import { showCreate } from './show-create.ts'
import { showRelations } from './show-relations.ts'
import { showSetting } from './show-setting.ts'
import { explain } from './explain.ts'
import type { Relayed, Reply } from './reply.ts'

/** These tell of routes: they have none of their own, or set it themselves. */
export const keepsRoute = ({ kind }: OurStatement): boolean =>
  kind === 'showSetting' || kind === 'explain'

/**
 * Runs one statement inside the client's batch or transaction.
 * Resolves to its reply (up to CommandComplete), or to that it is Postgres's after all.
 * @throws PgError, UpstreamError
 */
export async function runStatement(
  c: Conversation,
  statement: OurStatement,
  text: string
): Promise<Reply | Relayed> {
  switch (statement.kind) {
    case 'createRelation':
      return createRelation(c, statement)
    case 'createIndex':
      return createIndex(c, statement)
    case 'grantSource':
      return grantOnSource(c, statement)
    case 'drop':
      return dropRelations(c, statement, text)
    case 'alter':
      return alterRelation(c, statement)
    case 'explain':
      return explain(c, statement, text)
    case 'showSources':
    case 'showTables':
      return showRelations(c, statement)
    case 'showCreate':
      return showCreate(c, statement)
    case 'describe':
      return describeTable(c, statement)
    case 'createSecret':
    case 'alterSecret':
    case 'dropSecret':
      return runSecret(c, statement)
    case 'showSecrets':
      return showSecrets(c, statement)
    case 'showSetting':
      return showSetting(c, statement)
  }
}
