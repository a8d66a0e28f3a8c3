import type { Phase } from '../frame/phase.ts'
import { cpuSecondsNow } from '../frame/processes.ts'
import type { Frame } from '../frame/scenario.ts'
import type { LoadWorld } from '../load-world.ts'
import { LEAD_IN_SECONDS, type OpenLoop, openLoop } from '../open-loop/open-loop.ts'
import type { Serving } from '../serve-under-load.ts'

/** Processor time of programs while some work went on, in seconds; `countFromNow` where the work has a lead-in. */
export async function whileCounting<Name extends string, T>(
  pids: Readonly<Record<Name, number>>,
  work: (countFromNow: () => void) => Promise<T>,
): Promise<{ result: T; cpuSeconds: Record<Name, number> }> {
  const names = Object.keys(pids) as Name[]
  const count = () => Object.fromEntries(names.map((name) => [name, cpuSecondsNow(pids[name])])) as Record<Name, number>
  let before = count()
  const result = await work(() => {
    before = count()
  })
  const after = count()
  return {
    result,
    cpuSeconds: Object.fromEntries(names.map((name) => [name, after[name] - before[name]])) as Record<Name, number>,
  }
}

/** Connections, caches, compiled code: what a server under load has anyway. Nothing of it is reported. */
export async function warm(
  frame: Frame,
  world: LoadWorld,
  { url }: Serving,
  perSecond: number,
  seconds = 10,
): Promise<void> {
  frame.say(`warming, ${seconds} s …`)
  await openLoop({ name: 'warming', url, shape: [{ seconds, perSecond }], traffic: world.checks, seed: 99 })
}

/** An open loop with live progress, its processor time beside it; what is told begins after a lead-in. */
export async function opened(
  frame: Frame,
  world: LoadWorld,
  serving: Serving,
  load: Omit<OpenLoop, 'url' | 'onSecond'>,
) {
  const began = performance.now()
  return whileCounting({ server: serving.pid, database: world.databasePid() }, (countFromNow) =>
    openLoop({
      leadInSeconds: LEAD_IN_SECONDS,
      onBegin: countFromNow,
      ...load,
      url: serving.url,
      onSecond: (sent, ended, right) => {
        const seconds = ((performance.now() - began) / 1_000).toFixed(0)
        frame.progress(
          `${load.name}  ${seconds} s  ${sent} sent, ${sent - ended} under way, ${ended - right} not right`,
        )
      },
    }),
  )
}

/** The figures of every open loop that should go well. */
export function tellWaits(frame: Frame, phase: Phase, prefix = ''): void {
  const { latencyMs, kinds, requests } = phase
  const name = (text: string) => (prefix === '' ? text : `${prefix}: ${text}`)
  for (const [figure, value] of [
    ['p50', latencyMs.p50],
    ['p99', latencyMs.p99],
    ['p99.9', latencyMs.p999],
    ['longest', latencyMs.max],
  ] as const) {
    frame.figure(name(figure), { value, unit: 'ms', better: 'lower' })
  }
  frame.figure(name('wrong answers'), { value: kinds.wrong, unit: '', better: 'lower' })
  frame.figure(name('refused or failed'), {
    value: Number(((100 * (kinds.refused + kinds.failed)) / requests).toFixed(4)),
    unit: '%',
    better: 'lower',
  })
}

/** What a check takes of the processors, and so how many a core can do. */
export function tellCpu(frame: Frame, phase: Phase, cpu: { server: number; database: number }, prefix = ''): number {
  const each = (seconds: number) => (seconds * 1e6) / Math.max(1, phase.kinds.right)
  const name = (text: string) => (prefix === '' ? text : `${prefix}: ${text}`)
  frame.figure(name('server, processor time a check'), { value: each(cpu.server), unit: 'µs', better: 'lower' })
  frame.figure(name('database, processor time a check'), { value: each(cpu.database), unit: 'µs', better: 'lower' })
  const perCore = 1e6 / each(cpu.server + cpu.database)
  frame.figure(name('checks a second and core'), { value: perCore, unit: '/s', better: 'higher' })
  return perCore
}
