import type { StartMock } from '../mock.ts'
import type { Province } from '../province/layout.ts'
import { registeredIn } from './people.ts'
import { FAULTS, type MockRegistry, startRegistry } from './server.ts'

/** Of the demo: no secret of anybody. The same object is what `REGISTRY_AGREEMENT_FILE` holds. */
export const DEMO_AGREEMENT = {
  user: 'kiemthe-demo',
  secret: 'not-a-secret',
  apiKey: 'demo-key',
  xRoadClient: 'VN/GOV/38/kiemthe',
  serviceCode: 'YTE-38',
}

/** Half of the answers within 120 ms, one in a hundred near half a second: a guess between what demo clients say (domain §8). */
const MEDIAN_MS = 120

/** The registry over the people of a demo province. */
export function start(province: Province, port = 0): Promise<MockRegistry> {
  return startRegistry({
    credentials: DEMO_AGREEMENT,
    find: registeredIn(province),
    now: () => new Date(),
    random: Math.random,
    medianMs: MEDIAN_MS,
    port,
  })
}

/** Beside a demo. */
export const startDemoRegistry: StartMock = async ({ province }, { port }) => {
  const registry = await start(province, port)
  return {
    url: registry.url,
    says: `broken by curl -X POST '${new URL('/admin/fault', registry.url).href}?fault=${FAULTS.join('|')}'`,
    close: registry.close,
  }
}
