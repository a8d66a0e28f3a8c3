import { readFile } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { Agent } from 'undici'
import type { RegistryConfig } from '../config.ts'
import type { Agreement } from '../population/agreement.ts'
import { createRegistry, type Registry, type RegistryOptions, RUNNING_MAX } from '../population/client.ts'

/** Longer than a minute most servers let a connection go first; a question on one that is just being closed would be lost. */
const KEEP_ALIVE_MS = 20_000
/** Of headers: Node's own default. */
const HEADER_BYTES_MAX = 16 * 1024

export interface OpenRegistry {
  readonly registry: Registry
  readonly close: () => Promise<void>
}

/** The registry over undici: kept connections, our certificate, its authority. Throws what is wrong with the files. */
export async function openRegistry(
  config: RegistryConfig,
  agreement: Agreement,
  hooks: Pick<RegistryOptions, 'now' | 'asked' | 'opened' | 'breaker'>,
): Promise<OpenRegistry> {
  const { url, timeoutMs } = config
  const agent = new Agent({
    connections: RUNNING_MAX,
    pipelining: 1, // a slow answer holds up nobody else's
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
    // behind the deadline of the question, which ends all three
    headersTimeout: timeoutMs,
    bodyTimeout: timeoutMs,
    connect: { timeout: timeoutMs, ...(await readFiles(config)) },
  })
  const { origin, pathname, search } = new URL(url)
  const registry = createRegistry({
    url,
    agreement,
    ...hooks,
    send: async (_url, { headers, body, signal }) => {
      const request = { origin, path: `${pathname}${search}`, method: 'POST', headers: { ...headers }, body, signal }
      const response = await agent.request(request)
      const contentType = response.headers['content-type']
      return {
        status: response.statusCode,
        contentType: typeof contentType === 'string' ? contentType : '',
        body: response.body,
      }
    },
  })
  return { registry, close: () => agent.destroy() }
}

async function readFiles({ caFile, certFile, keyFile }: RegistryConfig): Promise<Record<string, string>> {
  const read = async (name: string, option: string, path: string | null): Promise<[string, string][]> => {
    if (path === null) return []
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new Error(`${name}: ${path} cannot be read (${error.code})`)
    })
    return [[option, text]]
  }
  const options = Object.fromEntries([
    ...(await read('REGISTRY_CA_FILE', 'ca', caFile)),
    ...(await read('REGISTRY_CERT_FILE', 'cert', certFile)),
    ...(await read('REGISTRY_KEY_FILE', 'key', keyFile)),
  ])
  // whatever is no PEM is passed over in silence, and then nobody at all is vouched for
  if (options['ca']?.includes('-----BEGIN CERTIFICATE-----') === false) {
    throw new Error(`REGISTRY_CA_FILE: ${caFile} holds no certificate`)
  }
  try {
    createSecureContext(options)
  } catch {
    throw new Error('REGISTRY_CA_FILE, REGISTRY_CERT_FILE or REGISTRY_KEY_FILE cannot be used, or are no pair')
  }
  return options
}
