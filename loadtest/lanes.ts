import { parseArgs } from 'node:util'
import { Agent } from 'undici'
import { type Call, closedLoop } from './closed-loop.ts'
import { demoCalls, startDemo } from './demo-server.ts'

/**
 * What a single check waits for when batches run all the time: p50 and p99 of a few desks alone, and beside clients
 * that send one batch after the other. In turn, so that a noisy machine disturbs both.
 */
export async function lanes(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string', default: '.kiemthe' },
      port: { type: 'string', default: '8790' },
      cards: { type: 'string' },
      seconds: { type: 'string', default: '8' },
      rounds: { type: 'string', default: '5' },
      connections: { type: 'string', default: '4' },
      batches: { type: 'string', default: '2' },
      items: { type: 'string', default: '1000' },
    },
  })
  const seconds = Number(values.seconds)
  const connections = Number(values.connections)
  const more = values.cards === undefined ? [] : ['--cards', values.cards]
  const demo = await startDemo(values.data, Number(values.port), [...more, '--still'])
  try {
    const calls = demoCalls(values.data, 6_690)
    const batches = batchCalls(calls, Number(values.batches), Number(values.items))
    await closedLoop(demo.url, calls, connections, 10) // warm: code, caches, pages
    await beside(demo.url, batches, () => closedLoop(demo.url, calls, connections, 5))
    const p50: number[] = []
    const p99: number[] = []
    for (let round = 1; round <= Number(values.rounds); round++) {
      const alone = await closedLoop(demo.url, calls, connections, seconds)
      const both = await beside(demo.url, batches, () => closedLoop(demo.url, calls, connections, seconds))
      if (alone.failures > 0 || both.singles.failures > 0) throw new Error('a single check failed')
      p50.push(both.singles.p50Ms / alone.p50Ms)
      p99.push(both.singles.p99Ms / alone.p99Ms)
      process.stdout.write(
        `round ${round}  alone ${alone.requestsPerSecond.toFixed(0)}/s, p50 ${alone.p50Ms} ms, p99 ${alone.p99Ms} ms  ` +
          `beside batches ${both.singles.requestsPerSecond.toFixed(0)}/s, p50 ${both.singles.p50Ms} ms, ` +
          `p99 ${both.singles.p99Ms} ms; ${both.items} items in batches, a batch ${both.batchMs.toFixed(0)} ms\n`,
      )
    }
    process.stdout.write(`beside ÷ alone, medians: p50 ${median(p50).toFixed(2)}, p99 ${median(p99).toFixed(2)}\n`)
  } finally {
    await demo.stop()
  }
}

/** One for each client that sends batches, with the token of its first call. */
function batchCalls(calls: readonly Call[], clients: number, items: number): Call[] {
  return Array.from({ length: clients }, (_, client) => {
    const own = Array.from({ length: items }, (_, i) => calls[(client * items + i) % calls.length]?.body)
    return { headers: calls[client]?.headers ?? {}, body: `{"items":[${own.join(',')}]}` }
  })
}

/** Each client sends its batch again and again until the work ends; every item must be answered. */
async function beside<T>(url: string, batches: readonly Call[], work: () => Promise<T>) {
  const agent = new Agent({ connections: batches.length, pipelining: 1 })
  let stopped = false
  let items = 0
  let sent = 0
  let spentMs = 0
  const clients = batches.map(async ({ headers, body }) => {
    while (!stopped) {
      const began = performance.now()
      const reply = await agent.request({ origin: url, path: '/v1/verifications/batch', method: 'POST', headers, body })
      const text = await reply.body.text()
      if (reply.statusCode !== 200) throw new Error(`a batch gave ${reply.statusCode}`)
      spentMs += performance.now() - began
      sent++
      items += text.split('{"status":200,').length - 1
    }
  })
  // a client that fails ends the run
  const [singles] = await Promise.all([
    work().finally(() => {
      stopped = true
    }),
    ...clients,
  ])
  await agent.destroy()
  return { singles: singles as T, items, batchMs: spentMs / sent }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}
