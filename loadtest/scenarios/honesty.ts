import { setTimeout as sleep } from 'node:timers/promises'
import { closedPhase } from '../closed-phase.ts'
import { startControl } from '../demo-server.ts'
import type { Percentiles } from '../frame/phase.ts'
import type { Scenario } from '../frame/scenario.ts'
import { moduleOf } from '../load-world.ts'
import { openLoop } from '../open-loop/open-loop.ts'
import { stoppedPercentile } from '../open-loop/stop-arithmetic.ts'
import { plainAsk } from '../traffic/plain.ts'

const ANSWER_BYTES = 1_600
const AWAY_MAX = 0.02
const AT = { 90: 'p90', 95: 'p95', 99: 'p99' } as const satisfies Record<number, keyof Percentiles>

/**
 * Whether the generator tells the truth: a bare server is stopped (SIGSTOP) for a part of the run, so what everybody must have
 * waited is arithmetic. The same with a closed loop beside it, which hides it: its clients wait instead of asking.
 */
export const honesty: Scenario = {
  what: 'the open loop proven: a server stopped for S of T seconds, percentiles as arithmetic has them within 2 %',
  options: {
    rate: { default: '30', what: 'requests a second' },
    seconds: { default: '40', what: 'T' },
    stopped: { default: '8', what: 'S' },
  },
  plan: (frame) => [
    `bare node:http; open loop, absolute: ${frame.text('rate')}/s for ${frame.text('seconds')} s, stopped for ${frame.text('stopped')} s of them`,
  ],
  budgets: Object.values(AT).map((name) => ({
    figure: `${name} told ÷ true`,
    atLeast: 1 - AWAY_MAX,
    atMost: 1 + AWAY_MAX,
  })),
  run: async (_args, frame) => {
    const [rate, seconds, stopped] = [frame.number('rate'), frame.number('seconds'), frame.number('stopped')]
    const server = await startControl(ANSWER_BYTES)
    const pid = server.process.pid ?? 0
    const stop = async (afterMs: number) => {
      await sleep(afterMs)
      process.kill(pid, 'SIGSTOP')
      const began = performance.now()
      await sleep(stopped * 1_000)
      process.kill(pid, 'SIGCONT')
      return (performance.now() - began) / 1_000
    }
    try {
      const traffic = { module: moduleOf('plain'), settings: { bodyBytes: 300 } }
      await openLoop({ name: 'warming', url: server.url, shape: [{ seconds: 2, perSecond: rate }], traffic })
      const before = ((seconds - stopped) / 2) * 1_000
      // as many connections as people who come meanwhile: none of them waits for another
      const connections = Math.ceil(rate * stopped) + 50
      const [run, reallyStopped] = await Promise.all([
        openLoop({
          name: 'open loop',
          url: server.url,
          shape: [{ seconds, perSecond: rate }],
          arrivals: 'absolute',
          traffic,
          connections,
          onSecond: (sent, ended) => frame.progress(`${sent} sent, ${sent - ended} under way`),
        }),
        stop(before),
      ])
      const { latencyMs } = frame.opened(run)
      for (const [percentile, name] of Object.entries(AT)) {
        const wanted = stoppedPercentile(Number(percentile), reallyStopped, seconds)
        frame.note(`${name}: ${latencyMs[name].toFixed(0)} ms told, ${wanted.toFixed(0)} ms by arithmetic`)
        frame.figure(`${name} told ÷ true`, { value: latencyMs[name] / wanted, unit: '', better: null })
      }
      const asks = Array.from({ length: 20 }, () => plainAsk(300))
      const [closed] = await Promise.all([closedPhase('closed loop', server.url, asks, 10, seconds), stop(before)])
      frame.phase(closed)
      frame.note(`the closed loop beside it, of the same stop: p99 ${closed.latencyMs.p99} ms`)
    } finally {
      process.kill(pid, 'SIGCONT')
      await server.stop()
    }
  },
}
