import type { Scenario } from '../frame/scenario.ts'
import { planOfWorld, WORLD_OPTIONS, withLoadWorld } from '../load-world.ts'
import type { Shape } from '../open-loop/schedule.ts'
import { opened, tellCpu, tellWaits, warm } from './measured.ts'

/**
 * 07:00 to 09:00 in parts of five minutes, of the peak (assumed): doors open at 7 before a queue, the rush is over by 8:30.
 */
const MORNING = [
  0.55, 0.8, 1, 1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.66, 0.62, 0.58, 0.54, 0.5, 0.46, 0.42, 0.38, 0.34, 0.3, 0.27,
  0.24, 0.22, 0.2,
]

export function morning(peakPerSecond: number, seconds: number): Shape {
  return MORNING.map((part) => ({ seconds: seconds / MORNING.length, perSecond: part * peakPerSecond }))
}

/** Two hours pressed into a minute or two: rates stay as they are, only their change is quicker than in life. */
export const monday: Scenario = {
  what: 'Monday from 07:00 to 09:00, compressed: --provinces 1, 10, or 28.6 (the country)',
  options: {
    provinces: { default: '1', what: 'as many of 50/s at the peak; this one is 3.5 % of the country' },
    seconds: { default: '96', what: 'for the two hours' },
    ...WORLD_OPTIONS,
  },
  plan: (frame) => [
    `open loop, poisson: the shape of a morning, ${Number(frame.text('provinces')) * 50} checks/s at its peak, two hours in ${frame.text('seconds')} s`,
    ...planOfWorld(frame),
  ],
  budgets: [
    { figure: 'wrong answers', atMost: 0 },
    { figure: 'refused or failed', atMost: 0 },
    { figure: 'p99', atMost: 50 },
  ],
  run: async (_args, frame) => {
    const peak = 50 * frame.number('provinces')
    await withLoadWorld(frame, async (world) => {
      const server = await world.serve()
      await warm(frame, world, server, peak / 2)
      const { result, cpuSeconds } = await opened(frame, world, server, {
        name: `Monday, ${peak}/s at the peak`,
        shape: morning(peak, frame.number('seconds')),
        traffic: world.checks,
      })
      const phase = frame.opened(result)
      tellWaits(frame, phase)
      tellCpu(frame, phase, cpuSeconds)
    })
  },
}
