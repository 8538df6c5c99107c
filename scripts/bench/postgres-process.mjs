// @ts-check
// A process that holds one plain Postgres: `postgres-process.mjs DIR PORT SETTINGS`. Prints one
// line of JSON when it is ready; SIGTERM stops it, SIGQUIT at once, when its files are not needed any more.

import { createLogger } from '../../dist/log.js'
import { startEmbedded } from '../../dist/upstream/embedded.js'

const [dataDir = '', port, settings = '{}'] = process.argv.slice(2)
const server = await startEmbedded({
  dataDir,
  log: createLogger({ level: 'error', format: 'json' }),
  listen: { host: '127.0.0.1', port: Number(port) },
  settings: JSON.parse(settings)
})
process.on('SIGTERM', () => void server.stop())
process.on('SIGQUIT', () => void server.stop('immediate'))
console.log(JSON.stringify({ socketDir: server.socketDir, pid: server.pid }))
await server.exited
process.exit(0)
