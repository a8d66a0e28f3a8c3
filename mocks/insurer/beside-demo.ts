import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { DemoSeen, Mock, MockOptions } from '../mock.ts'
import { countChanging } from '../province/changing.ts'
import { CATALOGUE_FEED } from './catalogue.ts'
import { DEMO_MEDIAN_MS, GATEWAY_FAULTS } from './gateway/gateway.ts'
import { demoPortalHash } from './gateway/start.ts'
import { FAULTS, startInsurer } from './server.ts'

/**
 * The insurer of a demo: signs with the demo's feed keys, keeps producing deltas about one person in twenty, and another
 * catalogue of facilities when it is told to.
 */
export async function startDemoInsurer(demo: DemoSeen, { port, deltaEveryMs, changes }: MockOptions): Promise<Mock> {
  const key = demo.keys['feed:vss']
  if (key === undefined) throw new Error('the demo has no key of the feed')
  const catalogueKey = demo.keys[`feed:${CATALOGUE_FEED}`]
  const folder = join(demo.folder, 'insurer')
  await mkdir(folder, { recursive: true })
  const touched = Math.min(changes, countChanging(demo.records))
  const insurer = await startInsurer({
    folder,
    key,
    feed: 'vss',
    sequence: 1,
    plan: { province: demo.province, records: demo.records, changes: touched, people: 'changing' },
    encoding: 'zstd',
    now: () => new Date(),
    port,
    produceEveryMs: touched === 0 ? 0 : deltaEveryMs,
    goesOn: true,
    ...(catalogueKey === undefined ? {} : { catalogueKey }),
    gateway: { passwordHashOf: demoPortalHash, now: () => new Date(), random: Math.random, medianMs: DEMO_MEDIAN_MS },
  })
  return {
    url: insurer.url,
    says: `a delta of ${touched} changes every ${deltaEveryMs / 1_000} s; POST ${insurer.url}admin/produce (a catalogue: ?feed=${CATALOGUE_FEED}), admin/faults?fault=${FAULTS.join('|')}&times=1; claims: GET ${insurer.url}admin/gateway, broken by POST ${insurer.url}admin/gateway?fault=${GATEWAY_FAULTS.join('|')}&part=1`,
    close: insurer.close,
  }
}
