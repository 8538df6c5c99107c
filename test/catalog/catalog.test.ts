// Goal: a relation is removed only when a look that could have seen its twin did not see it,
// whatever is made or ends while that look waits for the upstream.
// Method: a catalog over a store and an upstream that only remember; the query for twins is held
// back by the test. (Once a CREATE during such a look lost its relation at once.)

import t from 'tap'

import { Catalog } from '../../src/catalog/catalog.ts'
import type { CatalogOptions } from '../../src/catalog/catalog.ts'
import type { Definition } from '../../src/catalog/definition.ts'
import { createLogger } from '../../src/log.ts'
import { eventually } from '../support/eventually.ts'

/** An upstream without any twin, whose query for twins waits for `answer`. */
class Upstream {
  asked = 0
  answer: () => void = () => undefined

  database(name: string): object {
    const query = async (text: string): Promise<object[]> => {
      if (text.includes('pg_control_system')) return [{ id: 'one' }]
      if (!text.includes('pg_attribute')) return []
      this.asked++
      await new Promise<void>((resolve) => (this.answer = resolve))
      return []
    }
    return { name, query, installBridge: () => Promise.resolve() }
  }
}

const BEGINNING = { sequence: 0, created: '' }

const definition = (id: number): Definition =>
  ({
    version: 1,
    state: 'pending',
    kind: 'table',
    database: 'db',
    upstream: 'one',
    twinOid: 1000 + id,
    schemaName: 'public',
    name: `t${id}`,
    schema: {
      id,
      columns: [{ attnum: 1, name: 'id', type: { oid: 23, typmod: -1 }, notNull: true }],
      key: [1]
    },
    connector: {},
    encoding: { format: 'plain', encode: 'json', timestamptzHandling: 'guess_number_unit' },
    options: [],
    clauses: { before: '', after: '' }
  }) as unknown as Definition

function startCatalog(): { readonly catalog: Catalog; readonly upstream: Upstream } {
  const upstream = new Upstream()
  const nothing = (): Promise<void> => Promise.resolve()
  const store = { define: nothing, drop: nothing }
  const log = createLogger({ level: 'fatal', format: 'json' })
  const options = { store, maintenance: upstream, connections: {}, log }
  return { catalog: new Catalog(options as unknown as CatalogOptions), upstream }
}

const kept = (catalog: Catalog): number[] => catalog.relations().map(({ id }) => id)

void t.test('keeps what was made while it looked', async (t) => {
  const { catalog, upstream } = startCatalog()
  await catalog.prepare(definition(1), BEGINNING)
  const look = catalog.reconcile('db')
  await eventually(() => upstream.asked === 1)
  const made = await catalog.prepare(definition(2), BEGINNING)
  catalog.setOpen(made, true)
  catalog.setOpen(made, false)
  upstream.answer()
  await look
  t.same(kept(catalog), [2], 'the one whose twin is not there is gone')
})

void t.test('keeps what was in a transaction when it began to look', async (t) => {
  const { catalog, upstream } = startCatalog()
  const made = await catalog.prepare(definition(1), BEGINNING)
  catalog.setOpen(made, true)
  const first = catalog.reconcile('db')
  await eventually(() => upstream.asked === 1)
  catalog.setOpen(made, false)
  upstream.answer()
  await first
  t.same(kept(catalog), [1])
  const second = catalog.reconcile('db')
  await eventually(() => upstream.asked === 2)
  upstream.answer()
  await second
  t.same(kept(catalog), [], 'the look behind the transaction decides')
})
