// Whether the upstream reaches the back channel: a bare listener stands where that would, and
// postgres_fdw is sent to it, in a transaction that is rolled back. That it comes is all that is asked
// for, so what it is told there is nothing.

import { randomUUID } from 'node:crypto'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

import { formatAddress } from '../config.ts'
import type { Address, Config } from '../config.ts'
import type { MaintenanceClient } from '../upstream/maintenance-client.ts'
import { ok, reasonOf, wrong } from './finding.ts'
import type { Finding } from './finding.ts'

const ADVICE =
  'name an address of this machine that the upstream can reach with --backchannel HOST:PORT, and ' +
  'open that port to the upstream'

export function checkBackchannel(config: Config, client: MaintenanceClient): Promise<Finding> {
  const { host, port } = config.backchannel ?? { host: '127.0.0.1', port: 0 }
  return checkWay(client, { host, port }, host)
}

/** `listenAt` is ours, `told` the host that the upstream is told. */
export async function checkWay(
  client: MaintenanceClient,
  listenAt: Address,
  told: string
): Promise<Finding> {
  const what = 'back channel'
  const token = randomUUID()
  let hasCome = false
  const server = createServer((socket) => meet(socket, token, () => (hasCome = true)))
  try {
    const port = await listen(server, listenAt)
    const said = await sendThere(client, { host: told, port }, token)
    const address = formatAddress({ host: told, port })
    return hasCome
      ? ok(
          what,
          `the upstream reaches ${formatAddress({ host: told, port: listenAt.port || port })}`
        )
      : wrong(what, `the upstream cannot reach ${address}: ${said}`, ADVICE)
  } catch (error) {
    return wrong(what, reasonOf(error), ADVICE)
  } finally {
    server.close()
  }
}

/** The first packet holds the user's name, which nobody else knows. */
function meet(socket: Socket, token: string, come: () => void): void {
  socket.on('error', () => socket.destroy())
  socket.once('data', (packet) => {
    if (packet.includes(token)) come()
    socket.destroy()
  })
}

function listen(server: ReturnType<typeof createServer>, { host, port }: Address): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
}

/** Resolves to what the upstream says of it: it can only fail. */
async function sendThere(
  client: MaintenanceClient,
  { host, port }: Address,
  token: string
): Promise<string> {
  const options =
    `host ${client.quote(host)}, port '${port}', dbname 'check', sslmode 'disable', ` +
    `gssencmode 'disable', connect_timeout '5'`
  try {
    await client.query(`BEGIN; SET LOCAL client_min_messages = warning;
      CREATE EXTENSION IF NOT EXISTS postgres_fdw;
      CREATE SERVER jetgres_check FOREIGN DATA WRAPPER postgres_fdw OPTIONS (${options});
      CREATE USER MAPPING FOR CURRENT_USER SERVER jetgres_check OPTIONS (user '${token}', password 'x');
      CREATE FOREIGN TABLE pg_temp.jetgres_check (a int) SERVER jetgres_check;
      SELECT * FROM pg_temp.jetgres_check`)
    return 'nothing'
  } catch (error) {
    return reasonOf(error)
  } finally {
    await client.query('ROLLBACK').catch(() => undefined)
  }
}
