import { randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { demoPortalHash, startGateway } from '../mocks/insurer/gateway/start.ts'
import { digestOf, visitKeyOf } from '../mocks/insurer/gateway/taken.ts'
import { facilities } from '../mocks/province/facilities.ts'
import { LOG_ID, prepare } from '../src/audit/log.ts'
import { appendShare } from '../src/claim-share/store.ts'
import { saveDemoLogins } from '../src/cli/demo-sender.ts'
import { type DataKeys, deriveDataKeys, dossierDigest, visitDigest } from '../src/data-keys.ts'
import { connect, type Sql } from '../src/db/connect.ts'
import { seal } from '../src/seal.ts'
import type { Frame, Scenario } from './frame/scenario.ts'
import { startCommand } from './send-process.ts'
import { withThrowawayProvince } from './throwaway-province.ts'

const RECORDS = 100
const PATIENCE_MS = 15 * 60_000
const APPENDERS = 8
const LOST = 'claims without an effect at the insurer'
const TWICE = 'taken twice, taken back or sent at once with another of its visit'

/**
 * The insurer's gateway goes away and comes back. First: claims/s that one `kiemthe send` delivers. Then a backlog is shared
 * while the gateway answers 503, all of it held; it comes back, and new claims are shared at a steady rate while the backlog
 * drains: how fast, and how long each new one takes from its record to the insurer, where every file has one effect, in its order.
 */
export const insurerDown: Scenario = {
  what: 'claims/s delivered; the drain after an outage while new claims come in, their latency, memory',
  options: {
    claims: { default: '3000', what: 'before the outage' },
    backlog: { default: '6000', what: 'shared while the gateway answers 503' },
    rate: { default: '10', what: 'new claims a second while the backlog drains' },
    bytes: { default: '20000', what: 'of a dossier' },
    latency: { default: '300', what: 'ms in which the gateway answers, in the median' },
    concurrency: { default: '64', what: 'SEND_CONCURRENCY' },
  },
  plan: (frame) => [
    `${frame.text('claims')} claims of ${frame.text('bytes')} bytes, then ${frame.text('backlog')} into an outage, then ${frame.text('rate')}/s beside their drain`,
    `one sender, ${frame.text('concurrency')} at once; a gateway that answers within ${frame.text('latency')} ms; ${facilities().length} facilities in turn`,
  ],
  budgets: [
    { figure: LOST, atMost: 0 },
    { figure: TWICE, atMost: 0 },
  ],
  run: (_args, frame) => measure(frame),
}

async function measure(frame: Frame): Promise<void> {
  const { say } = frame
  const [claims, backlog] = [frame.number('claims'), frame.number('backlog')]
  const [rate, bytes] = [frame.number('rate'), frame.number('bytes')]
  const [latency, concurrency] = [frame.number('latency'), frame.number('concurrency')]
  await withThrowawayProvince('insurer-down', RECORDS, say, async (made) => {
    const takenAt = new Map<string, number>()
    const insurer = await startGateway({
      passwordHashOf: demoPortalHash,
      now: () => new Date(),
      random: Math.random,
      medianMs: latency,
      onTaken: (key) => takenAt.has(key) || takenAt.set(key, performance.now()),
    })
    await saveDemoLogins(made.ownerUrl, made.dataKeys, new Date())
    const app = connect(made.appUrl, { connectionsMax: 4, statementTimeoutMs: 30_000, applicationName: 'shares' })
    const shares = new Shares(app, deriveDataKeys(made.dataKeys), bytes)
    const environment = {
      DATABASE_URL: made.senderUrl,
      DATA_KEYS_FILE: `${made.keysFolder}/data-keys.json`,
      INSURER_GATEWAY_URL: insurer.url,
      SEND_CONCURRENCY: String(concurrency),
    }
    const { taken } = insurer.gateway
    const until = async (effects: number) => {
      const giveUpAt = performance.now() + PATIENCE_MS
      while (taken.sums().effects < effects) {
        if (performance.now() > giveUpAt) throw new Error(`${taken.sums().effects} of ${effects} were delivered`)
        await sleep(20)
      }
    }
    const recordedIn = await seconds(() => shares.add(claims))
    say(`${claims} claims of ${bytes} bytes recorded, ${(claims / recordedIn).toFixed(0)}/s`)
    const sender = startCommand(['send'], environment)
    try {
      await until(1)
      const delivered = await seconds(() => until(claims))
      say(
        `delivered: ${(claims / delivered).toFixed(0)}/s, ${concurrency} at once, answers within ${latency} ms (median)`,
      )

      insurer.gateway.fault('outage')
      await shares.add(backlog)
      const held = await seconds(() => allHeld(made.owner, backlog))
      say(`outage: ${backlog} claims held, ${held.toFixed(1)} s after the last was recorded`)

      insurer.gateway.fault('none')
      const fresh = shares.steadily(rate)
      const back = performance.now()
      await until(claims + 1)
      const first = performance.now() - back
      const drained = await seconds(async () => {
        while (!shares.backlogDelivered(takenAt, claims, backlog)) await sleep(20)
      })
      const made_ = await fresh.stop()
      await until(claims + backlog + made_.length)
      const waits = made_.map(({ key, at }) => (takenAt.get(key) ?? Number.NaN) - at).toSorted((a, b) => a - b)
      const memory = await memoryOf(sender.pid)
      const { effects, visits, repeats, wentBack, overlaps } = taken.sums()
      say(
        [
          `back: the first claim after ${(first / 1000).toFixed(1)} s (one try in 15 s), the backlog in ${drained.toFixed(1)} s: ${(backlog / drained).toFixed(0)}/s`,
          `meanwhile ${made_.length} new claims at ${rate}/s: recorded to taken p50 ${quantile(waits, 0.5)} ms, p99 ${quantile(waits, 0.99)} ms, longest ${quantile(waits, 1)} ms`,
          `memory of the sender: ${memory} MB at the most`,
          `at the insurer: ${effects} effects of ${visits} visits, ${repeats} repeated, ${wentBack} taken back, ${overlaps} at once`,
        ].join('\n'),
      )
      const tell = (name: string, value: number, unit: string, better: 'higher' | 'lower') =>
        frame.figure(name, { value: Number(value.toPrecision(4)), unit, better })
      tell('delivered', claims / delivered, '/s', 'higher')
      tell('after the outage: the first claim', first / 1_000, 's', 'lower')
      tell('after the outage: the backlog', drained, 's', 'lower')
      tell('the backlog, a second', backlog / drained, '/s', 'higher')
      tell('a new claim beside it, recorded to taken: p50', Number(quantile(waits, 0.5)), 'ms', 'lower')
      tell('a new claim beside it, recorded to taken: p99', Number(quantile(waits, 0.99)), 'ms', 'lower')
      tell('memory of the sender, at the most', Number(memory), 'MB', 'lower')
      tell(LOST, shares.count - visits, '', 'lower')
      tell(TWICE, effects - visits + wentBack + overlaps, '', 'lower')
    } finally {
      await sender.stop()
      await app.end()
      await insurer.close()
    }
  })
}

interface Made {
  readonly key: string
  readonly at: number
}

/** One visit each, of the province's facilities in turn. */
class Shares {
  count = 0
  readonly #sql: Sql
  readonly #keys: DataKeys
  readonly #filling: string
  readonly #codes = facilities().map((each) => each.code)
  readonly #keysInOrder: string[] = []

  constructor(sql: Sql, keys: DataKeys, bytes: number) {
    this.#sql = sql
    this.#keys = keys
    this.#filling = randomBytes(Math.ceil(bytes * 0.75)).toString('base64')
  }

  async add(many: number): Promise<void> {
    let left = many
    const append = async () => {
      while (left-- > 0) await this.one()
    }
    await Promise.all(Array.from({ length: APPENDERS }, append))
  }

  async one(): Promise<Made> {
    const n = this.count++
    const facility = this.#codes[n % this.#codes.length] ?? ''
    const visit = `L${n}`
    const table = `<TONG_HOP><MA_LK>${visit}</MA_LK><MA_CSKCB>${facility}</MA_CSKCB></TONG_HOP>`
    const file = `<GIAMDINHHS><FILEHOSO><LOAIHOSO>XML1</LOAIHOSO><NOIDUNGFILE>${Buffer.from(table).toString('base64')}</NOIDUNGFILE></FILEHOSO><FILEHOSO><LOAIHOSO>XML2</LOAIHOSO><NOIDUNGFILE>${this.#filling}</NOIDUNGFILE></FILEHOSO></GIAMDINHHS>`
    const keys = this.#keys
    const dossierKey = dossierDigest(keys, facility, digestOf(Buffer.from(file)))
    const row = prepare(keys, {
      recordedAt: new Date(),
      kind: 'claimShare',
      facility,
      outcome: { share: 'claim', version: 1, delivery: 'forward', settlementMonth: '2026-11' },
      details: '{}',
      client: `facility:${facility}`,
      subject: null,
      idempotency: null,
    })
    const of = {
      facility,
      visitKey: visitDigest(keys, facility, visit),
      share: 'claim',
      version: 1,
      dossierKey,
      dossier: seal(keys, 'claim_dossier', dossierKey, file).toString('base64'),
      delivery: 'forward',
      settlementMonth: '2026-11',
    } as const
    await appendShare(this.#sql, LOG_ID, row, of)
    const made = { key: visitKeyOf(facility, '130', visit), at: performance.now() }
    this.#keysInOrder[n] = made.key
    return made
  }

  backlogDelivered(takenAt: ReadonlyMap<string, number>, from: number, many: number): boolean {
    return this.#keysInOrder.slice(from, from + many).every((key) => takenAt.has(key))
  }

  /** On an absolute schedule: a slow append delays none of the others. */
  steadily(rate: number): { stop: () => Promise<Made[]> } {
    const made: Promise<Made>[] = []
    const timer = setInterval(() => made.push(this.one()), 1_000 / rate)
    return {
      stop: () => {
        clearInterval(timer)
        return Promise.all(made)
      },
    }
  }
}

async function allHeld(owner: Sql, many: number): Promise<void> {
  for (;;) {
    const [row] = await owner<{ held: number }[]>`
      select count(*)::int as held from claim_delivery where status in ('held', 'sent')`
    if ((row?.held ?? 0) >= many) return
    await sleep(100)
  }
}

async function memoryOf(pid: number): Promise<string> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return (Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024).toFixed(0)
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return (performance.now() - began) / 1_000
}

function quantile(sorted: readonly number[], part: number): string {
  return (sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN).toFixed(0)
}
