// The configuration as administrators may see it: by the options' names, secrets hidden.

import { formatAddress, formatBytes, redactUrl } from './config.ts'
import type { Config } from './config.ts'

export type ShownSetting = readonly [name: string, value: string]

const HIDDEN = '********'
const hidden = (secret: string | undefined): string => (secret === undefined ? '' : HIDDEN)

export const shownSettings = (config: Config): ShownSetting[] => [
  ['listen', formatAddress(config.listen)],
  ['upstream', config.upstream === undefined ? 'embedded' : redactUrl(config.upstream)],
  ['data_dir', config.dataDir],
  ['backchannel', config.backchannel ? formatAddress(config.backchannel) : ''],
  ['http', config.http ? formatAddress(config.http) : 'off'],
  ['http_token', hidden(config.httpToken)],
  ['store_memory', config.storeMemory === undefined ? '' : formatBytes(config.storeMemory)],
  ['lookup_memory', formatBytes(config.lookupMemory)],
  ['slow_statement_ms', config.slowStatementMs === Infinity ? '' : String(config.slowStatementMs)],
  ['log_level', config.logLevel],
  ['log_format', config.logFormat ?? ''],
  ['embedded_password', hidden(config.embeddedPassword)],
  ['tls_cert', config.tls?.cert ?? ''],
  ['tls_key', config.tls?.key ?? ''],
  ['tls_client_ca', config.tls?.clientCa ?? ''],
  ['require_tls', config.requireTls ? 'on' : 'off'],
  ['authentication_timeout', String(config.startupMs / 1_000)]
]
