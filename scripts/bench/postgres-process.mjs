// @ts-check
// A process that holds one plain Postgres: `postgres-process.mjs DIR PORT SETTINGS`. Prints one
// line of JSON when it is ready; SIGTERM stops it.

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
console.log(JSON.stringify({ socketDir: server.socketDir, pid: server.pid }))
await server.exited
process.exit(0)
