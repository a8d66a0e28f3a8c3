import { closedLoop } from './closed-loop.ts'
import { demoCalls, startControl, startDemo } from './demo-server.ts'
import { medianFigure } from './frame/report.ts'
import type { Frame, Scenario } from './frame/scenario.ts'

/**
 * Verified requests a second ÷ those of the bare control: the same client, the same bytes in and out, 64 connections,
 * tokens of 669 facilities; the two in turn, so that a noisy machine disturbs both.
 */
export const ratio: Scenario = {
  what: 'verified requests/s ÷ a bare control, in turn (the demo as it is started; `saturate` has more controls)',
  options: {
    data: { default: '.kiemthe', what: 'folder of the demo, made where there is none' },
    port: { default: '8790', what: 'of the demo' },
    seconds: { default: '8', what: 'of each in each round' },
    rounds: { default: '5', what: 'rounds' },
    connections: { default: '64', what: 'clients that ask without a pause' },
  },
  plan: (frame) => [
    `closed loop (autocannon), ${frame.text('connections')} connections, ${frame.text('rounds')} rounds of 2 × ${frame.text('seconds')} s, the demo in ${frame.text('data')}`,
  ],
  run: (_args, frame) => measure(frame),
}

async function measure(frame: Frame): Promise<void> {
  const [seconds, connections, data] = [frame.number('seconds'), frame.number('connections'), frame.text('data')]
  const demo = await startDemo(data, frame.number('port'), ['--still'])
  try {
    const calls = demoCalls(data, 6_690)
    const control = await startControl(await answerBytes(demo.url, calls[0]))
    try {
      await closedLoop(demo.url, calls, connections, 30) // warm: code, caches, pages
      await closedLoop(control.url, calls, connections, 2)
      const ratios: number[] = []
      const verified: number[] = []
      for (let round = 1; round <= frame.number('rounds'); round++) {
        const ours = await closedLoop(demo.url, calls, connections, seconds)
        const bare = await closedLoop(control.url, calls, connections, seconds)
        if (ours.failures > 0 || bare.failures > 0) throw new Error(`failures: ${ours.failures} and ${bare.failures}`)
        const value = ours.requestsPerSecond / bare.requestsPerSecond
        ratios.push(value)
        verified.push(ours.requestsPerSecond)
        frame.say(
          `round ${round}  verified ${ours.requestsPerSecond.toFixed(0)}/s (p50 ${ours.p50Ms} ms, p99 ${ours.p99Ms} ms)  ` +
            `control ${bare.requestsPerSecond.toFixed(0)}/s  ratio ${value.toFixed(3)}`,
        )
      }
      frame.figure('verified ÷ control', medianFigure(ratios, '', 'higher'))
      frame.figure('verified', medianFigure(verified, '/s', 'higher'))
    } finally {
      await control.stop()
    }
  } finally {
    await demo.stop()
  }
}

async function answerBytes(url: string, call: { headers: Readonly<Record<string, string>>; body: string } | undefined) {
  if (call === undefined) throw new Error('the province gave nobody')
  const response = await fetch(`${url}/v1/verifications`, { method: 'POST', ...call })
  if (response.status !== 200) throw new Error(`a verification gave ${response.status}`)
  return (await response.arrayBuffer()).byteLength
}
