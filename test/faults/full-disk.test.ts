// Goal: a full disk stops ingestion and nothing else: the state says so, SELECTs are answered with what
// is committed, and once there is room every delivery is there, once.
// Method: the data directory on a small file system of its own (root only), filled up by a file while
// deliveries come, and emptied again. The upstream is elsewhere: a full disk stops Postgres, too.

import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import t from 'tap'

import { fedBy, rowsOf } from '../e2e/world.ts'
import { eventually } from '../support/eventually.ts'
import { startJetgres } from '../support/jetgres.ts'
import { connectNats, createStream, publishJson, startNats, withoutNats } from '../support/nats-server.ts'
import { startPostgres } from '../support/postgres-server.ts'

const SIZE = '24m'
const ROWS = 5_000
/** Such as no compression makes small. */
const noise = (i: number): string =>
  Array.from({ length: 40 }, (_, n) => ((i * 40 + n) * 2_654_435_761 % 4_294_967_291).toString(36)).join('')
const rowsFrom = (from: number): unknown[] =>
  Array.from({ length: ROWS }, (_, i) => ({ n: from + i, word: noise(from + i) }))

/** A file system of this size, gone with the test; undefined where we may not mount. */
function smallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'jetgres-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE}`, 'tmpfs', folder], { stdio: 'ignore' })
    return folder
  } catch {
    rmSync(folder, { recursive: true })
    return undefined
  }
}

const nothing = withoutNats()
const disk = nothing === false ? smallDisk() : undefined
const skip = nothing || (disk === undefined && 'mounting a file system is not permitted here')

/** Leaves `spare` bytes of the disk. */
async function fill(folder: string, spare: number): Promise<void> {
  const { bavail, bsize } = statfsSync(folder)
  await writeFile(join(folder, 'filler'), Buffer.alloc(Math.max(0, bavail * bsize - spare), 1))
}

void t.test('a full disk', { skip, timeout: 300_000 }, async (t) => {
  const folder = disk!
  // Before anything else is ended: what runs on it must be gone by then.
  const after: (() => Promise<void> | void)[] = []
  t.teardown(async () => {
    for (const end of after.toReversed()) await end()
    execFileSync('umount', [folder])
    rmSync(folder, { recursive: true })
  })
  const owner = { teardown: (end: () => Promise<void>) => void after.push(end) }
  const [nats, postgres] = await Promise.all([startNats(t), startPostgres(t)])
  const connection = await connectNats(t, nats)
  await createStream(connection, 'D', ['d.>'])
  const dataDir = join(folder, 'data')
  const jetgres = await startJetgres(owner, { upstream: postgres.url, dataDir })
  const client = await jetgres.connect()
  await client.query(`CREATE TABLE every (n int, word text) ${fedBy(nats, 'd.>', 'D')}`)
  await client.query(`CREATE TABLE last (n int PRIMARY KEY) ${fedBy(nats, 'd.>', 'D')}`)
  await publishJson(connection, 'd.a', [{ n: 0, word: 'first' }])
  const committed = async (): Promise<unknown[]> =>
    rowsOf(client, 'SELECT count(*)::int, count(DISTINCT n)::int, (SELECT count(*)::int FROM last) FROM every')
  await eventually(async () => (await committed()).flat().every((count) => count === 1))

  await client.query("SET jetgres.consistency = 'committed'")
  await fill(folder, 128 * 1024)
  await publishJson(connection, 'd.a', rowsFrom(1))
  const STATES = 'SELECT name, state, last_error FROM jetgres.relations ORDER BY name'
  const isStalled = async (): Promise<boolean> =>
    (await rowsOf(client, STATES)).some(([, state]) => state === 'stalled')
  await eventually(isStalled, { deadlineMs: 60_000, what: 'state stalled' })
  const stalled = (await rowsOf(client, STATES)).find(([, state]) => state === 'stalled')
  t.match(String(stalled?.[2]), /space|full|write/i, 'the error says why')
  const [[every, distinct] = []] = (await committed()) as number[][]
  t.equal(every, distinct, 'SELECTs are answered meanwhile, with what is committed')
  await publishJson(connection, 'd.a', rowsFrom(1 + ROWS))
  t.ok(await isStalled(), 'it stays so while there is no room')

  await rm(join(folder, 'filler'))
  const all = 1 + 2 * ROWS
  await eventually(async () => (await committed()).flat().every((count) => count === all), {
    deadlineMs: 60_000,
    what: `${all} rows`
  }).catch(async (error: unknown) => t.fail(`${String(error)}: ${JSON.stringify(await rowsOf(client, STATES))}`))
  t.same(await committed(), [[all, all, all]], 'with room it goes on: nothing lost, nothing doubled')
  await eventually(async () => (await rowsOf(client, STATES)).every(([, state]) => state === 'live'))

  await fill(folder, 0)
  await jetgres.kill()
  await rm(join(folder, 'filler'))
  jetgres.spawn()
  await jetgres.ready()
  const again = await jetgres.connect()
  t.same(await rowsOf(again, 'SELECT count(*)::int, count(DISTINCT n)::int FROM every'), [[all, all]])
})
