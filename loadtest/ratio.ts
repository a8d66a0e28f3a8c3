import { parseArgs } from 'node:util'
import { closedLoop } from './closed-loop.ts'
import { demoCalls, startControl, startDemo } from './demo-server.ts'

/**
 * Verified requests a second ÷ those of the bare control: the same client, the same bytes in and out, 64 connections,
 * tokens of 669 facilities; the two in turn, so that a noisy machine disturbs both.
 */
export async function ratio(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string', default: '.kiemthe' },
      port: { type: 'string', default: '8790' },
      seconds: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '64' },
    },
  })
  const seconds = Number(values.seconds)
  const connections = Number(values.connections)
  const demo = await startDemo(values.data, Number(values.port), ['--still'])
  try {
    const calls = demoCalls(values.data, 6_690)
    const control = await startControl(await answerBytes(demo.url, calls[0]))
    try {
      await closedLoop(demo.url, calls, connections, 30) // warm: code, caches, pages
      await closedLoop(control.url, calls, connections, 2)
      const ratios: number[] = []
      for (let round = 1; round <= Number(values.rounds); round++) {
        const ours = await closedLoop(demo.url, calls, connections, seconds)
        const bare = await closedLoop(control.url, calls, connections, seconds)
        if (ours.failures > 0 || bare.failures > 0) throw new Error(`failures: ${ours.failures} and ${bare.failures}`)
        const value = ours.requestsPerSecond / bare.requestsPerSecond
        ratios.push(value)
        process.stdout.write(
          `round ${round}  verified ${ours.requestsPerSecond.toFixed(0)}/s (p50 ${ours.p50Ms} ms, p99 ${ours.p99Ms} ms)  ` +
            `control ${bare.requestsPerSecond.toFixed(0)}/s  ratio ${value.toFixed(3)}\n`,
        )
      }
      const sorted = ratios.toSorted((a, b) => a - b)
      const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
      process.stdout.write(
        `verified ÷ control: median ${median.toFixed(3)}, spread ${sorted[0]?.toFixed(3)}–${sorted.at(-1)?.toFixed(3)}\n`,
      )
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
