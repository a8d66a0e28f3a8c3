import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Gateway, GatewayOptions } from '../../mocks/insurer/gateway/gateway.ts'
import { portalHash } from '../../mocks/insurer/gateway/sessions.ts'
import { type RunningGateway, startGateway } from '../../mocks/insurer/gateway/start.ts'
import { digestOf, visitKeyOf } from '../../mocks/insurer/gateway/taken.ts'
import { LOG_ID, openDetails, prepare } from '../../src/audit/log.ts'
import type { ClaimDeliveryDetails } from '../../src/claim-share/details.ts'
import type { Delivery, ShareKind, ShareStatus } from '../../src/claim-share/entry.ts'
import { insurerLogin, sealLogin } from '../../src/claim-share/send/login.ts'
import { Sender, type SenderLimits, type SendJob } from '../../src/claim-share/send/sender.ts'
import { saveLogins } from '../../src/claim-share/send/store.ts'
import { appendShare, appendWithdrawal } from '../../src/claim-share/store.ts'
import { openSenderDatabase, openSendJob } from '../../src/cli/send-job.ts'
import { deriveDataKeys, dossierDigest, visitDigest } from '../../src/data-keys.ts'
import { connect } from '../../src/db/connect.ts'
import { seal } from '../../src/seal.ts'
import { checkInFile, claimFile } from './dossier.ts'
import { keysFolder } from './keys-folder.ts'
import { deed } from './log.ts'
import { createWorld, type World } from './service.ts'

export const FACILITIES = ['38001', '38002', '38003', '38004', '38005']

export interface Shared {
  readonly index: number
  readonly facility: string
  readonly visit: string
  readonly version: number
  readonly share: ShareKind
  readonly delivery: Delivery
  readonly bytes: Buffer
}

/** A world with accounts at a mock of the insurer's gateway, and a clock of its own that never stands behind the database's. */
export interface SendingWorld {
  readonly world: World
  readonly insurer: RunningGateway
  readonly gateway: Gateway
  readonly clock: { laterMs: number }
  readonly now: () => Date
  /** Recorded as the service records it, by the statement that the service has for it. */
  readonly share: (
    of: Partial<Omit<Shared, 'index' | 'bytes'>> & { readonly visit: string; readonly file?: string },
  ) => Promise<Shared>
  /** As its facility takes it back, by the statement that the service has for it; `expected`: the entries it saw. False: refused. */
  readonly withdraw: (share: Shared, expected?: number) => Promise<boolean>
  readonly open: (options?: OpenOptions) => Promise<{ sender: Sender; job: SendJob; close: () => Promise<void> }>
  readonly statusOf: (share: Shared) => Promise<Row>
  /** What the log says of a share's deliveries, in order. */
  readonly deliveriesOf: (share: Shared) => Promise<Said[]>
  readonly environment: Readonly<Record<string, string>>
  readonly close: () => Promise<void>
}

export interface OpenOptions {
  readonly limits?: Partial<SenderLimits>
  readonly timeoutMs?: number
  readonly openMs?: number
  readonly url?: string
  readonly random?: () => number
}

export interface Row {
  readonly status: ShareStatus
  readonly attempts: number
  readonly strikes: number
  readonly failure: string | null
  readonly next: string | null
  readonly leased: boolean
}

export type Said = ClaimDeliveryDetails & {
  readonly status: string
  readonly maKetQua: string | null
  readonly at: number
}

