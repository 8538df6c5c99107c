// Goal: every option is read from flag, variable and default, and every fault is told at once.
// Method: tables of inputs with the wanted value or message.

import { resolve } from 'node:path'

import t from 'tap'

import {
  ConfigError,
  formatAddress,
  isLoopback,
  readCommand,
  readConfig,
  redactUrl,
  type Config
} from '../src/config.ts'
import { commandForms } from '../src/config-commands.ts'
import { configMarkdown, helpText } from '../src/config-help.ts'
import { configOptions } from '../src/config-options.ts'

const defaults: Config = {
  listen: { host: '127.0.0.1', port: 6432 },
  upstream: undefined,
  dataDir: resolve('./jetgres-data'),
  backchannel: undefined,
  http: { host: '127.0.0.1', port: 6480 },
  httpToken: undefined,
  storeMemory: undefined,
  lookupMemory: 256 * 1024 * 1024,
  slowStatementMs: Infinity,
  logLevel: 'info',
  logFormat: undefined,
  embeddedPassword: undefined,
  tls: undefined,
  requireTls: false,
  startupMs: 60_000
}

const url = 'postgresql://me:secret@db.example:5433/app?sslmode=require'

interface Case {
  readonly argv?: readonly string[]
  readonly env?: Record<string, string>
  readonly want: Partial<Config>
}

const readable: readonly Case[] = [
  { want: {} },
  { argv: ['--listen', '[::1]:0'], want: { listen: { host: '::1', port: 0 } } },
  { argv: ['--listen=localhost:1'], want: { listen: { host: 'localhost', port: 1 } } },
  { env: { JETGRES_LISTEN: '127.0.0.2:65535' }, want: { listen: { host: '127.0.0.2', port: 65535 } } },
  {
    argv: ['--listen', '127.0.0.1:1'],
    env: { JETGRES_LISTEN: '127.0.0.1:2' },
    want: { listen: { host: '127.0.0.1', port: 1 } }
  },
  { env: { JETGRES_LISTEN: '' }, want: {} },
  { argv: ['--upstream', url], want: { upstream: url } },
  {
    env: { JETGRES_UPSTREAM: 'postgres://me@/app?host=/run/postgresql' },
    want: { upstream: 'postgres://me@/app?host=/run/postgresql' }
  },
  {
    argv: ['--upstream', url, '--listen', '0.0.0.0:5432'],
    want: { upstream: url, listen: { host: '0.0.0.0', port: 5432 } }
  },
  {
    argv: ['--upstream', 'postgresql://me@h1:1,h2/d?target_session_attrs=primary'],
    want: { upstream: 'postgresql://me@h1:1,h2/d?target_session_attrs=primary' }
  },
  {
    argv: ['--tls-cert', '/c', '--tls-key', '/k', '--require-tls'],
    want: { tls: { cert: '/c', key: '/k', clientCa: undefined }, requireTls: true }
  },
  {
    argv: ['--require-tls=off', '--tls-client-ca=/a', '--tls-key=/k'],
    env: { JETGRES_TLS_CERT: '/c', JETGRES_REQUIRE_TLS: 'on' },
    want: { tls: { cert: '/c', key: '/k', clientCa: '/a' }, requireTls: false }
  },
  {
    argv: ['--require-tls', 'off', '--tls-cert', '/c', '--tls-key', '/k'],
    want: { tls: { cert: '/c', key: '/k', clientCa: undefined }, requireTls: false }
  },
  { argv: ['--authentication-timeout', '5'], want: { startupMs: 5_000 } },
  { argv: ['--store-memory', '64MB'], want: { storeMemory: 64 * 1024 ** 2 } },
  { env: { JETGRES_STORE_MEMORY: '2 GB' }, want: { storeMemory: 2 * 1024 ** 3 } },
  { argv: ['--lookup-memory=0MB'], want: { lookupMemory: 0 } },
  { argv: ['--data-dir', '/srv/x'], want: { dataDir: '/srv/x' } },
  { argv: ['--data-dir', 'a b'], want: { dataDir: resolve('a b') } },
  { argv: ['--backchannel', 'jetgres:6433'], want: { backchannel: { host: 'jetgres', port: 6433 } } },
  { argv: ['--http', 'off'], want: { http: undefined } },
  { env: { JETGRES_HTTP: '[::]:80' }, want: { http: { host: '::', port: 80 } } },
  { argv: ['--log-level', 'debug', '--log-format', 'json'], want: { logLevel: 'debug', logFormat: 'json' } },
  {
    argv: ['--listen', '0.0.0.0:6432'],
    env: { JETGRES_EMBEDDED_PASSWORD: 'p' },
    want: { listen: { host: '0.0.0.0', port: 6432 }, embeddedPassword: 'p' }
  }
]

