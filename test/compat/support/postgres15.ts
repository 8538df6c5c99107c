// A Postgres of psql's own major version, so that psql's catalog queries all work: Debian's, in a
// temporary folder, gone at the test's end.

import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import pg from 'pg'
import type { Test } from 'tap'

import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { collect, PG_BIN } from './programs.ts'
import type { Address } from './stage.ts'

/** Postgres refuses to run as root. */
function unprivileged(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const idOf = (flag: string): number =>
    Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: idOf('-u'), gid: idOf('-g') }
}

/** Runs until the test's teardown; everybody on this machine is trusted, as user postgres. */
export async function startPostgres15(t: Pick<Test, 'teardown'>): Promise<Address> {
  const dataDir = await mkdtemp(join(tmpdir(), 'jetgres-compat-pg-'))
  const port = await freePort()
  const owner = unprivileged()
  if (owner.uid !== undefined) await chown(dataDir, owner.uid, owner.gid!)
  const initdb = ['-D', dataDir, '-U', 'postgres', '-A', 'trust', '-N', '--locale=C.UTF-8']
  execFileSync(join(PG_BIN, 'initdb'), initdb, { ...owner, stdio: 'ignore' })
  const settings = ['fsync=off', 'max_connections=100', `unix_socket_directories=${dataDir}`]
  const flags = ['-D', dataDir, '-p', String(port), ...settings.flatMap((text) => ['-c', text])]
  const server = spawn(join(PG_BIN, 'postgres'), flags, {
    ...owner,
    stdio: ['ignore', 'ignore', 'pipe']
  })
  const log = collect(server, 'stderr')
  t.teardown(async () => {
    if (server.exitCode === null) {
      server.kill('SIGQUIT')
      await once(server, 'exit')
    }
    await rm(dataDir, { recursive: true, force: true })
  })
  const address = { host: '127.0.0.1', port, user: 'postgres', database: 'postgres' }
  const isUp = async (): Promise<boolean> => {
    if (server.exitCode !== null) throw new Error(log())
    const probe = new pg.Client(address)
    await probe.connect()
    await probe.end()
    return true
  }
  await eventually(isUp, { deadlineMs: 30_000, what: `Postgres 15 on port ${port}` })
  return address
}
