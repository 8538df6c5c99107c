// Goal: whoever runs jetgres sees a stream under load as it is: live, dropped deliveries, a pause that
// a restart does not end, falling behind, the catch-up; in the feed, in the metrics and in SQL.
// Method: a real stream, and requests as the page makes them.

import t from 'tap'

import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { startJetgres } from '../support/jetgres.ts'
import { connectNats, createStream, publishJson, startNats, withoutNats } from '../support/nats-server.ts'
import { fedBy, refusal, rowsOf, STREAM, untilCount } from './world.ts'

interface Overview {
  readonly relations: {
    readonly id: number
    readonly name: string
    readonly state: string
    readonly isPaused: boolean
    readonly rows: number
    readonly dropped: number
    readonly lag?: number
  }[]
  readonly statements: Record<string, number>
  readonly reasons: { readonly reason: string }[]
  readonly slowest: { readonly text: string }[]
  readonly sessions: { readonly shown: { readonly user: string; readonly lastRoute: string }[] }
  readonly nats: { readonly servers: string; readonly isUp: boolean }[]
}

/** What a page sees that opens now. */
async function look(base: string): Promise<Overview> {
  const controller = new AbortController()
  const { body } = await fetch(`${base}/api/events`, { signal: controller.signal })
  const reader = body!.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  while (!text.includes('event: history')) text += (await reader.read()).value
  controller.abort()
  return JSON.parse(/event: overview\ndata: (.*)\n\n/.exec(text)?.[1] ?? '{}') as Overview
}

void t.test('a relation is watched, paused and resumed', { skip: withoutNats() }, async (t) => {
  const nats = await startNats(t)
  const connection = await connectNats(t, nats)
  await createStream(connection, STREAM, ['e2e.>'])
  const base = `http://127.0.0.1:${await freePort()}`
  const memory = ['--store-memory', '300MB', '--lookup-memory', '1GB']
  const args = ['--http', base.slice('http://'.length), '--slow-statement-ms', '0', ...memory]
  const jetgres = await startJetgres(t, { args })
  const client = await jetgres.connect()
  await client.query(`CREATE TABLE seen (id int PRIMARY KEY, word text) ${fedBy(nats, 'e2e.seen')}`)
  await publishJson(connection, 'e2e.seen', Array.from({ length: 30 }, (_, id) => ({ id, word: 'w' })))
  await connection.jetstream().publish('e2e.seen', 'no json')
  await untilCount(client, 'seen', 30)
  await client.query(`SELECT * FROM seen, pg_class WHERE word = 'hidden' AND relname = 'x'`)

  const state = async (): Promise<Overview['relations'][number] | undefined> =>
    (await look(base)).relations.find(({ name }) => name === 'public.seen')
  const live = await eventually(
    async () => {
      const now = await state()
      return now?.state === 'live' && now.dropped === 1 ? now : undefined
    },
    { deadlineMs: 30_000, what: 'a live relation with one dropped delivery' }
  )
  t.match(live, { rows: 30, isPaused: false, lag: 0 })
  const now = await look(base)
  t.ok((now.statements['local'] ?? 0) > 0 && (now.statements['relay'] ?? 0) > 0)
  t.match(now.reasons, [{ reason: '"pg_class" is not an ingested relation' }])
  t.match(now.sessions.shown, [{ user: 'postgres' }])
  t.match(now.nats, [{ servers: `127.0.0.1:${nats.port}`, isUp: true }])
  t.notMatch(JSON.stringify(now), /hidden/)
  const slow = jetgres.lines.filter(({ msg }) => msg === 'slow statement')
  t.ok(slow.some(({ route, session }) => route === 'relay' && Number(session) > 0))
  t.notMatch(JSON.stringify(slow), /hidden/)

  const shown = async (name: string, asked = client): Promise<unknown[][]> => rowsOf(asked, `SHOW jetgres.${name}`)
  t.match(await shown('sessions'), [[/^\d+$/, 'postgres', 'postgres', '', 'busy', /./]])
  t.ok((await shown('routes')).some(([, reason]) => reason === '"pg_class" is not an ingested relation'))
  const settings = new Map((await shown('settings')) as [string, string][])
  t.match([settings.get('upstream'), settings.get('slow_statement_ms')], ['embedded', '0'])
  t.match([settings.get('store_memory'), settings.get('lookup_memory')], ['300MB', '1GB'])
  await client.query('CREATE ROLE plain LOGIN')
  const plain = await jetgres.connect({ user: 'plain' })
  t.match(await shown('sessions', plain), [[/^\d+$/, 'plain']], 'others see their own sessions')
  for (const name of ['routes', 'settings']) {
    t.match(await refusal(plain, `SHOW jetgres.${name}`), { code: '42501', hint: /pg_monitor/ })
  }

  const detail = (await (await fetch(`${base}/api/relations/${live.id}`)).json()) as Record<string, unknown>
  t.match(detail, { columns: ['id', 'word'], dropped: [{ subject: 'e2e.seen', payload: 'no json' }], gaps: [] })
  t.match(detail['definition'], /^CREATE TABLE "public"\."seen" \(\n {2}"id" int4,/)
  t.equal((detail['rows'] as unknown[]).length, 20)

  const act = (what: string): Promise<Response> =>
    fetch(`${base}/api/relations/${live.id}/${what}`, { method: 'POST', headers: { 'x-jetgres': '1' } })
  t.equal((await act('pause')).status, 200)
  t.match(await state(), { state: 'paused', isPaused: true })
  await publishJson(connection, 'e2e.seen', Array.from({ length: 500 }, (_, id) => ({ id, word: 'x' })))
  await jetgres.restart()
  t.match(await state(), { state: 'paused', rows: 30 }, 'a restart ends no pause')
  t.equal((await act('resume')).status, 200)
  const again = await jetgres.connect()
  await untilCount(again, 'seen', 500)
  await eventually(async () => (await state())?.state === 'live', { deadlineMs: 30_000, what: 'a live relation' })
  const metrics = await (await fetch(`${base}/metrics`)).text()
  t.match(metrics, 'jetgres_relation_state{relation="public.seen",state="live"} 1\n')
  t.match(metrics, /^jetgres_relation_deliveries_total\{relation="public\.seen"\} 5\d\d$/m)
})
