// Goal: what a killed process left on a stream is taken away by its next life, and nobody else's
// consumers ever are. Method: lives that follow each other in one folder; and a reader on a real
// server between consumers of its former life, of another data directory and of strangers.

import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { canaryName, ConsumerLives } from '../../src/ingest/consumer-names.ts'
import { createConsumer } from '../../src/ingest/jetstream.ts'
import { limits } from '../../src/limits.ts'
import { eventually } from '../support/eventually.ts'
import { withoutNats } from '../support/nats-server.ts'
import { connectorTo, startNumbers, startReader } from './support.ts'

void t.test('a life knows the names of those before it, and of no other', async (t) => {
  const path = join(t.testdir(), 'consumers.json')
  const lives: ConsumerLives[] = []
  for (let n = 0; n <= limits.formerLivesKept + 1; n++) lives.push(await ConsumerLives.open(path))
  t.same(lives[0]!.of(7).left, [], 'the first one knows of none')
  const names = lives.map((life) => {
    const ours = life.of(7)
    return [ours.next(), ours.next()]
  })
  const first = lives[0]!.of(7)
  t.same([first.next(), first.next(), first.next()], [...names[0]!, names[0]![0]], 'two in turn')
  const all = (lists: string[][]): string[] => lists.flat().flatMap((name) => [name, canaryName(name)])
  t.same(new Set(lives[2]!.of(7).left), new Set(all(names.slice(0, 2))), 'canaries, too')
  t.same(new Set(lives.at(-1)!.of(7).left), new Set(all(names.slice(1, -1))), 'the oldest is forgotten')
  t.notOk(lives.at(-1)!.of(8).left.some((name) => all(names).includes(name)), "another relation's are others")

  for (const damaged of ['', '{', '{"a": 1}', '[1, null, "../x", "a.b"]']) {
    await writeFile(path, damaged)
    const { left } = (await ConsumerLives.open(path)).of(7)
    t.ok(left.every((name) => /^\w+$/.test(name)), `${damaged} gives no name that a subject can't have`)
  }
  t.match(JSON.parse(await readFile(path, 'utf8')), [String], 'and is replaced')
})

void t.test('what a former life left is removed, and nothing else', { skip: withoutNats() }, async (t) => {
  const { server, admin } = await startNumbers(t, { storage: 'memory' })
  const path = join(t.testdir(), 'consumers.json')
  const former = (await ConsumerLives.open(path)).of(1)
  const left = [former.next(), former.next()].flatMap((name) => [name, canaryName(name)])
  const others = [
    new ConsumerLives().of(1).next(),
    former.next().replace('_1_0', '_2_0'),
    'jetgres_of_a_stranger'
  ]
  for (const name of [...left, ...others]) {
    const start = { deliver_policy: 'all' } as const
    await createConsumer(admin, { stream: 'N', name, filters: [], start, inactiveMs: 60_000 })
  }
  const manager = await admin.jetstreamManager()
  const there = async (): Promise<string[]> =>
    (await manager.consumers.list('N').next()).map(({ name }) => name)
  t.same(new Set(await there()), new Set([...left, ...others]))
  const names = (await ConsumerLives.open(path)).of(1)
  const position = { sequence: 0, created: (await manager.streams.info('N')).created as string }
  startReader(t, connectorTo(server.port), position, {}, names)
  await eventually(async () => !(await there()).some((name) => left.includes(name)))
  const stay = await there()
  t.ok(others.every((name) => stay.includes(name)), 'others stay')
  t.ok(stay.length > others.length, 'beside the one that is read by')
})
