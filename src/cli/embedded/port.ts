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

async function listen(port: number): Promise<number | null> {
  const server = createServer()
  const given = await new Promise<number | null>((resolve) => {
    server.once('error', () => resolve(null))
    server.listen({ host: '127.0.0.1', port }, () => resolve((server.address() as AddressInfo).port))
  })
  if (given !== null) await new Promise((resolve) => server.close(resolve))
  return given
}
