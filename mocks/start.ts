import { startDemoInsurer } from './insurer/beside-demo.ts'
import type { DemoSeen, Mock, MockOptions, StartMock } from './mock.ts'
import { startDemoRegistry } from './population-registry/start.ts'

export type MockName = 'insurer' | 'populationRegistry'

/** Everybody outside whom a demo is given; in this order they start, with `port`, `port + 1`, … */
const MOCKS: readonly (readonly [MockName, StartMock])[] = [
  ['insurer', startDemoInsurer],
  ['populationRegistry', startDemoRegistry],
]

export interface Mocks {
  readonly urlOf: (name: MockName) => string
  /** A line each. */
  readonly says: readonly string[]
  readonly close: () => Promise<void>
}

export async function startMocks(demo: DemoSeen, options: MockOptions): Promise<Mocks> {
  const started = new Map<MockName, Mock>()
  const close = async () => {
    for (const mock of [...started.values()].reverse()) await mock.close()
    started.clear()
  }
  try {
    for (const [name, start] of MOCKS) {
      const port = options.port === 0 ? 0 : options.port + started.size
      started.set(name, await start(demo, { ...options, port }))
    }
  } catch (error) {
    await close()
    throw error
  }
  return {
    urlOf: (name) => {
      const mock = started.get(name)
      if (mock === undefined) throw new Error(`${name} does not run`)
      return mock.url
    },
    says: [...started].map(([name, { url, says }]) => `${name} (mock) ${url}: ${says}`),
    close,
  }
}