void t.test('reads flags over variables over defaults', async (t) => {
  for (const { argv = [], env = {}, want } of readable) {
    t.same(readConfig(argv, env), { ...defaults, ...want }, JSON.stringify({ argv, env }))
  }
})

function faultsOf(argv: readonly string[], env: Record<string, string> = {}): readonly string[] {
  try {
    readConfig(argv, env)
  } catch (error) {
    if (error instanceof ConfigError) return error.faults
    throw error
  }
  return []
}

const faulty: readonly (readonly [argv: readonly string[], want: RegExp])[] = [
  [['--listen', '6432'], /^--listen: "6432" is not HOST:PORT/],
  [['--listen', '::1:6432'], /"::1:6432" is not HOST:PORT .*\[::1\]:6432/],
  [['--listen', 'a:65536'], /"a:65536" is not HOST:PORT/],
  [['--listen', ':6432'], /":6432" is not HOST:PORT/],
  [['--http', 'on'], /"on" is not HOST:PORT or off/],
  [['--listen'], /^--listen needs a value: HOST:PORT/],
  [['--listen='], /^--listen needs a value: HOST:PORT/],
  [['--data-dir='], /^--data-dir needs a value: DIR$/],
  [['--data-dir', ''], /^--data-dir needs a value: DIR$/],
  [['--http-token='], /^--http-token needs a value: TEXT$/],
  [['--require-tls='], /^--require-tls: "" is not one of on, off/],
  [['--lisen', 'a:1'], /^unknown option --lisen, did you mean --listen\?/],
  [['--frobnicate=1'], /^unknown option --frobnicate$/],
  [['-x'], /^unknown option -x$/],
  [['stray'], /^"stray" is not an option$/],
  [['--data-dir', 'x', 'check'], /^the command comes first: jetgres check \[options\]$/],
  [['--http', 'off', 'backup', '/to'], /^the command comes first: jetgres backup DIR \[options\]$/],
  [['--log-level', 'loud'], /"loud" is not one of fatal, error, warn, info, debug/],
  [['--log-format', 'xml'], /"xml" is not one of json, pretty/],
  [['--upstream', 'localhost'], /^--upstream: not a URL; the form is postgresql:/],
  [['--upstream', 'mysql://me@h/d'], /a URL of "mysql:\/\/", not of Postgres/],
  [['--upstream', 'postgresql:///d'], /no host/],
  [['--tls-cert', '/c'], /^--tls-cert and --tls-key need each other/],
  [['--tls-client-ca', '/c'], /^--tls-client-ca needs --tls-cert and --tls-key/],
  [['--require-tls'], /^--require-tls needs --tls-cert and --tls-key/],
  [['--require-tls', 'maybe'], /^--require-tls: "maybe" is not one of on, off/],
  [['--require-tls', 'on', 'off'], /^"off" is not an option$/],
  [['--require-tls=yes'], /^--require-tls: "yes" is not one of on, off/],
  [['--authentication-timeout', '0'], /^--authentication-timeout: "0" is not SECONDS/],
  [['--store-memory', '80%'], /^--store-memory: "80%" is not a NUMBER with MB, GB or TB \(such as 512MB\)/],
  [['--store-memory', '512'], /"512" is not a NUMBER/],
  [['--store-memory', '10MB'], /^--store-memory: "10MB" is outside of 64MB to 1024TB/],
  [['--lookup-memory', '9GB'], /^--lookup-memory: "9GB" is outside of 0MB to 8GB/],
  [['--upstream', url, '--embedded-password', 'x'], /leave it out with --upstream/],
  [['--listen', '0.0.0.0:6432'], /trusts everybody, so "0\.0\.0\.0" would open it/],
  [['--listen', '[::]:6432'], /trusts everybody/]
]

