// Views over the relations of rows.ts, one over another: made in Postgres, read through the bodies that
// it prints.

import { parseSync } from 'libpg-query'
import type pg from 'pg'

import { nodeOf, open } from '../../src/translate/ast.ts'
import type { Names, View } from '../../src/translate/views.ts'

const BODIES: Readonly<Record<string, string>> = {
  positives: 'SELECT id, g, n, t, d FROM m WHERE s4 > 0',
  by_group: 'SELECT g AS part, count(*) AS rows, sum(s8), avg(n) AS mean FROM m GROUP BY g',
  labelled: `SELECT p.id, p.t || '!' AS loud, s.label, b.mean FROM positives p
    LEFT JOIN side s ON s.id = p.g LEFT JOIN by_group b ON b.part = p.g`
}

export const VIEWS: ReadonlySet<string> = new Set(Object.keys(BODIES))

/** Makes them in Postgres; the names with theirs. */
export async function createViews(client: pg.Client, names: Names): Promise<Names> {
  const views = new Map<string, View>()
  const inside: Names = { ...names, view: (_schema, name) => views.get(name) }
  for (const [name, body] of Object.entries(BODIES)) {
    await client.query(`CREATE VIEW ${name} AS ${body}`)
    const { rows } = await client.query<{ body: string }>(
      `SELECT pg_get_viewdef('${name}'::regclass) AS body`
    )
    const { fields } = await client.query(`SELECT * FROM ${name} LIMIT 0`)
    const columns = fields.map((field) => ({ name: field.name, oid: field.dataTypeID }))
    const select = selectOf(rows[0]?.body ?? '')
    views.set(name, { select, names: inside, columns, isBarrier: false })
  }
  return inside
}

function selectOf(sql: string): View['select'] {
  const [statement] = (parseSync(sql) as { stmts: { stmt: unknown }[] }).stmts
  return nodeOf(open(statement?.stmt).body)
}
