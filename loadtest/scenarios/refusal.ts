import { setTimeout as sleep } from 'node:timers/promises'
import { closedPhase } from '../closed-phase.ts'
import { medianFigure } from '../frame/report.ts'
import type { Scenario } from '../frame/scenario.ts'
import { planOfWorld, WORLD_OPTIONS, withLoadWorld } from '../load-world.ts'
import type { Ask, OpenTraffic } from '../open-loop/traffic.ts'
import { seeded } from '../seeded.ts'
import type { ChecksSettings } from '../traffic/checks.ts'
import { whileCounting } from './measured.ts'

const ASKS = 20_000
/** As small as the gate ever makes it: it is filled soon, and the checks of a closed loop fit. */
const ROOM = '256'
/** Nothing that fills the room comes back before the log is let go. */
const STATEMENT_MS = '60000'
const TIMES = 3

/**
 * What a refusal costs beside a check, each for itself and in turn; a noisy machine disturbs both. Of a check's cost c a
 * refusal takes r: at `n` times the knee a server that is busy with both has g + (n − g) r = 1, so g = (1 − n r) ÷ (1 − r).
 */
export const refusal: Scenario = {
  what: 'processor time of a refusal ÷ that of a check, and the goodput at three times the knee that this allows',
  options: {
    seconds: { default: '4', what: 'of checks, and of refusals, in each round' },
    rounds: { default: '3', what: 'rounds' },
    connections: { default: '64', what: 'clients that ask without a pause' },
    ...WORLD_OPTIONS,
  },
  plan: (frame) => [
    `closed loop, ${frame.text('connections')} connections, ${frame.text('rounds')} rounds of ${frame.text('seconds')} s of checks and as much of refusals: the log is held and the room full meanwhile`,
    ...planOfWorld(frame),
  ],
  budgets: [
    { figure: 'wrong or failed', atMost: 0 },
    { figure: 'a refusal ÷ a check', atMost: 0.048 },
    { figure: 'goodput ÷ peak that this allows', atLeast: 0.9 },
  ],
  run: async (_args, frame) => {
    const [seconds, rounds, connections] = [
      frame.number('seconds'),
      frame.number('rounds'),
      frame.number('connections'),
    ]
    await withLoadWorld(frame, async (world) => {
      const server = await world.serve({ env: { REQUESTS_IN_FLIGHT_MAX: ROOM, DB_STATEMENT_TIMEOUT_MS: STATEMENT_MS } })
      const { openTraffic } = (await import(world.checks.module)) as { openTraffic: OpenTraffic<ChecksSettings> }
      const traffic = await openTraffic(world.checks.settings as ChecksSettings, seeded(1), ASKS)
      const asks = Array.from({ length: ASKS }, (_, n) => traffic.ask(n))
      const pids = { server: server.pid, database: world.databasePid() }
      const [checkUs, refusalUs]: [number[], number[]] = [[], []]
      let bad = 0
      const measure = async (name: string, kind: 'right' | 'refused') => {
        const { result, cpuSeconds } = await whileCounting(pids, () =>
          closedPhase(name, server.url, asks, connections, seconds),
        )
        bad += result.kinds.wrong + result.kinds.failed
        const spent = kind === 'right' ? cpuSeconds.server + cpuSeconds.database : cpuSeconds.server
        return { phase: result, us: (spent * 1e6) / Math.max(1, result.kinds[kind]) }
      }
      await closedPhase('warming', server.url, asks, connections, 8)
      for (let round = 0; round <= rounds; round++) {
        const checks = await measure('checks', 'right')
        const refusals = await world.sql.begin(async (tx) => {
          await tx`select size from log_head for update`
          const inside = await fillRoom(server.url, asks)
          return { inside, measured: await measure('refusals', 'refused') }
        })
        await Promise.all(refusals.inside)
        if (round === 0) continue // compiled now
        checkUs.push(checks.us)
        refusalUs.push(refusals.measured.us)
        frame.say(`round ${round}: a check ${checks.us.toFixed(0)} µs, a refusal ${refusals.measured.us.toFixed(1)} µs`)
        if (round === rounds) {
          frame.phase(checks.phase)
          frame.phase(refusals.measured.phase)
        }
      }
      const shares = refusalUs.map((us, i) => us / (checkUs[i] ?? Number.NaN))
      frame.figure('a check, processor time', medianFigure(checkUs, 'µs', 'lower'))
      frame.figure('a refusal, processor time', medianFigure(refusalUs, 'µs', 'lower'))
      frame.figure('a refusal ÷ a check', medianFigure(shares, '', 'lower'))
      const goodputs = shares.map((r) => Math.max(0, (1 - TIMES * r) / (1 - r)))
      frame.figure('goodput ÷ peak that this allows', medianFigure(goodputs, '', 'higher'))
      frame.figure('wrong or failed', { value: bad, unit: '', better: 'lower' })
    })
  },
}

/** Until two hundred in a row are refused: every process is full. Those who got in wait for the log. */
async function fillRoom(url: string, asks: readonly Ask[]): Promise<Promise<unknown>[]> {
  const inside: Promise<unknown>[] = []
  for (let from = 0; ; from += 200) {
    let refused = 0
    const sent = Array.from({ length: 200 }, async (_, n) => {
      const { path, headers, body } = asks[(from + n) % asks.length] as Ask
      const response = await fetch(`${url}${path}`, { method: 'POST', headers, body })
      if (response.status === 503) refused++
      return response.text()
    })
    inside.push(...sent)
    for (let waited = 0; waited < 20 && refused < 200; waited++) await sleep(50)
    if (refused === 200) return inside
  }
}
