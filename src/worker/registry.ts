import type { Config } from '../config.ts'
import { describeFailure } from '../event.ts'
import type { Agreement } from '../population/agreement.ts'
import { createRegistry, type Registry, RUNNING_MAX } from '../population/client.ts'
import { writeLog } from './log.ts'

/** The platform's fetch, or a binding's that shows our certificate (`mtls_certificates`). */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * For an isolate. It holds counts and the state of the breaker, neither socket nor promise: nobody waits for a place,
 * since another request's end cannot wake them here.
 */
export function openRegistry(
  { registry: config, logLevel }: Config,
  agreement: Agreement | null,
  fetch: Fetch,
): Registry | null {
  if (config === null || agreement === null) return null
  return createRegistry({
    url: config.url,
    agreement,
    now: () => new Date(),
    asked: () => {},
    opened: (error) =>
      writeLog(logLevel, 'error', { trouble: 'registryOpened', failure: describeFailure(error) }, 'trouble'),
    bulkhead: { runningMax: RUNNING_MAX, waitingMax: 0 },
    send: async (url, { headers, body, signal }) => {
      // `error` is not known here; a redirect is an answer of its own status
      const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'manual' })
      return {
        status: response.status,
        contentType: response.headers.get('content-type') ?? '',
        body: response.body ?? nothing(),
      }
    },
  })
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
