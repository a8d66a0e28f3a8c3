import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Gateway, type GatewayOptions } from './gateway.ts'
import { portalHash } from './sessions.ts'

export interface RunningGateway {
  /** Ends with a slash. */
  readonly url: string
  readonly gateway: Gateway
  readonly close: () => Promise<void>
}

/** The gateway alone, for tests and load tests; beside a demo it answers on the insurer's own port. */
export async function startGateway(options: GatewayOptions, port = 0): Promise<RunningGateway> {
  const gateway = new Gateway(options)
  const server = createServer((request, response) => {
    gateway
      .handle(request, response)
      .then((handled) => handled || response.writeHead(404).end())
      .catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    gateway,
    close: async () => {
      gateway.close()
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    },
  }
}

/** Of the demo's facilities: no secret of anybody. */
export function demoPortalHash(username: string): string | null {
  return /^[0-9A-Z]{5}_BV$/.test(username) ? portalHash(`demo-${username}`) : null
}
