// Goal: /metrics is what Prometheus takes, follows its conventions, is bounded, and the dashboard and
// the alerts ask for nothing that isn't there.
// Method: metrics made of known facts; promtool, where it is installed, checks them and the rules; the
// names in the documents' queries are looked up among those exposed.

import { spawnSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { limits } from '../src/limits.ts'
import { Metrics } from '../src/metrics.ts'
import type { RelationFacts } from '../src/metrics.ts'

const docs = join(import.meta.dirname, '../docs/monitoring')

const relation = (name: string, more: Partial<RelationFacts> = {}): RelationFacts => ({
  relation: name,
  state: 'live',
  position: 120,
  received: 20,
  applied: 18,
  dropped: 2,
  gaps: 3,
  restarts: 0,
  lag: 0,
  lagSeconds: 0,
  lastDeliveryAt: 1_700_000_000_500,
  ...more
})

function open(relations: readonly RelationFacts[]) {
  return new Metrics({
    version: '1.2.3',
    relations: () => relations,
    sessions: () => 4,
    natsConnections: () => ({ up: 2, down: 1 }),
    faults: () => [],
    statements: () => ({ local: 10, relay: 5, define: 1 })
  })
}

void t.test('tells what it is given, each time as of now', async (t) => {
  const all = [relation('public.a'), relation('public."b\\"', { state: 'catching up', lag: 7, lagSeconds: undefined })]
  const metrics = open(all)
  metrics.timed('relay', 0.02)
  const wanted = [
    'jetgres_info{version="1.2.3"} 1',
    'jetgres_ready 1',
    'jetgres_sessions 4',
    'jetgres_nats_connections{state="down"} 1',
    'jetgres_statements_total{route="local"} 10',
    '# TYPE jetgres_statement_duration_seconds histogram',
    'jetgres_statement_duration_seconds_bucket{le="0.01",route="relay"} 0',
    'jetgres_statement_duration_seconds_bucket{le="0.025",route="relay"} 1',
    'jetgres_statement_duration_seconds_bucket{le="+Inf",route="relay"} 1',
    'jetgres_statement_duration_seconds_sum{route="relay"} 0.02',
    'jetgres_statement_duration_seconds_count{route="relay"} 1',
    'jetgres_relation_state{relation="public.a",state="live"} 1',
    'jetgres_relation_rows_total{relation="public.a"} 18',
    'jetgres_relation_lag_deliveries{relation="public.\\"b\\\\\\""} 7',
    'jetgres_relation_last_delivery_timestamp_seconds{relation="public.a"} 1700000000.5'
  ]
  const lines = (await metrics.text()).split('\n')
  for (const line of wanted) t.ok(lines.includes(line), line)
  t.notOk(lines.some((line) => line.startsWith('jetgres_relation_lag_seconds{relation="public.\\"b')))
  all.pop()
  const later = await metrics.text()
  t.notMatch(later, /public\.\\"b/, 'a relation that is gone has no metrics')
  t.match(later, 'jetgres_statements_total{route="local"} 10\n', 'counts are not added up anew')
})

void t.test('so many relations have labels and no more', async (t) => {
  const many = Array.from({ length: limits.relationsShownMax + 5 }, (_, i) => relation(`public.t${i}`))
  const text = await open(many).text()
  t.equal(text.match(/^jetgres_relation_position\{/gm)?.length, limits.relationsShownMax)
  t.match(text, `jetgres_relations ${many.length}\n`)
})

const hasPromtool = spawnSync('promtool', ['--version']).status === 0
const withoutPromtool = hasPromtool ? false : 'promtool is not installed'

void t.test('promtool finds nothing wrong', { skip: withoutPromtool }, async (t) => {
  const metrics = open([relation('public.a')])
  metrics.timed('local', 0.1)
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: await metrics.text(), encoding: 'utf8' })
  t.equal(checked.status, 0, `${checked.stdout}${checked.stderr}`)
  const rules = spawnSync('promtool', ['check', 'rules', join(docs, 'alerts.yml')], { encoding: 'utf8' })
  t.equal(rules.status, 0, `${rules.stdout}${rules.stderr}`)
})

void t.test('the dashboard and the alerts ask for metrics that exist', async (t) => {
  const metrics = open([relation('public.a')])
  metrics.timed('local', 0.1)
  const exposed = new Set((await metrics.text()).match(/^[a-z_]\w*/gm))
  const dashboard = JSON.parse(await readFile(join(docs, 'grafana-dashboard.json'), 'utf8')) as {
    panels: { targets: { expr: string }[] }[]
    templating: unknown
  }
  const alerts = await readFile(join(docs, 'alerts.yml'), 'utf8')
  const queries = [
    ...dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...[...alerts.matchAll(/^ +expr: (.*)$/gm)].map((match) => match[1] ?? ''),
    JSON.stringify(dashboard.templating)
  ]
  t.ok(queries.length > 20, `${queries.length} queries`)
  for (const query of queries) {
    const named = query.match(/\b(?:jetgres|nodejs|process)_\w+/g) ?? []
    t.ok(named.length > 0, query)
    for (const name of named) t.ok(exposed.has(name), `${name} in ${query}`)
  }
})
