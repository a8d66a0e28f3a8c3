import autocannon from 'autocannon'
import { type Phase, phaseOf } from './frame/phase.ts'
import { type Outcome, SampleBuffer } from './open-loop/samples.ts'
import type { Ask } from './open-loop/traffic.ts'

/**
 * As fast as they come back, from `connections` clients of autocannon, each with its own share of the asks; every answer is
 * judged. What a server can do at the most, and nothing about how long people wait: who waits here asks nothing meanwhile.
 */
export async function closedPhase(
  name: string,
  url: string,
  asks: readonly Ask[],
  connections: number,
  seconds: number,
): Promise<Phase> {
  const buffer = new SampleBuffer(1 << 16)
  let next = 0
  let outcome: Outcome = { kind: 'failed', name: 'no answer' }
  const began = performance.now()
  const requestsOf = (client: number) =>
    asks
      .filter((_, i) => i % connections === client % connections)
      .map(({ path, headers, body, judge }) => ({
        method: 'POST' as const,
        path,
        headers: { ...headers },
        body,
        // called just before `response` is emitted for the same answer
        onResponse: (status: number, text: string) => {
          outcome = judge(status, text)
        },
      }))
  const failed = (error: Error) => {
    const code = 'code' in error ? String(error.code) : error.name
    buffer.add(performance.now() - began, 0, 0, { kind: 'failed', name: code })
  }
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const instance = autocannon(
      { url, connections, duration: seconds, setupClient: (client) => client.setRequests(requestsOf(next++)) },
      (error, ended) => (error ? reject(error) : resolve(ended)),
    )
    instance.on('response', (_client, _status, _bytes, ms) => {
      buffer.add(Math.max(0, performance.now() - began - ms), 0, ms, outcome)
    })
    instance.on('reqError', failed)
  })
  return phaseOf(name, 'closed loop', result.duration, buffer.samples())
}
