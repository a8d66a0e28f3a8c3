import type { Frame, Scenario } from '../frame/scenario.ts'
import { type LoadWorld, moduleOf, planOfWorld, WORLD_OPTIONS, withLoadWorld } from '../load-world.ts'
import { LEAD_IN_SECONDS, openLoop } from '../open-loop/open-loop.ts'
import type { TrafficOf } from '../open-loop/traffic.ts'
import type { BatchesSettings } from '../traffic/batches.ts'
import type { ChecksSettings } from '../traffic/checks.ts'
import type { SearchesSettings } from '../traffic/searches.ts'
import { tellWaits, warm } from './measured.ts'

/** One kind of request beside the others, with a plan of its own. */
interface Part {
  readonly name: string
  readonly perSecond: number
  readonly traffic: TrafficOf
}

/** A day's kinds of requests at once. A new kind is a line here and a module in `traffic/`. */
function partsOf(frame: Frame, world: LoadWorld): Part[] {
  const settings = world.checks.settings as ChecksSettings
  const { province, records } = settings
  const ofBatches: BatchesSettings = { ...settings, items: frame.number('items') }
  const ofSearches: SearchesSettings = { province, records, token: world.auditorToken }
  const part = (name: Part['name'], option: string, traffic: TrafficOf): Part => {
    return { name, perSecond: frame.number(option), traffic }
  }
  return [
    part('checks', 'rate', world.checks),
    part('batches', 'batches', { module: moduleOf('batches'), settings: ofBatches }),
    part('claims', 'claims', { module: moduleOf('claims'), settings }),
    part('searches', 'searches', { module: moduleOf('searches'), settings: ofSearches }),
  ]
}

export const mixed: Scenario = {
  what: 'checks beside batches, claims and auditors’ searches, each with a plan of its own; what each waits for',
  options: {
    rate: { default: '200', what: 'single checks a second' },
    batches: { default: '0.5', what: 'batches a second' },
    items: { default: '500', what: 'of a batch' },
    claims: { default: '2', what: 'claim shares a second: 24,000 a day in eight hours are 0.8' },
    searches: { default: '2', what: 'auditors’ searches by person a second' },
    seconds: { default: '30', what: 'alone, and again beside the others' },
    ...WORLD_OPTIONS,
  },
  plan: (frame) => [
    `open loops, poisson: ${frame.text('rate')} checks/s alone for ${frame.text('seconds')} s, then beside ${frame.text('batches')} batches/s of ${frame.text('items')}, ${frame.text('claims')} claims/s and ${frame.text('searches')} searches/s`,
    ...planOfWorld(frame),
  ],
  budgets: [
    { figure: 'checks: wrong answers', atMost: 0 },
    { figure: 'checks: refused or failed', atMost: 0 },
    { figure: 'batches: wrong answers', atMost: 0 },
    { figure: 'claims: refused or failed', atMost: 0 },
    { figure: 'searches: refused or failed', atMost: 0 },
  ],
  run: async (_args, frame) => {
    const [rate, seconds] = [frame.number('rate'), frame.number('seconds')]
    await withLoadWorld(
      frame,
      async (world) => {
        const server = await world.serve()
        await warm(frame, world, server, rate)
        const parts = partsOf(frame, world)
        const run = (part: Part, name: string, seed: number) =>
          openLoop({
            name,
            url: server.url,
            shape: [{ seconds, perSecond: part.perSecond }],
            leadInSeconds: LEAD_IN_SECONDS,
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
      },
      { projects: true },
    )
  },
}
