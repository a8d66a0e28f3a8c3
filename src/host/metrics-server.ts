import { createServer } from 'node:http'
import type { Config } from '../config.ts'
import { StartError } from './start-error.ts'

export interface MetricsServer {
  readonly port: number
  readonly close: () => Promise<void>
}

const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
/** Two scrapers and somebody who looks. */
const CONNECTIONS_MAX = 16

/**
 * `GET /metrics` on a listener of its own: no token, so it belongs on the loopback or a private network, and nothing that
 * faces clients can be talked into showing it. Scrapers that ask at once share one reading.
 */
export async function serveMetrics(
  at: { readonly host: string; readonly port: number },
  read: () => Promise<string>,
): Promise<MetricsServer> {
  let reading: Promise<string> | null = null
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, async (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') {
      response.writeHead(404).end()
      return
    }
    try {
      reading ??= read().finally(() => {
        reading = null
      })
      const text = await reading
      response.writeHead(200, { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' }).end(text)
    } catch {
      response.writeHead(503).end() // a process of the crew ended or just begins: the next scrape has it
    }
  })
  server.maxConnections = CONNECTIONS_MAX
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(at.port, at.host, resolve)
  })
  server.unref() // whoever serves holds the process, not who looks
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : at.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** In a crew the first process has the listener, and asks the others. */
export async function showMetrics(
  { metrics }: Pick<Config, 'metrics'>,
  read: () => Promise<string>,
): Promise<MetricsServer | null> {
  if (metrics === null) return null
  return serveMetrics(metrics, read).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'EADDRINUSE' ? new StartError([`METRICS_PORT: port ${metrics.port} is taken`]) : error
  })
}

/** For the first process of a crew: all of it together. */
export async function showCrewMetrics(config: Pick<Config, 'metrics'>): Promise<MetricsServer | null> {
  if (config.metrics === null) return null
  const { crewFigures } = await import('./crew-figures.ts')
  return showMetrics(config, crewFigures())
}
