// Goal: a secret is used where it is named, by its owner only, and is seen nowhere: not in SHOW
// CREATE, the log, an error, the upstream's catalog, nor by others in the data directory.
// Method: a nats-server with users; relations by SECRET; then everything is searched for the values.

import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'

import t from 'tap'

import { withoutNats } from '../support/nats-server.ts'
import { openWorld, refusal, rowsOf, startAmysStream, STREAM, untilCount } from './world.ts'

const OLD = 'hidden-0ld-value'
const NEW = 'hidden-n3w-value'

const skip = { skip: withoutNats() }

void t.test('a secret is used where it is named and seen nowhere', skip, async (t) => {
  const world = await openWorld(t)
  const { client, direct, jetgres } = world
  const servers = await Promise.all([
    startAmysStream(t, OLD, [{ id: 1 }, { id: 2 }]),
    startAmysStream(t, NEW, [{ id: 3 }, { id: 4 }])
  ])
  const urls = servers.map(({ port }) => `127.0.0.1:${port}`).join()
  const create = (name: string, secret: string): string => `CREATE TABLE ${name} (id int PRIMARY KEY)
    WITH (connector = 'nats', server_url = '${urls}',
      subject = 'e2e.amy', stream = '${STREAM}', connect_mode = 'user_and_password', username = 'amy',
      password = SECRET ${secret}) FORMAT PLAIN ENCODE JSON`
  const made = `CREATE SECRET pw WITH (backend = 'meta') AS '${OLD}'`

  t.match(await refusal(client, create('t', 'pw')), {
    code: '42704',
    message: 'secret "pw" does not exist',
    at: /^pw\)/
  })
  await client.query('BEGIN')
  t.match(await refusal(client, made), { code: '25001' })
  await client.query('ROLLBACK')
  await client.query(made)
  t.match(await refusal(client, made), { code: '42710', message: 'secret "pw" already exists' })
  await client.query(made.replace('SECRET pw', 'SECRET IF NOT EXISTS pw'))
  await client.query(`CREATE SCHEMA other; CREATE ROLE bob LOGIN;
    GRANT CREATE ON SCHEMA public TO bob`)
  await client.query(made.replace('pw', 'other.elsewhere'))
  t.same(await rowsOf(client, 'SHOW SECRETS'), [['pw']])
  t.same(await rowsOf(client, 'SHOW SECRETS FROM other'), [['elsewhere']])
  t.match(await refusal(client, made.replace('pw', 'nowhere.x')), { code: '3F000' })

  await client.query(create('t', 'pw'))
  await untilCount(client, 't', 2)
  const [[, shown]] = (await rowsOf(client, 'SHOW CREATE TABLE t')) as [[string, string]]
  t.match(shown, /password = SECRET "public"\."pw"/)
  const bob = await jetgres.connect({ user: 'bob' })
  for (const sql of [create('b', 'pw'), 'DROP SECRET pw', `ALTER SECRET pw AS 'x'`]) {
    t.match(await refusal(bob, sql), { code: '42501', message: 'must be owner of secret pw' }, sql)
  }
  t.match(await refusal(bob, made.replace('pw', 'other.x')), { code: '42501' })
  t.match(await refusal(client, 'DROP SECRET pw'), { code: '2BP01', detail: /public\.t/ })

  await jetgres.restart()
  const again = await jetgres.connect()
  await servers[0]!.kill()
  await again.query(`ALTER SECRET pw AS '${NEW}'`)
  await untilCount(again, 't', 4)
  const change = `ALTER TABLE t CONNECTOR WITH (connect_mode = 'user_and_password', username = 'amy',
    password = SECRET other.elsewhere)`
  t.match(await refusal(again, change), { code: '28P01' }, 'that one has the old value')
  const both = 'DROP TABLE t; DROP SECRET pw'
  t.match(await refusal(again, `${both}; SELECT 1 / 0`), { code: '22012' })
  await untilCount(again, 't', 4)
  t.same(await rowsOf(again, 'SHOW SECRETS'), [['pw']], 'both stay with what was rolled back')
  t.match(await refusal(again, 'DROP SECRET pw; DROP TABLE t'), { code: '2BP01' })
  await again.query('CREATE SCHEMA gone; ALTER TABLE t SET SCHEMA gone')
  await again.query('DROP SCHEMA gone CASCADE; DROP SECRET pw')
  t.same(await rowsOf(again, 'SHOW SECRETS'), [])
  await again.query('DROP SECRET IF EXISTS pw')
  t.match(await refusal(again, 'DROP SECRET pw'), { code: '42704' })

  await again.query(`CREATE SECRET last WITH (backend = 'meta') AS '${NEW}'`)
  const path = join(jetgres.dataDir, 'secrets.json')
  t.equal((await stat(path)).mode & 0o777, 0o600)
  t.match(await readFile(path, 'utf8'), new RegExp(NEW), 'it is kept there')
  t.notOk((await readdir(jetgres.dataDir)).includes('secrets.json.new'))
  const log = JSON.stringify(jetgres.lines) + jetgres.output
  t.notMatch(log, /hidden-/, 'nothing in the log')
  const [[text]] = (await rowsOf(direct, `SELECT string_agg(x, ' ') FROM (
    SELECT pg_get_viewdef(oid) AS x FROM pg_class WHERE relkind = 'v' UNION ALL
    SELECT ftoptions::text FROM pg_foreign_table UNION ALL
    SELECT query FROM pg_stat_activity UNION ALL SELECT description FROM pg_description) x`)) as [[string]]
  t.notMatch(text, /hidden-/, 'nothing upstream')
})
