// Goal: pgbench works through jetgres as against Postgres itself, and reads ingested relations by
// all three of libpq's query modes.
// Method: initialise, run a few hundred transactions of each kind, and look for "failed: 0" and at
// what the tables hold afterwards.

import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { startPostgres15 } from './support/postgres15.ts'
import { lacksFile, PG_BIN, run, without } from './support/programs.ts'
import type { Outcome } from './support/programs.ts'
import { startStage } from './support/stage.ts'
import type { Address } from './support/stage.ts'

const PGBENCH = join(PG_BIN, 'pgbench')
const MODES = ['simple', 'extended', 'prepared']
const KEYS = 1_000

const pgbench = (
  { host, port, user, database }: Address,
  args: readonly string[]
): Promise<Outcome> => run(PGBENCH, ['-h', host, '-p', String(port), '-U', user, ...args, database])

/** What a run of `count` transactions must report. */
function processed({ stdout, stderr }: Outcome): {
  done: string | undefined
  failed: string | undefined
} {
  const report = stdout + stderr
  return {
    done: /actually processed: (\d+)/.exec(report)?.[1],
    failed: /failed transactions: (\d+)/.exec(report)?.[1]
  }
}

void t.test('pgbench through jetgres', without(withoutNats(), lacksFile(PGBENCH)), async (t) => {
  const stage = await startStage(t, startPostgres15)
  const client = await stage.connect(stage.proxy)

  await t.test('initialises its tables', async (t) => {
    const result = await pgbench(stage.proxy, ['-i', '-s', '1', '-q'])
    t.equal(result.code, 0, result.stderr)
    const { rows } = await client.query('SELECT count(*)::int AS n FROM pgbench_accounts')
    t.same(rows, [{ n: 100_000 }])
  })

  for (const mode of MODES) {
    await t.test(`selects and updates in ${mode} mode`, async (t) => {
      const select = await pgbench(stage.proxy, ['-n', '-S', '-M', mode, '-c', '4', '-t', '100'])
      t.match(processed(select), { done: '400', failed: '0' }, select.stderr)
      const before = await client.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM pgbench_history'
      )
      const tpcb = await pgbench(stage.proxy, ['-n', '-M', mode, '-c', '4', '-t', '25'])
      t.match(processed(tpcb), { done: '100', failed: '0' }, tpcb.stderr)
      const after = await client.query<{ n: number }>(
        'SELECT count(*)::int AS n FROM pgbench_history'
      )
      t.equal(after.rows[0]!.n - before.rows[0]!.n, 100)
    })
  }

  await t.test('reads an ingested relation by key in every mode', async (t) => {
    await stage.createRelation('items', 'id int PRIMARY KEY, label text, amount numeric(12,2)')
    const rows = Array.from({ length: KEYS }, (_, i) => ({
      id: i + 1,
      label: `n${i + 1}`,
      amount: i
    }))
    await stage.publish('items', rows)
    // \gset fails without a row; the division fails when it is another row than asked for.
    const script = [
      `\\set id random(1, ${KEYS})`,
      'SELECT id AS got, label, amount::int AS amount FROM items WHERE id = :id \\gset',
      '\\set wrong abs(:got - :id) + abs(:amount - :id + 1)',
      '\\if :wrong',
      '\\set impossible 1 / 0',
      '\\endif'
    ]
    const file = join(t.testdir(), 'lookup.sql')
    await writeFile(file, script.join('\n'))
    for (const mode of MODES) {
      const args = ['-n', '-f', file, '-M', mode, '-c', '4', '-t', '100']
      const result = await pgbench(stage.proxy, args)
      t.match(processed(result), { done: '400', failed: '0' }, `${mode}: ${result.stderr}`)
      t.notMatch(result.stderr, /error|aborted/i, mode)
    }
  })
})
