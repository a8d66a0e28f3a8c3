import type { Scenario } from '../frame/scenario.ts'
import { planOfWorld, WORLD_OPTIONS, withLoadWorld } from '../load-world.ts'
import { opened, tellCpu, tellWaits, warm } from './measured.ts'

const STEPS = [0.2, 0.4, 0.6, 0.8, 1]
/** Of the whole country at its worst a check may take as long as the German norm allows (≤ 1 s). */
const P99_MAX_MS = 1_000

/** Stairs up to the country's load, as far as this machine goes; the rest by arithmetic, and said so. */
export const nation: Scenario = {
  what: 'stairs up to the whole country, 4,500 checks/s; how many cores it takes',
  options: {
    rate: { default: '4500', what: 'checks a second at the top' },
    seconds: { default: '15', what: 'of each step' },
    threads: { default: '1', what: 'of the generator' },
    ...WORLD_OPTIONS,
  },
  plan: (frame) => [
    `open loop, poisson: ${STEPS.map((step) => Math.round(step * Number(frame.text('rate')))).join(', ')} checks/s, ${frame.text('seconds')} s each, until one cannot be carried (all right, p99 ≤ ${P99_MAX_MS} ms)`,
    ...planOfWorld(frame),
  ],
  budgets: [{ figure: 'wrong answers', atMost: 0 }],
  run: async (_args, frame) => {
    const rate = frame.number('rate')
    await withLoadWorld(frame, async (world) => {
      const server = await world.serve()
      await warm(frame, world, server, rate / 5, 15)
      let carried = 0
      let cores = Number.NaN
      for (const step of STEPS) {
        const name = `${Math.round(step * rate)}/s`
        const { result, cpuSeconds } = await opened(frame, world, server, {
          name,
          shape: [{ seconds: frame.number('seconds'), perSecond: step * rate }],
          traffic: world.checks,
          threads: frame.number('threads'),
          connections: 512,
        })
        const { phase, bottleneck } = result
        if (bottleneck !== null) {
          // on a machine that the generator shares, this is where its own measure ends
          frame.note(`${name} is not told: the generator could not keep its plan beside the server (${bottleneck})`)
          break
        }
        frame.phase(phase)
        tellWaits(frame, phase)
        cores = rate / tellCpu(frame, phase, cpuSeconds)
        const { right } = phase.kinds
        if (right < phase.requests || phase.latencyMs.p99 > P99_MAX_MS) {
          frame.note(`${name} was not carried: ${phase.requests - right} not right, p99 ${phase.latencyMs.p99} ms`)
          break
        }
        carried = step * rate
      }
      frame.figure('carried', { value: carried, unit: '/s', better: 'higher' })
      frame.figure(`cores for ${rate}/s (server and database)`, { value: cores, unit: '', better: 'lower' })
      frame.note(
        `by arithmetic, not measured: ${rate}/s take ${cores.toFixed(1)} cores at the cost of the last step that is told; twice that to run at half the knee`,
      )
    })
  },
}
