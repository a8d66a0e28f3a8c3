import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { facilities } from '../mocks/province/facilities.ts'
import { person } from '../mocks/province/person.ts'
import { chipIdQrText } from '../mocks/province/qr.ts'
import { issueAccessToken, TOKEN_LIFE_SECONDS } from '../src/access/access-token.ts'
import { type AccessScope, readClientId } from '../src/access/principal.ts'
import { anyFreePort } from '../src/cli/embedded/port.ts'
import type { Sql } from '../src/db/connect.ts'
import { seeded } from './seeded.ts'
import { startServe } from './serve-process.ts'
import { type ThrowawayProvince, withThrowawayProvince } from './throwaway-province.ts'

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const CARDS = 2_000

/**
 * What auditors wait for: how far `kiemthe project` lags behind checks under load; then, over rows that SQL makes at once,
 * lists with an indexed filter and searches; then a stream of a million rows, with the memory of the process that sends it.
 */
export async function auditFigures(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rows: { type: 'string', default: '10000000' },
      export: { type: 'string', default: '1000000' },
      asks: { type: 'string', default: '1000' },
      rate: { type: 'string', default: '200' },
      seconds: { type: 'string', default: '20' },
    },
  })
  const [rows = 0, exported = 0, asks = 0, rate = 0, seconds = 0] = [
    values.rows,
    values.export,
    values.asks,
    values.rate,
    values.seconds,
  ].map(Number)
  const quiet = () => {}
  await withThrowawayProvince('audit', CARDS, quiet, async (made) => {
    const port = await anyFreePort()
    const serve = await startServe({ databaseUrl: made.appUrl, keysFolder: made.keysFolder, port })
    const projector = startProjector(made)
    try {
      if (seconds > 0) await lag(made, serve.url, rate, seconds)
      await projector.stop()
      const began = performance.now()
      await makeRows(made.owner, rows)
      say(`${rows} rows made in ${((performance.now() - began) / 1_000).toFixed(0)} s`)
      await searches(made, serve.url, rows, asks)
      await stream(made, serve, rows, exported)
    } finally {
      await projector.stop()
      await serve.terminate()
    }
  })
}