void t.test('refuses what it does not understand, with the accepted form', async (t) => {
  for (const [argv, want] of faulty) {
    const got = faultsOf(argv)
    t.ok(got.some((fault) => want.test(fault)), `${argv.join(' ')} → ${got.join(' | ')}`)
  }
})

void t.test('tells all faults at once, named as they were given', async (t) => {
  const got = faultsOf(['--http', 'x', '--nope'], { JETGRES_LISTEN: 'y', JETGRES_LOG_LEVEL: 'z' })
  t.equal(got.length, 4)
  t.equal(faultsOf(['--nope', 'its value', '--http', 'x']).length, 2, 'no fault for its value')
  t.match(got.join('\n'), /--nope[^]*JETGRES_LISTEN: "y"[^]*--http: "x"[^]*JETGRES_LOG_LEVEL: "z"/)
})

void t.test('no message shows the password of an upstream', async (t) => {
  const got = faultsOf(['--upstream', 'mysql://me:hunter2@h1,h2/d', '--bad'])
  t.equal(got.length, 2)
  t.notMatch(got.join(), /hunter2/)
})

void t.test('masks passwords in a URL', async (t) => {
  const table = [
    ['postgresql://me:hunter2@h:1/d', 'postgresql://me:***@h:1/d'],
    ['postgresql://me@h/d?password=hunter2&sslmode=require', 'postgresql://me@h/d?password=***&sslmode=require'],
    ['postgresql://me@h/d', 'postgresql://me@h/d'],
    ['me:hunter2@h', '[not a URL]'],
    ['hunter2', '[not a URL]']
  ] as const
  for (const [input, want] of table) {
    const got = redactUrl(input)
    t.equal(got, want)
  }
})

void t.test('knows which addresses only this machine reaches', async (t) => {
  for (const host of ['127.0.0.1', '127.1.2.3', '::1', 'localhost']) t.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.example', 'jetgres']) t.notOk(isLoopback(host), host)
})

void t.test('writes addresses as it reads them', async (t) => {
  for (const text of ['127.0.0.1:6432', '[::1]:0', 'jetgres:6433']) {
    const { backchannel } = readConfig(['--backchannel', text], {})
    t.equal(backchannel && formatAddress(backchannel), text)
  }
})

void t.test('help and README name every option', async (t) => {
  for (const { flag, variable } of configOptions) {
    t.ok(helpText().includes(`${flag} `) && helpText().includes(variable), flag)
    t.ok(configMarkdown().includes(`| \`${flag}\` | \`${variable}\` |`), flag)
  }
})

void t.test('the command comes first, its operands behind it', async (t) => {
  const readable = [
    [[], 'serve', []],
    [['--http', 'off'], 'serve', ['--http', 'off']],
    [['serve', '--http', 'off'], 'serve', ['--http', 'off']],
    [['version', 'stray'], 'version', ['stray']]
  ] as const
  for (const [argv, name, rest] of readable) {
    t.same(readCommand(argv), { name, operands: [], rest }, argv.join(' '))
  }
  const wrong = [
    [['backup', ''], /^the command is: jetgres backup DIR \[options\]$/],
    [['rebuild', '', '--http', 'off'], /^the command is: jetgres rebuild \[RELATION\] \[options\]$/],
    [['srve'], /^"srve" is not a command, did you mean serve\?$/],
    [['frobnicate', 'serve'], /^"frobnicate" is not a command$/]
  ] as const
  for (const [argv, want] of wrong) t.throws(() => readCommand(argv), want, argv.join(' '))
  for (const { name } of commandForms) t.ok(helpText().includes(`\n  ${name}`), name)
})
