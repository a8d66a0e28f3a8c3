import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimFile } from '../../mocks/dossier/file.ts'
import { claimTables } from '../../mocks/dossier/visit.ts'
import { person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { prepare } from '../../src/audit/log.ts'
import { LOG_ID, placeOf } from '../../src/audit/log-id.ts'
import { succeedLog } from '../../src/audit/succession/store.ts'
import { originOf } from '../../src/audit/succession/successor.ts'
import { todayInVietnam } from '../../src/calendar.ts'
import { claimShareSchema } from '../../src/claim-share/answer-schema.ts'
import { readClaimShareId } from '../../src/claim-share/id.ts'
import { addShares, applyDeliveries, forgetDeliveries, nextStretch } from '../../src/claim-share/queue/store.ts'
import { readOn, rebuild } from '../../src/claim-share/send/follow.ts'
import { findRecorded, takeDue } from '../../src/claim-share/send/store.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { readState } from '../../src/db/readiness.ts'
import { send } from '../http/http-support.ts'
import { kiemthe } from '../support/kiemthe.ts'
import { deed } from '../support/log.ts'
import { expectExactlyOnce, type SendingWorld, type Shared, sendingWorld } from '../support/sending.ts'
import { post, type Running } from '../support/service.ts'

/** Shares whose versions, checks and receipts stand in a log and in its successor. */

const NEVER = new AbortController().signal
const MINUTE = 60_000
const today = todayInVietnam(new Date())
const someone = person({ seed: 'shares', baseDate: today }, 0)
const another = person({ seed: 'shares', baseDate: today }, 1)

let it: SendingWorld
let running: Running
let token: string

beforeAll(async () => {
  it = await sendingWorld()
  running = await it.world.start()
  token = await it.world.token('facility:38001')
})

afterAll(() => it?.close())

async function openSuccessor(): Promise<void> {
  const [head] = await it.world.owner<{ size: number; origin: string }[]>`select size, origin from log_head`
  const { size = 0, origin = '' } = head ?? {}
  const opening = deed({ kind: 'logSucceeded', facility: null, outcome: { formerLog: 1, formerSize: size } })
  const row = prepare(deriveDataKeys(it.world.dataKeys), opening)
  const succession = { former: 1, formerSize: size, logId: 2, origin: originOf(origin, 2), row }
  expect(await succeedLog(it.world.owner, succession)).toBe(true)
}

async function check(): Promise<string> {
  const evidence = { kind: 'chipIdQr', text: chipIdQrText(someone) }
  const { status, body } = await post(running.url, token, { evidence, serviceDate: today, purpose: 'arrival' })
  expect(status).toBe(200)
  return body.receipt?.checkCode ?? ''
}

function fileOf(visit: string, version: number): string {
  // of the former log alone: an index that is taken for one of the successor is about somebody else
  const tables = claimTables(visit === 'own' ? another : someone, {
    facility: '38001',
    visitId: visit,
    day: today,
    seed: 'shares',
  })
  for (const row of tables['XML1'] ?? []) row['GHI_CHU'] = `bản ${version}`
  return claimFile(tables, '38001')
}

async function share(visit: string, version: number, told: Record<string, unknown> = {}) {
  const dossier = Buffer.from(fileOf(visit, version)).toString('base64')
  const body = { kind: 'claim', visitId: visit, dossier, reason: 'sửa', delivery: 'forward', ...told }
  const reply = await send(running.url, { path: '/v1/claim-shares', token, body })
  expect([reply.status, reply.text]).toEqual([202, expect.any(String)])
  return claimShareSchema.parse(reply.json)
}

const get = async (path: string) =>
  (await send(running.url, { method: 'GET', path: `/v1/claim-shares${path}`, token })).json

const placeOfId = (id: string) => placeOf(readClaimShareId(id) ?? { logId: 0, index: 0 })

function sent({ id, visitId, version }: { id: string; visitId: string; version: number }): Shared {
  const bytes = Buffer.from(fileOf(visitId, version))
  const of = { facility: '38001', visit: visitId, version, share: 'claim', delivery: 'forward' } as const
  return { ...of, index: placeOfId(id), bytes }
}

const rows = () => it.world.owner`
  select leaf_index, facility, visit_key, share, version, delivery, settlement_month, status, last_index, transitions,
         next_attempt_at is not null as waits
    from claim_delivery order by leaf_index`

const lease = (id: string, until: string | null) =>
  it.world.owner`update claim_delivery set lease_until = ${until} where leaf_index = ${placeOfId(id)}`

test('what was shared before a succession would be lost, be another entry, or be sent again or out of its order', async () => {
  await check()
  const former = await check() // index 1, as the successor's first check
  const one = await share('A', 1, { checkCodes: [former] })
  const own = await share('own', 1, { delivery: 'recordOnly' })
  const dead = await share('dead', 1)
  expect([one.id, own.id, dead.id]).toEqual(['s1-2', 's1-3', 's1-4'])
  await openSuccessor()
  const later = await check()
  const two = await share('A', 2, { checkCodes: [later, former, '7K3M9-TQ2XH'] })
  const deadToo = await share('dead too', 1)

  // each is what it was, and knows of the other
  expect(two).toMatchObject({ id: 's2-2', version: 2, previous: 's1-2', supersededBy: null })
  expect(two.checks.map(({ verification }) => verification)).toEqual(['v2-1', 'v1-1', null])
  expect(two.findings.filter(({ path }) => path === '/checkCodes').map(({ code }) => code)).toEqual([
    'check_code_not_genuine',
  ])
  const nextAttemptAt = expect.any(String)
  expect(await get('/s2-2')).toEqual({ ...two, nextAttemptAt })
  expect(await get('/s1-2')).toEqual({ ...one, nextAttemptAt, supersededBy: 's2-2' })
  expect(await share('A', 1)).toMatchObject({ id: 's1-2', receipt: one.receipt })
  for (const { id, receipt } of [one, two]) {
    const [entry] = await it.world.owner<{ hash: string }[]>`
      select encode(leaf_hash, 'base64') as hash from log_entry
       where log_id = ${receipt.log} and leaf_index = ${receipt.index}`
    expect([id, receipt.leafHash]).toEqual([`s${receipt.log}-${receipt.index}`, entry?.hash])
  }
  expect((await get('/s2-1')).code).toBe('claim_share_not_found')
  expect((await get('/s3-2')).code).toBe('claim_share_not_found')
  const listed: unknown[] = []
  for (let cursor: unknown = ''; cursor !== null; ) {
    const page = (await get(`?limit=1${cursor === '' ? '' : `&cursor=${cursor}`}`)) as Record<string, unknown>
    listed.push(...(page['items'] as { id: string; visitId: string; supersededBy: string | null }[]))
    cursor = page['nextCursor']
  }
  expect(listed).toMatchObject([
    { id: 's2-3', visitId: 'dead too' },
    { id: 's2-2', visitId: 'A', supersededBy: null },
    { id: 's1-4', visitId: 'dead' },
    { id: 's1-3', visitId: 'own' },
    { id: 's1-2', visitId: 'A', supersededBy: 's2-2' },
  ])

  const received = { maKetQua: '200', maGiaoDich: 'GD-1', thoiGianTiepNhan: '20261124081502' }
  for (const _ of ['first', 'again']) {
    const attached = await send(running.url, { path: '/v1/claim-shares/s1-3/receipts', token, body: received })
    expect(attached.json).toMatchObject({ id: 's1-3', status: 'received', receipts: [received] })
  }
  expect((await get('/s1-3'))['receipts']).toHaveLength(1)

  // given up in the successor, both
  const { sender, job } = await it.open()
  const of = { facility: null, after: -1, now: it.now(), max: 9 }
  const waiting = await job.query((sql) => findRecorded(sql, LOG_ID, of))
  const [{ subject: ofSomeone = '' } = {}] = await it.world.owner<{ subject: string }[]>`
    select replace(subject::text, '-', '') as subject from entry_detail where log_id = 2 and leaf_index = 3`
  expect(waiting.map(({ place, subject }) => [place, subject])).toEqual(
    [one, dead, two, deadToo].map(({ id }) => [placeOfId(id), ofSomeone]),
  )
  await it.world.owner`update claim_delivery set strikes = 15 where visit_key <> (
    select visit_key from claim_delivery where leaf_index = ${placeOfId('s1-2')})`
  await lease('s1-2', 'infinity')
  it.gateway.fault('unknownCode')
  await sender.pass(NEVER)
  it.gateway.fault('none')
  const list = await kiemthe(['send', 'list'], it.environment)
  const letters = list.stdout.trim().split('\n')
  const [ends] = await it.world.owner<{ first: string; last: string }[]>`
    select min(body::jsonb ->> 'recordedAt') as first, max(body::jsonb ->> 'recordedAt') as last
      from log_entry where log_id = 2 and body like '%"status":"deadLetter"%'`
  expect(letters.map((line) => JSON.parse(line)).map(({ id }) => id)).toEqual(['s1-4', 's2-3'])
  for (const line of letters) expect(Object.values(ends ?? {})).toContain(JSON.parse(line).since)
  const retry = await kiemthe(['send', 'retry', 's1-4', 's2-3', '--reason', 'the portal was mended'], it.environment)
  expect([retry.code, retry.stderr]).toEqual([0, '2 wait again\n'])

  // a version waits for that of the former log; each is about its own person
  await lease('s1-2', null)
  it.clock.laterMs += MINUTE
  await sender.pass(NEVER)
  const shares = [one, two, dead, deadToo].map(sent)
  expectExactlyOnce(it.gateway, shares)
  const strange = await it.world.owner`
    select e.log_id, e.leaf_index from log_entry e join entry_detail d using (log_id, leaf_index)
     where e.body like '%"kind":"claimDelivery"%' and d.subject is distinct from
       (select subject from entry_detail s
         where (s.log_id - 1) * 1099511627776 + s.leaf_index = (e.body::jsonb #>> '{outcome,share}')::bigint)`
  expect([...strange]).toEqual([])
  expect((await get('/s1-2'))['receipts']).toMatchObject([{ status: 'received', maKetQua: '200' }])
  expect((await get('/s2-3'))['receipts']).toMatchObject([
    { status: 'deadLetter', reason: 'unknownCode' },
    { status: 'held', reason: 'retried: the portal was mended' },
    { status: 'received' },
  ])

  // while the rows are made anew from the former log alone, nothing is known of what the successor says was delivered
  const made = await rows()
  await readOn(job)
  expect(await rows()).toEqual(made)
  await job.query((sql) => forgetDeliveries(sql, LOG_ID))
  const stretch = await job.query((sql) => nextStretch(sql, LOG_ID))
  expect(stretch).toEqual({ from: 0, to: placeOf({ logId: 2, index: 0 }) })
  await job.query((sql) => addShares(sql, LOG_ID, stretch, it.now()))
  await job.query((sql) => applyDeliveries(sql, LOG_ID, stretch, it.now()))
  expect((await rows()).map((row) => row['waits'])).toEqual([true, false, true])
  const now = new Date(it.now().getTime() + MINUTE)
  const take = { now, leaseUntil: now, lane: 'oldest', max: 9, facilityMax: 9, busy: {} } as const
  expect(await job.query((sql) => takeDue(sql, LOG_ID, take))).toEqual([])
  await readOn(job)
  expect(await rows()).toEqual(made)
  await rebuild(job)
  expect(await rows()).toEqual(made)

  const three = await share('A', 3)
  expect((await readState(it.world.owner)).claimsWaitSince).toBe(three.recordedAt)
  const { calls } = it.gateway.counts
  it.clock.laterMs += MINUTE
  await sender.pass(NEVER)
  expect(it.gateway.counts.calls).toBe(calls + 1)
  expectExactlyOnce(it.gateway, [...shares, sent(three)])
})
