import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tokenKeysOf } from '../src/cli/data-folder.ts'
import { DEMO_COPY_HOURS, type Province, readOptions, signalled, withProvince } from '../src/cli/demo.ts'
import { demoCalls } from './demo-server.ts'
import { medianFigure } from './frame/report.ts'
import type { Frame, Scenario } from './frame/scenario.ts'
import { bundleWorker, startWorkerd } from './workerd.ts'

const ROUNDS = 3
/** /proc counts in hundredths of a second: 300 requests of a millisecond are 30 of them. */
const TICK_MS = 10

/**
 * Size of the Worker as it is deployed, and the processor time that workerd takes for a verification (a connection of its
 * own, two statements), beside `/health/ready` (a connection, one statement) and `/health/live` (neither). In turn, so
 * that a noisy machine disturbs all. PostgreSQL and the client are processes of their own and not counted.
 */
export const edge: Scenario = {
  what: 'the Worker: processor time of workerd a verification, size of the build',
  options: {
    data: { default: '/tmp/kiemthe-edge', what: 'folder of the province, made where there is none' },
    cards: { default: '2000', what: 'insurance records, if it is made' },
    checks: { default: '300', what: 'requests of each kind in each round' },
    connections: { default: '4', what: 'requests at once' },
  },
  plan: (frame) => [
    `${ROUNDS} rounds of ${frame.text('checks')} verifications, /health/ready and /health/live, ${frame.text('connections')} at once`,
  ],
  run: (_args, frame) => build(frame),
}

async function build(frame: Frame): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'kiemthe-bundle-'))
  try {
    const size = /Total Upload.*/.exec(await bundleWorker(folder))
    frame.note(size?.[0] ?? 'wrangler says no size')
    const options = readOptions(['--data', frame.text('data'), '--cards', frame.text('cards')], 8790)
    await withProvince(options, signalled(), (province) => measure(frame, province, join(folder, 'worker.js')))
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(frame: Frame, province: Province, bundle: string): Promise<void> {
  const [checks, connections] = [frame.number('checks'), frame.number('connections')]
  const { folder } = province.options
  const settings = {
    PUBLIC_URL: 'http://127.0.0.1:8790',
    COPY_LATE_AFTER_HOURS: DEMO_COPY_HOURS,
    COPY_STALE_AFTER_HOURS: DEMO_COPY_HOURS,
    CATALOGUE_LATE_AFTER_HOURS: DEMO_COPY_HOURS,
    RATE_LIMIT_PER_SECOND: '1000000',
    RATE_LIMIT_BURST: '1000000',
  }
  const keys = { data: province.dataKeys, token: await tokenKeysOf(folder) }
  const worker = await startWorkerd(bundle, province.appUrl, settings, keys, { write: () => {} })
  try {
    const pid = await childOf(process.pid, 'workerd')
    const url = `http://127.0.0.1:${worker.port}`
    const calls = demoCalls(folder.path, 669)
    const check = (n: number) => {
      const { headers, body } = calls[n % calls.length] ?? {}
      return fetch(`${url}/v1/verifications`, { method: 'POST', ...(headers && { headers }), ...(body && { body }) })
    }
    const kinds: Readonly<Record<string, (n: number) => Promise<Response>>> = {
      'a verification': check,
      '/health/ready': () => fetch(`${url}/health/ready`),
      '/health/live': () => fetch(`${url}/health/live`),
    }
    const figures = new Map<string, number[]>(Object.keys(kinds).map((kind) => [kind, []]))
    for (const ask of Object.values(kinds)) await run(pid, checks, connections, ask) // warm: code, caches
    for (let round = 1; round <= ROUNDS; round++) {
      for (const [kind, ask] of Object.entries(kinds)) {
        const { cpuMs, perSecond } = await run(pid, checks, connections, ask)
        figures.get(kind)?.push(cpuMs)
        frame.say(`round ${round}  ${kind}: ${cpuMs.toFixed(2)} ms of workerd (${perSecond.toFixed(0)}/s)`)
      }
    }
    for (const [kind, rounds] of figures) {
      frame.figure(`${kind}: processor time of workerd`, medianFigure(rounds, 'ms', 'lower'))
    }
  } finally {
    await worker.close()
  }
}

async function run(pid: number, requests: number, connections: number, ask: (n: number) => Promise<Response>) {
  const [before, began] = [await cpuMsOf(pid), performance.now()]
  let next = 0
  const client = async () => {
    while (next < requests) {
      const reply = await ask(next++)
      await reply.arrayBuffer()
      if (reply.status !== 200) throw new Error(`a request gave ${reply.status}`)
    }
  }
  await Promise.all(Array.from({ length: connections }, client))
  const seconds = (performance.now() - began) / 1000
  return { cpuMs: ((await cpuMsOf(pid)) - before) / requests, perSecond: requests / seconds }
}

/** User and system time of a process so far (proc(5): fields 14 and 15; the name may hold spaces). */
async function cpuMsOf(pid: number): Promise<number> {
  const fields = (await statOf(pid)).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

async function childOf(parent: number, name: string): Promise<number> {
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    const [head = '', rest = ''] = (await statOf(Number(entry)).catch(() => '')).split(') ')
    if (head.endsWith(`(${name}`) && rest.split(' ')[1] === String(parent)) return Number(entry)
  }
  throw new Error(`no child ${name}`)
}

function statOf(pid: number): Promise<string> {
  return readFile(`/proc/${pid}/stat`, 'utf8')
}