function startProjector({ projectorUrl, keysFolder }: ThrowawayProvince) {
  const child = spawn(process.execPath, [CLI, 'project'], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      LOG_LEVEL: 'error',
      DATABASE_URL: projectorUrl,
      DATA_KEYS_FILE: join(keysFolder, 'data-keys.json'),
    },
  })
  return {
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

function tokenOf({ tokenKeys, serviceId }: ThrowawayProvince, client: string, scopes: readonly AccessScope[]) {
  const clientId = readClientId(client)?.clientId
  if (clientId === undefined) throw new Error(client)
  const grant = { clientId, keyId: 'demo-1', scopes, lifeSeconds: TOKEN_LIFE_SECONDS }
  return issueAccessToken(tokenKeys, serviceId, new Date(), grant)
}

/** From the answer of a check until it is in the tables, at a steady rate. */
async function lag(made: ThrowawayProvince, url: string, rate: number, seconds: number): Promise<void> {
  const token = await tokenOf(made, 'facility:38001', ['verify'])
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` }
  const waiting = new Map<number, number>()
  const lags: number[] = []
  let failed = 0
  const ask = async (n: number) => {
    const evidence = { kind: 'chipIdQr', text: chipIdQrText(person(made.province, n % CARDS)) }
    const body = JSON.stringify({ evidence, serviceDate: made.province.baseDate, purpose: 'arrival' })
    const reply = await fetch(`${url}/v1/verifications`, { method: 'POST', headers, body })
    const json = (await reply.json()) as { receipt?: { index: number } }
    if (json.receipt === undefined) failed++
    else waiting.set(json.receipt.index, performance.now())
  }
  // the start of the process is not what is measured
  const started = async () => (await made.owner`select from audit_projection`).count > 0
  while (!(await started())) await sleep(100)
  await ask(0)
  const asked: Promise<void>[] = []
  const began = performance.now()
  const look = async () => {
    const [row] = await made.owner<{ next_index: number }[]>`select next_index from audit_projection`
    const now = performance.now()
    for (const [index, at] of waiting) {
      if (index >= (row?.next_index ?? 0)) continue
      lags.push(now - at)
      waiting.delete(index)
    }
  }
  for (let n = 0; n < rate * seconds; n++) {
    const dueMs = (n * 1_000) / rate
    while (performance.now() - began < dueMs) {
      await sleep(10)
      await look()
    }
    asked.push(ask(n))
  }
  await Promise.all(asked)
  for (let n = 0; waiting.size > 0 && n < 1_000; n++) {
    await sleep(20)
    await look()
  }
  say(
    `projection lag at ${rate} checks/s, ${lags.length} checks (${failed} failed, ${waiting.size} never seen): p50 ${quantile(lags, 0.5)} ms, p99 ${quantile(lags, 0.99)} ms`,
  )
}

/** A year of checks of 669 facilities, straight into the tables; their indexes are built at the end. */
async function makeRows(owner: Sql, rows: number): Promise<void> {
  const codes = facilities().map((each) => each.code)
  await owner`delete from audit_projection`
  await owner`truncate audit_check`
  await owner`insert into audit_projection values (1, 1, 'serving', ${rows}, now())`
  const indexes = await owner<{ name: string; def: string }[]>`
    select indexname as name, indexdef as def from pg_indexes where tablename = 'audit_check' and indexname not like '%_pkey'`
  for (const { name } of indexes) await owner.unsafe(`drop index ${name}`)
  await owner`set maintenance_work_mem = '512MB'`
  await owner`
    insert into audit_check (log_id, generation, leaf_index, recorded_at, facility, kind, decision, code, cause, assurance,
                             method, erased, purpose, service_date, route, inpatient, person, visit)
    select 1, 1, n, '2026-01-01'::timestamptz + n * (interval '300 days' / ${rows}::int),
           (string_to_array(${codes.join(',')}, ','))[1 + (hashint8(n) & 2147483647) % ${codes.length}::int], 'verification',
           case when n % 12 = 0 then 'notEntitled' when n % 25 = 0 then 'undetermined' else 'entitled' end,
           case when n % 12 = 0 then 'expired' when n % 25 = 0 then 'not_found' else 'valid' end,
           case when n % 12 = 0 then null when n % 25 = 0 then 'notInCopy' end,
           'unsigned', 'chipIdQr', false, 'arrival', '2026-01-01'::date + (n * 300 / ${rows}::int)::int, '1.1', false,
           md5('p' || n % 3000000)::uuid, md5('v' || n / 3)::uuid
      from generate_series(0, ${rows - 1}::bigint) as n`
  for (const { def } of indexes) await owner.unsafe(def)
  await owner`vacuum (analyze) audit_check`
}

async function searches(made: ThrowawayProvince, url: string, rows: number, asks: number): Promise<void> {
  const random = seeded(7)
  const codes = facilities().map((each) => each.code)
  const token = await tokenOf(made, 'auditor:demo', ['audit', 'audit:hiv'])
  const headers = { authorization: `Bearer ${token}`, 'audit-purpose': 'claimReview', 'audit-case': 'figures' }
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
  const days = () => {
    const from = Date.UTC(2026, 0, 1) + Math.floor(random() * 260) * 86_400_000
    const day = (ms: number) => new Date(ms).toISOString().slice(0, 10)
    return `from=${day(from)}&to=${day(from + 30 * 86_400_000)}`
  }
  const kinds: Record<string, () => { path: string; body?: unknown }> = {
    'facility, a month': () => ({ path: `verifications?facility=${pick(codes)}&${days()}` }),
    'facility, a month, decision': () => ({
      path: `verifications?facility=${pick(codes)}&${days()}&decision=notEntitled`,
    }),
    'facility, a code that is nowhere': () => ({ path: `verifications?facility=${pick(codes)}&code=held` }),
    'all facilities, a code, a month': () => ({ path: `verifications?${days()}&code=expired` }),
    'all facilities, a month, an assurance that is nowhere': () => ({
      path: `verifications?${days()}&assurance=chipSigned`,
    }),
    'a person': () => ({
      path: 'search',
      body: { citizenId: person(made.province, Math.floor(random() * CARDS)).citizenId },
    }),
    'a visit': () => ({ path: 'search', body: { visitId: `V-${Math.floor(random() * 1e9)}` } }),
  }
  for (const [kind, make] of Object.entries(kinds)) {
    const times: number[] = []
    let items = 0
    for (let n = 0; n < asks; n++) {
      const { path, body } = make()
      const began = performance.now()
      const reply = await fetch(`${url}/v1/audit/${path}`, {
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
      })
      const json = (await reply.json()) as { items?: unknown[]; code?: string }
      if (json.items === undefined) throw new Error(`${kind}: ${reply.status} ${json.code}`)
      times.push(performance.now() - began)
      items += json.items.length
    }
    say(
      `${kind}, ${asks} asks over ${rows} rows: p50 ${quantile(times, 0.5)} ms, p99 ${quantile(times, 0.99)} ms, ${(items / asks).toFixed(0)} items each`,
    )
  }
}

/** The client reads as fast as it can, then stands still in the midst: the sender's memory must not grow with it. */
async function stream(
  made: ThrowawayProvince,
  serve: { readonly url: string; readonly child: { readonly pid?: number | undefined } },
  rows: number,
  wanted: number,
): Promise<void> {
  const token = await tokenOf(made, 'auditor:demo', ['audit'])
  const headers = { authorization: `Bearer ${token}`, 'audit-purpose': 'claimReview', 'audit-case': 'figures' }
  const lastDay = new Date(Date.UTC(2026, 0, 1) + Math.ceil((300 * wanted) / rows) * 86_400_000)
    .toISOString()
    .slice(0, 10)
  for (const accept of ['application/x-ndjson', 'text/csv']) {
    const idle = await memoryOf(serve.child.pid)
    let [peak, bytes, lines] = [idle, 0, 0]
    const began = performance.now()
    const reply = await fetch(`${serve.url}/v1/audit/verifications?to=${lastDay}`, { headers: { ...headers, accept } })
    if (reply.body === null || !reply.ok) throw new Error(`stream: ${reply.status}`)
    let looked = 0
    for await (const part of reply.body as AsyncIterable<Uint8Array>) {
      bytes += part.length
      for (const byte of part) if (byte === 10) lines++
      if (performance.now() - looked > 200) {
        looked = performance.now()
        peak = Math.max(peak, await memoryOf(serve.child.pid))
      }
    }
    const took = (performance.now() - began) / 1_000
    say(
      `${accept}: ${lines} rows, ${(bytes / 1e6).toFixed(0)} MB in ${took.toFixed(1)} s, ${(lines / took).toFixed(0)} rows/s; memory ${idle} MB before, ${peak} MB at the most`,
    )
  }
}

async function memoryOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024)
}

function quantile(values: readonly number[], q: number): string {
  const sorted = values.toSorted((a, b) => a - b)
  return (sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN).toFixed(1)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
