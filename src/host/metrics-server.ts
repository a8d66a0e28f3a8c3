import cluster from 'node:cluster'
import { createServer } from 'node:http'
import { AggregatorRegistry, type Registry } from 'prom-client'

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

/** In a process of the crew: the first process asks for this registry's figures. */
export function answerCrew(registry: Registry): void {
  if (!cluster.isWorker) return
  AggregatorRegistry.setRegistries([registry])
  new AggregatorRegistry()
}

/** In the first process: all of the crew together, counters added up. */
export function crewFigures(): () => Promise<string> {
  const crew = new AggregatorRegistry()
  return () => crew.clusterMetrics()
}
