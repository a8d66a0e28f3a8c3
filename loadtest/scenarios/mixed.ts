import type { Scenario } from '../frame/scenario.ts'
import { moduleOf, planOfWorld, WORLD_OPTIONS, withLoadWorld } from '../load-world.ts'
import { openLoop } from '../open-loop/open-loop.ts'
import type { TrafficOf } from '../open-loop/traffic.ts'
import type { BatchesSettings } from '../traffic/batches.ts'
import type { ChecksSettings } from '../traffic/checks.ts'
import { tellWaits, warm } from './measured.ts'

/** One kind of request beside the others, with a plan of its own. */
interface Part {
  readonly name: string
  readonly perSecond: number
  readonly traffic: TrafficOf
}

/**
 * A day's kinds of requests at once. A new kind is a line here and a module in `traffic/`: claim shares and auditors' searches
 * have their places below as soon as their endpoints are there.
 */
function partsOf(settings: ChecksSettings, checks: TrafficOf, rate: number, batches: number, items: number): Part[] {
  const ofBatches: BatchesSettings = { ...settings, items }
  return [
    { name: 'checks', perSecond: rate, traffic: checks },
    { name: 'batches', perSecond: batches, traffic: { module: moduleOf('batches'), settings: ofBatches } },
    // claim shares: { name: 'claim shares', perSecond: …, traffic: { module: moduleOf('claim-shares'), settings: … } }
    // auditors: { name: 'searches', perSecond: …, traffic: { module: moduleOf('searches'), settings: … } }
  ]
}

export const mixed: Scenario = {
  what: 'single checks beside batches, each with a plan of its own; what a single check waits for',
  options: {
    rate: { default: '200', what: 'single checks a second' },
    batches: { default: '0.5', what: 'batches a second' },
    items: { default: '500', what: 'of a batch' },
    seconds: { default: '30', what: 'alone, and again beside the others' },
    ...WORLD_OPTIONS,
  },
  plan: (frame) => [
    `open loops, poisson: ${frame.text('rate')} checks/s alone for ${frame.text('seconds')} s, then beside ${frame.text('batches')} batches/s of ${frame.text('items')}`,
    ...planOfWorld(frame),
  ],
  budgets: [
    { figure: 'checks: wrong answers', atMost: 0 },
    { figure: 'checks: refused or failed', atMost: 0 },
    { figure: 'batches: wrong answers', atMost: 0 },
  ],
  run: async (_args, frame) => {
    const [rate, seconds] = [frame.number('rate'), frame.number('seconds')]
    await withLoadWorld(frame, async (world) => {
      const server = await world.serve()
      await warm(frame, world, server, rate)
      const settings = world.checks.settings as ChecksSettings
      const parts = partsOf(settings, world.checks, rate, frame.number('batches'), frame.number('items'))
      const run = (part: Part, name: string, seed: number) =>
        openLoop({
          name,
          url: server.url,
          shape: [{ seconds, perSecond: part.perSecond }],
          traffic: part.traffic,
          seed,
          onSecond: (sent, ended) =>
            part.name === 'checks' && frame.progress(`${name}: ${sent} sent, ${sent - ended} under way`),
        })
      const checks = parts.find((each) => each.name === 'checks')
      if (checks === undefined) throw new Error('there are always checks')
      const alone = frame.opened(await run(checks, 'checks alone', 1))
      tellWaits(frame, alone, 'checks alone')
      const runs = await Promise.all(parts.map((part, i) => run(part, part.name, i + 2)))
      const phases = runs.map((each) => frame.opened(each))
      for (const phase of phases) tellWaits(frame, phase, phase.name)
      const beside = phases.find((each) => each.name === 'checks')
      frame.figure('checks: p99 beside ÷ alone', {
        value: (beside?.latencyMs.p99 ?? Number.NaN) / alone.latencyMs.p99,
        unit: '',
        better: 'lower',
      })
    })
  },
}
