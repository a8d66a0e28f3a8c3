import { closedPhase } from '../closed-phase.ts'
import { median, medianFigure } from '../frame/report.ts'
import type { Frame, Scenario } from '../frame/scenario.ts'
import { type LoadWorld, WORLD_OPTIONS, withLoadWorld } from '../load-world.ts'
import { LEAD_IN_SECONDS, openLoop } from '../open-loop/open-loop.ts'
import type { Ask, OpenTraffic } from '../open-loop/traffic.ts'
import { seeded } from '../seeded.ts'
import type { Serving } from '../serve-under-load.ts'
import type { ChecksSettings } from '../traffic/checks.ts'
import { makeLargeCopy } from './large-copy.ts'
import { warm, whileCounting } from './measured.ts'

const ASKS = 20_000
const SMALL = 1_000_000
const LARGE_DATABASE = 'kiemthe_large'

interface Size {
  readonly name: string
  readonly world: LoadWorld
  readonly server: Serving
  readonly asks: readonly Ask[]
  readonly perSecond: number[]
  readonly p99: number[]
  readonly databaseUs: number[]
}

/** The same load on copies of three sizes, in turn: what grows with the data. */
export const cards: Scenario = {
  what: 'copies of 1, 3.256 and 30 million records in turn: rate, p99 and what the database takes',
  options: {
    rounds: { default: '5', what: 'rounds; 0: only make the copies' },
    seconds: { default: '5', what: 'of a closed loop, and of an open one, for each size in each round' },
    rate: { default: '300', what: 'checks a second of the open loop' },
    copies: { default: '9', what: 'the largest copy, as times of the province' },
    small: { default: '/tmp/kiemthe-load-1m', what: `folder of the one with ${SMALL.toLocaleString('en')} records` },
    ...WORLD_OPTIONS,
  },
  plan: (frame) => [
    `${frame.text('rounds')} rounds over three servers with a copy each: closed loop of 64 connections, then open loop of ${frame.text('rate')}/s, ${frame.text('seconds')} s each`,
    `province ${frame.text('data')}; the largest is a second database of its cluster, ${frame.text('copies')} rows for each, made at the first run (minutes, some 12 GB)`,
  ],
  budgets: [
    { figure: 'wrong, refused or failed', atMost: 0 },
    { figure: 'largest ÷ province: checks', atLeast: 0.9 },
    { figure: 'largest ÷ province: p99', atMost: 1.2 },
  ],
  run: async (_args, frame) => {
    let largeUrl = ''
    const prepare = async (ownerUrl: string) => {
      largeUrl = await makeLargeCopy(ownerUrl, LARGE_DATABASE, frame.number('copies'), frame.say)
    }
    await withLoadWorld(
      frame,
      (province) =>
        withLoadWorld(
          frame,
          async (small) => {
            if (frame.number('rounds') === 0) return
            const appUrl = new URL(province.appUrl)
            appUrl.pathname = new URL(largeUrl).pathname
            const million = (records: number) => `${(records / 1e6).toFixed(1)} million`
            const large = million(province.records * frame.number('copies'))
            const sizes = [
              await open(million(small.records), small, await small.serve({ name: 'server, 1 million' })),
              await open(million(province.records), province, await province.serve({ name: 'server, province' })),
              await open(large, province, await province.serve({ name: 'server, largest', databaseUrl: appUrl.href })),
            ]
            await measure(frame, sizes)
          },
          { data: frame.text('small'), cards: SMALL, databaseName: 'database, 1 million' },
        ),
      { prepare },
    )
  },
}

async function open(name: string, world: LoadWorld, server: Serving): Promise<Size> {
  const { openTraffic } = (await import(world.checks.module)) as { openTraffic: OpenTraffic<ChecksSettings> }
  const traffic = await openTraffic(world.checks.settings as ChecksSettings, seeded(1), ASKS)
  const asks = Array.from({ length: ASKS }, (_, n) => traffic.ask(n))
  return { name, world, server, asks, perSecond: [], p99: [], databaseUs: [] }
}

async function measure(frame: Frame, sizes: readonly Size[]): Promise<void> {
  const [rounds, seconds, rate] = [frame.number('rounds'), frame.number('seconds'), frame.number('rate')]
  let bad = 0
  for (const { world, server } of sizes) await warm(frame, world, server, 500, 6)
  for (let round = 1; round <= rounds; round++) {
    for (const size of sizes) {
      frame.progress(`round ${round} of ${rounds}: ${size.name}`)
      const { result: closed, cpuSeconds } = await whileCounting({ database: size.world.databasePid() }, () =>
        closedPhase(`${size.name}, closed loop`, size.server.url, size.asks, 64, seconds),
      )
      const run = await openLoop({
        name: `${size.name}, ${rate}/s`,
        url: size.server.url,
        shape: [{ seconds, perSecond: rate }],
        leadInSeconds: LEAD_IN_SECONDS,
        traffic: size.world.checks,
        seed: round,
      })
      size.perSecond.push(closed.rightPerSecond)
      size.databaseUs.push((cpuSeconds.database * 1e6) / closed.kinds.right)
      size.p99.push(run.phase.latencyMs.p99)
      bad += closed.requests - closed.kinds.right + run.phase.requests - run.phase.kinds.right
      if (round === rounds) frame.phase(closed)
      if (round === rounds) frame.opened(run)
    }
    frame.say(
      `round ${round}: ${sizes.map((s) => `${s.name} ${s.perSecond.at(-1)?.toFixed(0)}/s, p99 ${s.p99.at(-1)} ms`).join('; ')}`,
    )
  }
  for (const size of sizes) {
    frame.figure(`${size.name}: checks`, medianFigure(size.perSecond, '/s', 'higher'))
    frame.figure(`${size.name}: p99 at ${rate}/s`, medianFigure(size.p99, 'ms', 'lower'))
    frame.figure(`${size.name}: database's processor time a check`, medianFigure(size.databaseUs, 'µs', 'lower'))
  }
  const [small, province, largest] = sizes
  if (small === undefined || province === undefined || largest === undefined) throw new Error('three sizes')
  const ratio = (of: 'perSecond' | 'p99') => largest[of].map((value, i) => value / (province[of][i] ?? Number.NaN))
  frame.figure('largest ÷ province: checks', medianFigure(ratio('perSecond'), '', 'higher'))
  frame.figure('largest ÷ province: p99', {
    value: median(largest.p99) / median(province.p99),
    unit: '',
    better: 'lower',
    rounds: ratio('p99'),
  })
  frame.figure('wrong, refused or failed', { value: bad, unit: '', better: 'lower' })
}
