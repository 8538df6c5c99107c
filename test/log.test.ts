// Goal: log lines look as configured and no secret gets into them.
// Method: lines are collected in memory, and searched for the secrets that went in.

import t from 'tap'

import { createLogger, type LogOptions } from '../src/log.ts'

function collect(options: Omit<LogOptions, 'destination'>) {
  const lines: string[] = []
  return { lines, log: createLogger({ ...options, destination: { write: (l) => lines.push(l) } }) }
}

void t.test('json lines carry time, level by name, facts and message', async (t) => {
  const { lines, log } = collect({ level: 'info', format: 'json' })
  log.child({ session: 7 }).warn({ attempt: 2, err: new Error('gone') }, 'nats reconnect failed')
  log.debug('not at this level')
  t.equal(lines.length, 1)
  t.match(JSON.parse(lines[0] ?? ''), {
    level: 'warn',
    time: /^\d{4}-\d\d-\d\dT/,
    session: 7,
    attempt: 2,
    err: { type: 'Error', message: 'gone' },
    msg: 'nats reconnect failed'
  })
})

void t.test('secrets are masked wherever options are logged', async (t) => {
  for (const format of ['json', 'pretty'] as const) {
    const { lines, log } = collect({ level: 'info', format })
    const secret = 'hunter2'
    for (const key of ['password', 'jwt', 'nkey', 'secret', 'nats.password', 'nats.jwt']) {
      log.info({ [key]: secret }, 'top')
      log.info({ options: { [key]: secret, user: 'me' } }, 'nested')
      log.info({ relation: { options: { [key]: secret } } }, 'deeper')
      log.child({ [key]: secret }).info('child')
    }
    t.equal(lines.length, 24)
    t.notOk(lines.join('').includes(secret), `${format} shows none`)
    t.match(lines.join(''), /redacted/)
  }
})

void t.test('pretty lines are one line each, for people', async (t) => {
  const { lines, log } = collect({ level: 'info', format: 'pretty' })
  log.info({ port: 6432 }, 'jetgres is ready')
  t.match(lines[0], /^\[[\d:.]+\] INFO: jetgres is ready \{"port":6432\}\n$/)
})
