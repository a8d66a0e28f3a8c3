import { closedPhase } from '../closed-phase.ts'
import { startControl } from '../demo-server.ts'
import type { Phase } from '../frame/phase.ts'
import { medianFigure } from '../frame/report.ts'
import type { Scenario } from '../frame/scenario.ts'
import { planOfWorld, WORLD_OPTIONS, withLoadWorld } from '../load-world.ts'
import type { Ask, OpenTraffic } from '../open-loop/traffic.ts'
import { seeded } from '../seeded.ts'
import type { ChecksSettings } from '../traffic/checks.ts'
import { dropObviousTables, makeObviousTables, startDatabaseControl } from './controls.ts'
import { whileCounting } from './measured.ts'

const ASKS = 20_000

interface Contestant {
  readonly name: 'kiemthe' | 'bare node:http' | 'obvious design' | 'without the log'
  readonly url: string
  readonly pid: number
  readonly asks: readonly Ask[]
}

interface Round {
  readonly perSecond: number
  readonly serverUs: number
  readonly databaseUs: number
}

/** The most that comes out, beside controls that do less. All in turn within each round, so that a noisy machine disturbs all. */
export const saturate: Scenario = {
  what: 'the most checks a second, in turn with bare node:http, the obvious design and ourselves without the log',
  options: {
    seconds: { default: '6', what: 'of each contestant in each round' },
    rounds: { default: '5', what: 'rounds' },
    connections: {
      default: '256',
      what: 'clients that ask without a pause; 64 wait for one another’s statements while a fifth of the cores idles',
    },
    warm: { default: '12', what: 'seconds before the first round' },
    ...WORLD_OPTIONS,
  },
  plan: (frame) => [
    `closed loop (autocannon), ${frame.text('connections')} connections, ${frame.text('rounds')} rounds of 4 × ${frame.text('seconds')} s, every answer judged`,
    ...planOfWorld(frame),
  ],
  budgets: [
    { figure: 'wrong, refused or failed', atMost: 0 },
    { figure: 'checks ÷ bare node:http', atLeast: 0.45 },
    { figure: 'processor time a check ÷ bare node:http', atMost: 3 },
    { figure: 'checks ÷ the obvious design', atLeast: 2.5 },
    { figure: 'with the log ÷ without', atLeast: 0.75 },
  ],
  run: async (_args, frame) => {
    const [seconds, rounds, connections] = [
      frame.number('seconds'),
      frame.number('rounds'),
      frame.number('connections'),
    ]
    await withLoadWorld(frame, async (world) => {
      const { openTraffic } = (await import(world.checks.module)) as { openTraffic: OpenTraffic<ChecksSettings> }
      const traffic = await openTraffic(world.checks.settings as ChecksSettings, seeded(1), ASKS)
      const checks = Array.from({ length: ASKS }, (_, n) => traffic.ask(n))
      // the same bytes to those who could not be judged as we are
      const answered = (status: number) =>
        status === 200 ? ({ kind: 'right', name: '200' } as const) : ({ kind: 'failed', name: String(status) } as const)
      const unjudged = checks.map((ask): Ask => ({ ...ask, judge: answered }))
      const server = await world.serve({ name: 'server' })
      const bytes = await answerBytes(server.url, checks[0])
      const env = { PROCESSES: frame.text('processes') }
      await makeObviousTables(world)
      const withoutLog = await startDatabaseControl('without-log', world, world.appUrl, env)
      const obvious = await startDatabaseControl('obvious', world, world.ownerUrl, {
        ...env,
        ANSWER_BYTES: String(bytes),
      })
      const bare = await startControl(bytes)
      try {
        const contestants: Contestant[] = [
          { name: 'kiemthe', url: server.url, pid: server.pid, asks: checks },
          { name: 'bare node:http', url: bare.url, pid: bare.process.pid ?? 0, asks: unjudged },
          { name: 'obvious design', url: obvious.url, pid: obvious.pid, asks: unjudged },
          { name: 'without the log', url: withoutLog.url, pid: withoutLog.pid, asks: checks },
        ]
        const told = new Map(contestants.map(({ name }) => [name, [] as Round[]]))
        let bad = 0
        const measure = async (each: Contestant, round: number, length: number): Promise<Phase> => {
          frame.progress(`round ${round} of ${rounds}: ${each.name}`)
          const { result, cpuSeconds } = await whileCounting({ server: each.pid, database: world.databasePid() }, () =>
            closedPhase(each.name, each.url, each.asks, connections, length),
          )
          const us = (spent: number) => (spent * 1e6) / Math.max(1, result.kinds.right)
          if (round > 0) {
            bad += result.requests - result.kinds.right
            told.get(each.name)?.push({
              perSecond: result.rightPerSecond,
              serverUs: us(cpuSeconds.server),
              databaseUs: each.name === 'bare node:http' ? 0 : us(cpuSeconds.database),
            })
          }
          return result
        }
        for (const each of contestants)
          await measure(each, 0, each.name === 'kiemthe' ? frame.number('warm') : frame.number('warm') / 3)
        for (let round = 1; round <= rounds; round++) {
          for (const each of contestants) {
            const phase = await measure(each, round, seconds)
            if (round === rounds) frame.phase(phase)
          }
          const line = contestants.map(({ name }) => `${name} ${told.get(name)?.at(-1)?.perSecond.toFixed(0)}/s`)
          frame.say(`round ${round}: ${line.join(', ')}`)
        }
        const of = (name: Contestant['name'], value: (round: Round) => number) => (told.get(name) ?? []).map(value)
        const ratios = (name: Contestant['name'], value: (round: Round) => number) =>
          of('kiemthe', value).map((ours, i) => ours / (of(name, value)[i] ?? Number.NaN))
        const perSecond = (round: Round) => round.perSecond
        const us = (round: Round) => round.serverUs + round.databaseUs
        for (const { name } of contestants) {
          frame.figure(`${name}, a second`, medianFigure(of(name, perSecond), '/s', 'higher'))
          frame.figure(
            `${name}, server's processor time each`,
            medianFigure(
              of(name, (r) => r.serverUs),
              'µs',
              'lower',
            ),
          )
          if (name === 'bare node:http') continue
          frame.figure(
            `${name}, database's processor time each`,
            medianFigure(
              of(name, (r) => r.databaseUs),
              'µs',
              'lower',
            ),
          )
        }
        frame.figure('checks ÷ bare node:http', medianFigure(ratios('bare node:http', perSecond), '', 'higher'))
        frame.figure('processor time a check ÷ bare node:http', medianFigure(ratios('bare node:http', us), '', 'lower'))
        frame.figure('checks ÷ the obvious design', medianFigure(ratios('obvious design', perSecond), '', 'higher'))
        frame.figure('with the log ÷ without', medianFigure(ratios('without the log', perSecond), '', 'higher'))
        const cores = of('kiemthe', us).map((each) => 1e6 / each)
        frame.figure('checks a second and core', medianFigure(cores, '/s', 'higher'))
        frame.figure('wrong, refused or failed', { value: bad, unit: '', better: 'lower' })
      } finally {
        await Promise.all([bare.stop(), obvious.stop(), withoutLog.stop()])
        await dropObviousTables(world)
      }
    })
  },
}

async function answerBytes(url: string, ask: Ask | undefined): Promise<number> {
  if (ask === undefined) throw new Error('the province gave nobody')
  const response = await fetch(`${url}${ask.path}`, { method: 'POST', headers: ask.headers, body: ask.body })
  const text = await response.text()
  const { kind, name } = ask.judge(response.status, text)
  if (kind !== 'right') throw new Error(`the first check: ${name}`)
  return Buffer.byteLength(text)
}
