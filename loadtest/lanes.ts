import { Agent } from 'undici'
import { type Call, closedLoop } from './closed-loop.ts'
import { demoCalls, startDemo } from './demo-server.ts'
import { medianFigure } from './frame/report.ts'
import type { Frame, Scenario } from './frame/scenario.ts'

/**
 * What a single check waits for when batches run all the time: p50 and p99 of a few desks alone, and beside clients
 * that send one batch after the other. In turn, so that a noisy machine disturbs both.
 */
export const lanes: Scenario = {
  what: 'p50 and p99 of single checks alone, and while batches of 1,000 run all the time',
  options: {
    data: { default: '.kiemthe', what: 'folder of the demo, made where there is none' },
    port: { default: '8790', what: 'of the demo' },
    cards: { default: '', what: 'insurance records, if it is made' },
    seconds: { default: '8', what: 'alone, and beside batches, in each round' },
    rounds: { default: '5', what: 'rounds' },
    connections: { default: '4', what: 'desks that check without a pause' },
    batches: { default: '2', what: 'clients that send one batch after the other' },
    items: { default: '1000', what: 'of a batch' },
  },
  plan: (frame) => [
    `closed loop (autocannon), ${frame.text('connections')} connections, ${frame.text('rounds')} rounds of 2 × ${frame.text('seconds')} s, the demo in ${frame.text('data')}`,
  ],
  run: (_args, frame) => measure(frame),
}

async function measure(frame: Frame): Promise<void> {
  const [seconds, connections, data] = [frame.number('seconds'), frame.number('connections'), frame.text('data')]
  const cards = frame.text('cards')
  const more = cards === '' ? [] : ['--cards', cards]
  const demo = await startDemo(data, frame.number('port'), [...more, '--still'])
  try {
    const calls = demoCalls(data, 6_690)
    const batches = batchCalls(calls, frame.number('batches'), frame.number('items'))
    await closedLoop(demo.url, calls, connections, 10) // warm: code, caches, pages
    await beside(demo.url, batches, () => closedLoop(demo.url, calls, connections, 5))
    const p50: number[] = []
    const p99: number[] = []
    for (let round = 1; round <= frame.number('rounds'); round++) {
      const alone = await closedLoop(demo.url, calls, connections, seconds)
      const both = await beside(demo.url, batches, () => closedLoop(demo.url, calls, connections, seconds))
      if (alone.failures > 0 || both.singles.failures > 0) throw new Error('a single check failed')
      p50.push(both.singles.p50Ms / alone.p50Ms)
      p99.push(both.singles.p99Ms / alone.p99Ms)
      frame.say(
        `round ${round}  alone ${alone.requestsPerSecond.toFixed(0)}/s, p50 ${alone.p50Ms} ms, p99 ${alone.p99Ms} ms  ` +
          `beside batches ${both.singles.requestsPerSecond.toFixed(0)}/s, p50 ${both.singles.p50Ms} ms, ` +
          `p99 ${both.singles.p99Ms} ms; ${both.items} items in batches, a batch ${both.batchMs.toFixed(0)} ms`,
      )
    }
    frame.figure('p50, beside batches ÷ alone', medianFigure(p50, '', 'lower'))
    frame.figure('p99, beside batches ÷ alone', medianFigure(p99, '', 'lower'))
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
