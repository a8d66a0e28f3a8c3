import { closedPhase } from '../closed-phase.ts'
import type { Scenario } from '../frame/scenario.ts'
import { planOfWorld, WORLD_OPTIONS, withLoadWorld } from '../load-world.ts'
import type { OpenTraffic } from '../open-loop/traffic.ts'
import { seeded } from '../seeded.ts'
import type { ChecksSettings } from '../traffic/checks.ts'
import { opened, tellCpu, tellWaits, warm } from './measured.ts'

const ASKS = 20_000
/** As many as one statement takes: 64 wait for one another while a fifth of the cores idles. */
const KNEE_CLIENTS = 256
/** After 10 s V8 still compiled on the cores that were measured: p99 of a first stretch was twice that of later ones. */
const WARM_SECONDS = 30

/**
 * The knee is what a closed loop gets out, before and after the flood: on a machine whose speed swings, either alone would
 * say anything. Half of it, three times of it, and half again: what people see of each.
 */
export const overload: Scenario = {
  what: 'half the knee, three times the knee, and half of it again: waits, goodput, refusals, recovery',
  options: {
    seconds: { default: '20', what: 'of each phase' },
    times: { default: '3', what: 'of the knee' },
    connections: { default: '1000', what: 'of the generator: more people than these wait at the door' },
    threads: { default: '1', what: 'of the generator' },
    ...WORLD_OPTIONS,
  },
  plan: (frame) => [
    `closed loop for the knee; then open loop, poisson: ½, ${frame.text('times')} and ½ times of it, ${frame.text('seconds')} s each`,
    ...planOfWorld(frame),
  ],
  budgets: [
    { figure: 'half the knee: wrong answers', atMost: 0 },
    { figure: 'half the knee: refused or failed', atMost: 0 },
    { figure: 'half the knee: p99 ÷ p50', atMost: 4 },
    { figure: 'half the knee: p99.9', atMost: 50 },
    { figure: 'overload: wrong answers', atMost: 0 },
    { figure: 'overload: goodput ÷ peak', atLeast: 0.9 },
    { figure: 'afterwards: refused or failed', atMost: 0 },
  ],
  run: async (_args, frame) => {
    const [seconds, times, connections] = [frame.number('seconds'), frame.number('times'), frame.number('connections')]
    await withLoadWorld(frame, async (world) => {
      const server = await world.serve()
      await warm(frame, world, server, 500)
      const { openTraffic } = (await import(world.checks.module)) as { openTraffic: OpenTraffic<ChecksSettings> }
      const traffic = await openTraffic(world.checks.settings as ChecksSettings, seeded(1), ASKS)
      const asks = Array.from({ length: ASKS }, (_, n) => traffic.ask(n))
      await closedPhase('warming', server.url, asks, KNEE_CLIENTS, WARM_SECONDS)
      const measureKnee = async (name: string) => {
        const peak = await closedPhase(name, server.url, asks, KNEE_CLIENTS, seconds / 2)
        frame.phase(peak)
        return peak.rightPerSecond
      }
      const knee = await measureKnee('the knee before (closed loop)')
      const load = async (name: string, perSecond: number, threads: number, most: number) =>
        opened(frame, world, server, {
          name,
          shape: [{ seconds, perSecond }],
          traffic: world.checks,
          threads,
          connections: most,
          leadInPerSecond: knee / 2,
        })
      const half = await load('half the knee', knee / 2, 1, 256)
      const calm = frame.opened(half.result)
      tellWaits(frame, calm, 'half the knee')
      tellCpu(frame, calm, half.cpuSeconds, 'half the knee')
      frame.figure('half the knee: p99 ÷ p50', {
        value: calm.latencyMs.p99 / calm.latencyMs.p50,
        unit: '',
        better: 'lower',
      })
      const flood = await load('overload', knee * times, frame.number('threads'), connections)
      const crowded = frame.opened(flood.result)
      tellWaits(frame, crowded, 'overload')
      frame.figure('overload: offered', { value: crowded.offeredPerSecond, unit: '/s', better: null })
      frame.figure('overload: goodput', { value: crowded.rightPerSecond, unit: '/s', better: 'higher' })
      const again = await measureKnee('the knee after (closed loop)')
      frame.figure('the knee', { value: (knee + again) / 2, unit: '/s', better: 'higher', rounds: [knee, again] })
      frame.figure('overload: goodput ÷ peak', {
        value: (2 * crowded.rightPerSecond) / (knee + again),
        unit: '',
        better: 'higher',
      })
      if (crowded.refusedMs !== null) {
        frame.figure('overload: refusals, p50', { value: crowded.refusedMs.p50, unit: 'ms', better: 'lower' })
      }
      const after = await load('afterwards', knee / 2, 1, 256)
      tellWaits(frame, frame.opened(after.result), 'afterwards')
    })
  },
}
