import { ProcessWatch } from '../frame/processes.ts'
import { median } from '../frame/report.ts'
import type { Scenario } from '../frame/scenario.ts'
import { planOfWorld, WORLD_OPTIONS, withLoadWorld } from '../load-world.ts'
import { opened, tellCpu, tellWaits, warm } from './measured.ts'

/** What grows slowly. The first third is not looked at: heaps and PostgreSQL's buffers fill. */
export const soak: Scenario = {
  what: 'ten minutes at a steady rate: memory, descriptors and waits stay where they are',
  options: {
    rate: { default: '300', what: 'checks a second' },
    seconds: { default: '600', what: 'how long' },
    ...WORLD_OPTIONS,
  },
  plan: (frame) => [
    `open loop, poisson: ${frame.text('rate')} checks/s for ${frame.text('seconds')} s; the last third beside the second`,
    ...planOfWorld(frame),
  ],
  budgets: [
    { figure: 'wrong answers', atMost: 0 },
    { figure: 'refused or failed', atMost: 0 },
    { figure: "server's memory, last third ÷ second", atMost: 1.1 },
    { figure: "server's descriptors, last third − second", atMost: 5 },
    { figure: "database's descriptors, last third ÷ second", atMost: 1.1 },
    { figure: 'p99, last third ÷ second', atMost: 2 },
  ],
  run: async (_args, frame) => {
    const [rate, seconds] = [frame.number('rate'), frame.number('seconds')]
    await withLoadWorld(frame, async (world) => {
      const server = await world.serve()
      await warm(frame, world, server, rate)
      const watch = new ProcessWatch()
      watch.add('server', () => server.pid)
      watch.add('database', world.databasePid)
      const { result, cpuSeconds } = await opened(frame, world, server, {
        name: 'soak',
        shape: [{ seconds, perSecond: rate }],
        traffic: world.checks,
      })
      const [ofServer, ofDatabase] = watch.stop()
      const phase = frame.opened(result)
      tellWaits(frame, phase)
      tellCpu(frame, phase, cpuSeconds)
      const server3 = thirds(ofServer?.megabytes ?? [])
      frame.figure("server's memory, last third ÷ second", {
        value: server3.last / server3.second,
        unit: '',
        better: 'lower',
      })
      frame.figure("server's memory", { value: server3.last, unit: 'MB', better: 'lower' })
      const open3 = thirds(ofServer?.descriptors ?? [])
      frame.figure("server's descriptors, last third − second", {
        value: open3.last - open3.second,
        unit: '',
        better: 'lower',
      })
      const data3 = thirds(ofDatabase?.descriptors ?? [])
      frame.figure("database's descriptors, last third ÷ second", {
        value: data3.last / data3.second,
        unit: '',
        better: 'lower',
      })
      const waits = thirds(phase.series.p99.slice(0, Math.floor(seconds)).filter((each) => each !== null))
      frame.figure('p99, last third ÷ second', { value: waits.last / waits.second, unit: '', better: 'lower' })
    })
  },
}

function thirds(values: readonly number[]): { second: number; last: number } {
  const third = Math.floor(values.length / 3)
  return { second: median(values.slice(third, 2 * third)), last: median(values.slice(2 * third)) }
}
