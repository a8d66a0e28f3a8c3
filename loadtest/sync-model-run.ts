import { parseArgs } from 'node:util'
import fc from 'fast-check'
import { begin, commands, type Real } from './sync-model.ts'
import { openSyncWorld } from './sync-world.ts'

/** The model of the copy at full size: as many orders of commands as one likes. Ends with 1 at the first that differs. */
export async function syncModel(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { runs: { type: 'string', default: '300' }, seed: { type: 'string', default: '1' } },
  })
  const world = await openSyncWorld('sync-model')
  const real: Real = { sql: world.sql, url: world.ownerUrl, dataKeys: world.dataKeys, sent: new Map(), clock: 0 }
  let steps = 0
  try {
    await fc.assert(
      fc.asyncProperty(commands, async (each) => {
        const start = await begin(real)
        await fc.asyncModelRun(() => start, each)
        steps += start.model.states.length
      }),
      { numRuns: Number(values.runs), seed: Number(values.seed) },
    )
    process.stdout.write(`${values.runs} orders, ${steps} states, each as the model has it, now and later\n`)
  } finally {
    await world.close()
  }
}
