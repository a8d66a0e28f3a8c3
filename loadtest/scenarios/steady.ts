import type { Budget } from '../frame/report.ts'
import type { Scenario } from '../frame/scenario.ts'
import { planOfWorld, WORLD_OPTIONS, withLoadWorld } from '../load-world.ts'
import { opened, tellCpu, tellWaits, warm } from './measured.ts'

/** As many a second as people come independently of each other, for a while. */
function steady(what: string, perSecond: number, budgets: readonly Budget[]): Scenario {
  return {
    what,
    options: {
      rate: { default: String(perSecond), what: 'checks a second' },
      seconds: { default: '60', what: 'how long' },
      arrivals: { default: 'poisson', what: 'poisson or absolute' },
      seed: { default: '1', what: 'of arrivals and people' },
      ...WORLD_OPTIONS,
    },
    plan: (frame) => [
      `open loop, ${frame.text('arrivals')}: ${frame.text('rate')} checks/s for ${frame.text('seconds')} s`,
      ...planOfWorld(frame),
    ],
    budgets: [{ figure: 'wrong answers', atMost: 0 }, { figure: 'refused or failed', atMost: 0 }, ...budgets],
    run: async (_args, frame) => {
      const rate = frame.number('rate')
      await withLoadWorld(frame, async (world) => {
        const server = await world.serve()
        await warm(frame, world, server, rate)
        const { result, cpuSeconds } = await opened(frame, world, server, {
          name: `${rate}/s`,
          shape: [{ seconds: frame.number('seconds'), perSecond: rate }],
          arrivals: frame.text('arrivals') === 'absolute' ? 'absolute' : 'poisson',
          seed: frame.number('seed'),
          traffic: world.checks,
        })
        const phase = frame.opened(result)
        tellWaits(frame, phase)
        tellCpu(frame, phase, cpuSeconds)
      })
    },
  }
}

/** 24,000 visits a day, three checks each, bursts of 5–10/s: 50/s is the province's design load. */
export const province = steady('the province at its worst, 50 checks/s', 50, [{ figure: 'p99', atMost: 50 }])

export const thousand = steady('1,000 checks/s, twenty such provinces', 1_000, [{ figure: 'p99', atMost: 50 }])
