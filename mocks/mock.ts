import type { FeedKey } from './insurer/feed-file.ts'
import type { Province } from './province/person.ts'

/** What a mock knows of the demo it stands beside. */
export interface DemoSeen {
  /** The demo's data folder: a mock keeps its files in a folder there. */
  readonly folder: string
  readonly province: Province
  readonly records: number
  /** Private keys of the demo's clients, by client id. */
  readonly keys: Readonly<Record<string, FeedKey>>
}

export interface MockOptions {
  /** 0: whichever is free. */
  readonly port: number
  /** Of the insurer: time between two deltas, and the changes of each. */
  readonly deltaEveryMs: number
  readonly changes: number
}

export interface Mock {
  /** Ends with a slash. */
  readonly url: string
  /** To people: what it does, and how it is made to go wrong. */
  readonly says: string
  readonly close: () => Promise<void>
}

export type StartMock = (demo: DemoSeen, options: MockOptions) => Promise<Mock>
