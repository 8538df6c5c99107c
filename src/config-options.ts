// Every option jetgres has: one table, from which the flags, the variables, --help and README's
// table are made. Data only.

import { limits } from './limits.ts'
import { logFormats, logLevels } from './log.ts'

export interface ConfigOption {
  readonly flag: string
  readonly variable: string
  /** The accepted form of a value. */
  readonly form: string
  /** In words where it isn't a value. */
  readonly default: string
  readonly meaning: string
  /** The bare flag means `on`. */
  readonly isSwitch?: true
}

const MEBIBYTE = 2 ** 20

export const configOptions = [
  {
    flag: '--listen',
    variable: 'JETGRES_LISTEN',
    form: 'HOST:PORT',
    default: '127.0.0.1:6432',
    meaning: 'where Postgres clients connect; port 0 is any free port'
  },
  {
    flag: '--upstream',
    variable: 'JETGRES_UPSTREAM',
    form: 'postgresql://USER[:PASSWORD]@HOST[:PORT][,…]/DATABASE[?…]',
    default: 'none: an embedded Postgres 18',
    meaning: 'the Postgres behind jetgres, and the maintenance role that jetgres uses there'
  },
  {
    flag: '--data-dir',
    variable: 'JETGRES_DATA_DIR',
    form: 'DIR',
    default: './jetgres-data',
    meaning: 'rows, definitions and the embedded Postgres; made if missing'
  },
  {
    flag: '--backchannel',
    variable: 'JETGRES_BACKCHANNEL',
    form: 'HOST:PORT',
    default: '127.0.0.1 and any free port',
    meaning:
      'where the upstream reads live rows from jetgres; name an address that it can reach ' +
      'when it is on another machine'
  },
  {
    flag: '--http',
    variable: 'JETGRES_HTTP',
    form: 'HOST:PORT or off',
    default: '127.0.0.1:6480',
    meaning: 'the status page, /metrics, /healthz and /readyz'
  },
  {
    flag: '--http-token',
    variable: 'JETGRES_HTTP_TOKEN',
    form: 'TEXT',
    default: 'none: the status page and /metrics are open to this machine alone',
    meaning:
      'who has it may see the status page and /metrics, and pause relations, also from elsewhere ' +
      '(prefer the variable: flags are seen in process lists)'
  },
  {
    flag: '--store-memory',
    variable: 'JETGRES_STORE_MEMORY',
    form: 'NUMBER with MB, GB or TB',
    default: 'a quarter of what the machine, or the container, has',
    meaning:
      'what DuckDB may take for reads and commits; a read that needs more goes by temporary files in ' +
      'the data directory'
  },
  {
    flag: '--lookup-memory',
    variable: 'JETGRES_LOOKUP_MEMORY',
    form: 'NUMBER with MB, GB or TB',
    default: `${limits.rowCacheBytesMax / MEBIBYTE}MB`,
    meaning:
      'what rows kept for look-ups by key may take, all relations together; rows that it has no room ' +
      'for lie in a file in the data directory, their index of 12 to 24 bytes each does not; 0MB: none'
  },
  {
    flag: '--slow-statement-ms',
    variable: 'JETGRES_SLOW_STATEMENT_MS',
    form: 'MILLISECONDS',
    default: 'none: no statement is logged',
    meaning: 'a statement that takes so long is logged, with its route and without its constants'
  },
  {
    flag: '--log-level',
    variable: 'JETGRES_LOG_LEVEL',
    form: logLevels.join(', '),
    default: 'info',
    meaning: 'SQL text is logged at debug only'
  },
  {
    flag: '--log-format',
    variable: 'JETGRES_LOG_FORMAT',
    form: logFormats.join(', '),
    default: 'pretty on a terminal, else json',
    meaning: 'form of the log lines, which go to stderr'
  },
  {
    flag: '--embedded-password',
    variable: 'JETGRES_EMBEDDED_PASSWORD',
    form: 'TEXT',
    default: 'none: everybody who reaches it is trusted',
    meaning:
      "password of the embedded Postgres's user postgres; needed to listen beyond this machine " +
      '(prefer the variable: flags are seen in process lists)'
  },
  {
    flag: '--tls-cert',
    variable: 'JETGRES_TLS_CERT',
    form: 'FILE',
    default: 'none: clients get no TLS',
    meaning: 'certificate (PEM, with its intermediates) shown to clients; SIGHUP reads it again'
  },
  {
    flag: '--tls-key',
    variable: 'JETGRES_TLS_KEY',
    form: 'FILE',
    default: 'none; needed with --tls-cert',
    meaning: "the certificate's private key (PEM, without a passphrase)"
  },
  {
    flag: '--tls-client-ca',
    variable: 'JETGRES_TLS_CLIENT_CA',
    form: 'FILE',
    default: 'none: clients need no certificate',
    meaning: 'certificates (PEM) of those who sign clients; every client over TLS must show one'
  },
  {
    flag: '--require-tls',
    variable: 'JETGRES_REQUIRE_TLS',
    form: 'on, off',
    default: 'off',
    meaning: 'refuse clients without TLS; with --tls-client-ca, those without a certificate too',
    isSwitch: true
  },
  {
    flag: '--authentication-timeout',
    variable: 'JETGRES_AUTHENTICATION_TIMEOUT',
    form: 'SECONDS',
    default: String(limits.startupMs / 1_000),
    meaning: 'a client that is not let in by then is dropped'
  }
] as const satisfies readonly ConfigOption[]
