import fc from 'fast-check'
import { expect, test } from 'vitest'
import { begin, commands, type Real } from '../../loadtest/sync-model.ts'
import { createWorld } from '../support/service.ts'

/** `npm run loadtest -- sync-model` runs as many as one likes. */
const RUNS = 6
const SEED = 2_411

test('an order of full feeds, deltas, repeated and early ones, cuts and rollbacks would end in another state than the model', async () => {
  const world = await createWorld([])
  const real: Real = { sql: world.owner, url: world.ownerUrl, dataKeys: world.dataKeys, sent: new Map(), clock: 0 }
  try {
    await fc.assert(
      fc.asyncProperty(commands, async (steps) => {
        const start = await begin(real)
        await fc.asyncModelRun(() => start, steps)
      }),
      { numRuns: RUNS, seed: SEED },
    )
    // the comparison itself: a version nobody told of is noticed
    const { model } = await begin(real)
    await world.owner`update coverage set registered_facility = '38009'`
    await expect(
      fc.asyncModelRun(
        () => ({ model, real }),
        fc.sample(commands, { numRuns: 50, seed: SEED }).find((each) => [...each].length > 2) ?? [],
      ),
    ).rejects.toThrow('the database has')
  } finally {
    await world.close()
  }
}, 120_000)