export async function sendingWorld(options: Partial<GatewayOptions> = {}): Promise<SendingWorld> {
  const world = await createWorld([])
  const keys = deriveDataKeys(world.dataKeys)
  const clock = { laterMs: 0 }
  const now = () => new Date(Date.now() + clock.laterMs)
  const insurer = await startGateway({
    passwordHashOf: (username) => (/^38\d{3}_BV$/.test(username) ? portalHash(`of ${username}`) : null),
    now,
    random: Math.random,
    medianMs: 0,
    ...options,
  })
  await saveLogins(
    world.owner,
    FACILITIES.map((facility) => {
      const username = `${facility}_BV`
      return { facility, sealed: sealLogin(keys, facility, insurerLogin(username, `of ${username}`)) }
    }),
    new Date(),
  )
  const files = await keysFolder(world)
  const app = connect(world.appUrl, { connectionsMax: 4, statementTimeoutMs: 10_000, applicationName: 'shares' })
  const environment = {
    DATABASE_URL: world.senderUrl,
    DATA_KEYS_FILE: `${files.path}/data-keys.json`,
    INSURER_GATEWAY_URL: insurer.url,
  }
  const opened: (() => Promise<void>)[] = []
  const log = { info: () => {}, warn: () => {}, error: (...said: unknown[]) => expect.soft(said).toEqual([]) }

  return {
    world,
    insurer,
    gateway: insurer.gateway,
    clock,
    now,
    environment,
    share: async ({ facility = '38001', visit, version = 1, share = 'claim', delivery = 'forward', file }) => {
      const make = share === 'claim' ? claimFile : checkInFile
      const bytes = Buffer.from(file ?? make(facility, visit, `lần ${version}`))
      const dossierKey = dossierDigest(keys, facility, digestOf(bytes))
      const outcome = { share, version, delivery, settlementMonth: '2026-11', dossierDigest: 'x' }
      const row = prepare(keys, deed({ kind: 'claimShare', facility, outcome, client: `facility:${facility}` }))
      const visitKey = visitDigest(keys, facility, visit)
      const dossier = seal(keys, 'claim_dossier', dossierKey, bytes).toString('base64')
      const of = { facility, visitKey, share, version, dossierKey, dossier, delivery, settlementMonth: '2026-11' }
      const { place: index } = await appendShare(app, LOG_ID, row, of)
      if (index === null) throw new Error('the share was not recorded')
      return { index, facility, visit, version, share, delivery, bytes }
    },
    withdraw: async ({ index, facility }, expected = 0) => {
      const outcome = { share: index, status: 'withdrawn', by: 'facility', maKetQua: null }
      const nothing = { maGiaoDich: null, thoiGianTiepNhan: null, errors: [] }
      const details = JSON.stringify({ v: 1, share: index, ...nothing, reason: 'taken back' })
      const row = prepare(
        keys,
        deed({ kind: 'claimDelivery', facility, outcome, details, client: `facility:${facility}` }),
      )
      return (await appendWithdrawal(app, LOG_ID, row, { share: index, expected })).result === 'done'
    },
    open: async ({ limits, timeoutMs = 2_000, openMs = 20, url = insurer.url, random = Math.random } = {}) => {
      const database = await openSenderDatabase(world.senderUrl, environment.DATA_KEYS_FILE, log)
      const config = {
        gatewayUrl: url,
        caFile: null,
        timeoutMs,
        runningMax: 16,
        facilityMax: 4,
        bytesMax: 1 << 20,
        logLevel: 'info',
        ...limits,
      } as const
      const { job, close } = await openSendJob(database, config, log, { openMs, now })
      const patient = { ...job, random, pause: (ms: number, signal: AbortSignal) => napping(Math.min(ms, 10), signal) }
      const closeBoth = async () => {
        await close()
        await database.close()
      }
      opened.push(closeBoth)
      return { job: patient, sender: new Sender(patient), close: closeBoth }
    },
    statusOf: async ({ index }) => {
      const [row] = await world.owner<Row[]>`
        select status, attempts, strikes, last_failure as failure, next_attempt_at as next, lease_until is not null as leased
          from claim_delivery where leaf_index = ${index}`
      if (row === undefined) throw new Error('the share has no row')
      return row
    },
    deliveriesOf: async ({ index }) => {
      const rows = await world.owner<
        { leaf_index: number; body: string; subject: string | null; sealed: Uint8Array }[]
      >`
        select e.leaf_index, e.body, d.subject, d.sealed from log_entry e join entry_detail d using (log_id, leaf_index)
         where e.body like '%"kind":"claimDelivery"%' and (e.body::jsonb #>> '{outcome,share}')::bigint = ${index}
         order by e.leaf_index`
      return rows.map(({ leaf_index: at, body, subject, sealed }) => ({
        ...(JSON.parse(openDetails(keys, subject, sealed)) as ClaimDeliveryDetails),
        status: JSON.parse(body).outcome.status,
        maKetQua: JSON.parse(body).outcome.maKetQua,
        at,
      }))
    },
    close: async () => {
      await Promise.allSettled(opened.map((each) => each()))
      await Promise.all([app.end(), insurer.close(), files.remove()])
      await world.close()
    },
  }
}

const napping = (ms: number, signal: AbortSignal) => sleep(ms, undefined, { signal }).catch(() => {})

/** At the insurer each share had its effect once, those of one visit in the order of their versions; nothing else had one. */
export function expectExactlyOnce(gateway: Gateway, shares: readonly Shared[]): void {
  const visits = Map.groupBy(
    shares.filter((each) => each.delivery === 'forward'),
    ({ facility, share, visit }) => visitKeyOf(facility, share === 'claim' ? '130' : '0', visit),
  )
  for (const [key, those] of visits) {
    const inOrder = those.toSorted((a, b) => a.version - b.version).map((each) => digestOf(each.bytes))
    expect(gateway.taken.of(key)?.effects, key).toEqual(inOrder)
  }
  const { visits: known, wentBack, overlaps } = gateway.taken.sums()
  expect({ known, wentBack, overlaps }).toEqual({ known: visits.size, wentBack: 0, overlaps: 0 })
}
