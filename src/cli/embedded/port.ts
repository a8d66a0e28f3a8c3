import { readFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'

/** The port of the last start; null if there was none, or if a crash left something else. */
export async function keptPort(folder: string): Promise<number | null> {
  const text = await readFile(join(folder, 'port'), 'utf8').catch(() => '')
  const port = Number(text)
  return Number.isInteger(port) && port >= 1024 && port < 65_536 ? port : null
}

/** Free at this moment; another process may be faster, then the server says so and the caller chooses anew. */
export async function isFree(port: number): Promise<boolean> {
  return (await listen(port)) !== null
}

export async function anyFreePort(): Promise<number> {
  const port = await listen(0)
  if (port === null) throw new Error('the system gives no free port on 127.0.0.1')
  return port
}

/**
 * For a server that comes back on the port it had: below those that systems give to outgoing connections (Linux: from 32,768
 * on), or somebody's connection may have taken it while the server was down. Seen: after a kill under load all clients asked
 * for it in vain.
 */
export async function anyServerPort(): Promise<number> {
  for (let attempt = 0; attempt < SERVER_PORT_ATTEMPTS; attempt++) {
    const port = SERVER_PORT_FIRST + Math.floor(Math.random() * (SERVER_PORT_END - SERVER_PORT_FIRST))
    if (await isFree(port)) return port
  }
  return anyFreePort()
}

const SERVER_PORT_FIRST = 15_000
const SERVER_PORT_END = 32_768
/** Ports of servers are few: of 16 one is free, or something else is wrong. */
const SERVER_PORT_ATTEMPTS = 16

async function listen(port: number): Promise<number | null> {
  const server = createServer()
  const given = await new Promise<number | null>((resolve) => {
    server.once('error', () => resolve(null))
    server.listen({ host: '127.0.0.1', port }, () => resolve((server.address() as AddressInfo).port))
  })
  if (given !== null) await new Promise((resolve) => server.close(resolve))
  return given
}
