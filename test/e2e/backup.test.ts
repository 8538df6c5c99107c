// Goal: a backup is a data directory of one moment, taken while everything runs; a damaged store is
// refused at the start, with the way out, and rebuilt from the stream. What rebuild does in each
// case of damage is test/catalog/rebuild.test.ts's.
// Method: the built program on a real stream, its file really damaged, the commands run as a user
// would, and the tables compared with what was published.

import { execFile } from 'node:child_process'
import { chmod, mkdtemp, open, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import t from 'tap'

import { mainPath, startJetgres } from '../support/jetgres.ts'
import { connectNats, createStream, publishJson, startNats, withoutNats } from '../support/nats-server.ts'
import { fedBy, rowsOf, STREAM, untilCount } from './world.ts'

const skip = withoutNats()

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a command of jetgres. */
async function run(...args: readonly string[]): Promise<Ended> {
  try {
    const said = await promisify(execFile)(process.execPath, [mainPath, ...args], {
      env: { PATH: process.env['PATH'] }
    })
    return { code: 0, ...said }
  } catch (error) {
    const { code, stdout, stderr } = error as Ended
    return { code, stdout, stderr }
  }
}

async function damageHead(path: string): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(Buffer.alloc(16_384, 0xa5), 0, 16_384, 0)
  await file.close()
}

const ROWS = 10_000
const rowsFrom = (from: number): unknown[] =>
  Array.from({ length: ROWS }, (_, i) => ({ n: from + i, word: `${(from + i) * 7919}` }))

const SUMS = 'SELECT count(*), sum(n), sum(length(word)), count(DISTINCT n) FROM big'
const LATE = "'nats', scan.startup.mode = 'latest'"

void t.test('backup and rebuild', { skip, timeout: 300_000 }, async (t) => {
  const nats = await startNats(t)
  const connection = await connectNats(t, nats)
  await createStream(connection, STREAM, ['e2e.>'])
  const jetgres = await startJetgres(t)
  const dataDir = ['--data-dir', jetgres.dataDir]
  const client = await jetgres.connect()
  await client.query(`CREATE TABLE big (n int PRIMARY KEY, word text) ${fedBy(nats, 'e2e.big')}`)
  await client.query("CREATE TABLE plain AS SELECT 'upstream' AS word")
  await publishJson(connection, 'e2e.small', [{ n: 0 }])
  const small = fedBy(nats, 'e2e.small').replace("'nats'", LATE)
  await client.query(`CREATE TABLE small (n int) ${small}`)
  await publishJson(connection, 'e2e.small', [{ n: 1 }, { n: 2 }])
  await publishJson(connection, 'e2e.big', rowsFrom(0))
  await untilCount(client, 'big', ROWS)

  // Started by root, Postgres runs as another user, who may not be let into this folder.
  const folder = await mkdtemp(join(tmpdir(), 'jetgres-test-backup-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  await chmod(folder, 0o755)
  const copy = join(folder, 'copy')
  const publishing = publishJson(connection, 'e2e.big', rowsFrom(ROWS))
  const backup = await run('backup', copy, ...dataDir)
  await publishing
  await untilCount(client, 'big', 2 * ROWS)
  const want = await rowsOf(client, SUMS)
  t.equal(backup.code, 0, backup.stderr)
  t.match(backup.stdout, copy)
  t.equal((await stat(copy)).mode & 0o077, 0, 'for its owner alone')
  const again = await run('backup', copy, ...dataDir)
  t.equal(again.code, 1)
  t.match(again.stderr, /is not empty: name a new folder/)

  t.match((await run('rebuild', ...dataDir)).stderr, /in use by another jetgres/)
  await jetgres.stop()
  t.match((await run('backup', `${copy}2`, ...dataDir)).stderr, /no jetgres runs on/)

  const other = await startJetgres(t, { dataDir: copy })
  const there = await other.connect()
  await untilCount(there, 'big', 2 * ROWS)
  t.same(await rowsOf(there, SUMS), want, 'the backup starts, and goes on')
  t.same(await rowsOf(there, 'SELECT n FROM small ORDER BY n'), [[1], [2]])
  t.same(await rowsOf(there, 'SELECT word FROM plain'), [['upstream']], 'Postgres is in it')
  await other.stop()

  await damageHead(join(jetgres.dataDir, 'store.duckdb'))
  jetgres.spawn()
  t.equal(await jetgres.exited(), 1, 'a damaged file is refused')
  const refusal = jetgres.lines.findLast(({ msg }) => msg === 'jetgres could not start')
  t.match(String(refusal?.['reason']), /store\.duckdb.*damaged.*jetgres rebuild/s)
  const { stdout } = await run('rebuild', ...dataDir)
  t.match(stdout, /postgres\.public\.big: is read anew from stream/)
  const aside = /The file as it was: (.*)/.exec(stdout)?.[1] ?? ''
  t.ok((await stat(aside)).size > 16_384, 'the damaged file is kept')
  jetgres.spawn()
  await jetgres.ready()
  const after = await jetgres.connect()
  await untilCount(after, 'big', 2 * ROWS)
  t.same(await rowsOf(after, SUMS), want, 'all is read again')
  await untilCount(after, 'small', 2)
  t.same(await rowsOf(after, 'SELECT n FROM small ORDER BY n'), [[1], [2]], 'from where it began')
  t.same(await rowsOf(after, 'SELECT name FROM jetgres.gaps'), [], 'and without a gap')
})
