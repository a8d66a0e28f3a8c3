import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendBatch, openDetails, prepare } from '../../src/audit/log.ts'
import { entryText, placeOf } from '../../src/audit/log-id.ts'
import { projectPass, rebuild } from '../../src/audit/project/project.ts'
import type { AuditReadDetails } from '../../src/audit/read/record.ts'
import { succeedLog } from '../../src/audit/succession/store.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { breachScope } from '../../src/erasure/breach.ts'
import type { WriteDeed } from '../../src/erasure/hold.ts'
import { expiredBefore, RETENTION, retain } from '../../src/erasure/retention.ts'
import { reportOn } from '../../src/erasure/subject-report.ts'
import { asking, record, scan, send } from '../http/http-support.ts'
import { moveClaim, shareClaim } from '../support/claims.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import { deed } from '../support/log.ts'
import { type Projector, projectorOn } from '../support/projecting.ts'
import { sealAll, sealerOn } from '../support/sealing.ts'

/** A log has ended and another goes on: who audits, or is asked about a person, sees one history, each entry under its log. */

const someone = record()
const others = [record(), record()]
const CASE = { 'audit-purpose': 'complaint', 'audit-case': 'KN-1' }
openDesk([someone, ...others])

let projector: Projector
let auditor: string
beforeAll(async () => {
  projector = projectorOn(world)
  auditor = await world.token('auditor:test')
})
afterAll(() => projector?.close())

const keys = () => deriveDataKeys(world.dataKeys)

async function check(row = someone, as = token) {
  const { json } = await send(running.url, {
    token: as,
    body: asking(scan(row), row === someone ? { visit: { visitId: 'V-9' } } : {}),
  })
  const { log = '', index = -1, checkCode = '' } = json.receipt ?? {}
  return { id: json.id ?? '', log, index, place: placeOf({ logId: Number(log), index }), code: checkCode }
}

/** Recorded in the year that is over by now. */
async function old(facility: string) {
  const recordedAt = new Date(Date.parse(expiredBefore(RETENTION[0] ?? fail(), new Date())) - 1)
  const details = JSON.stringify({ person: '0'.repeat(32), answer: {} })
  const [done] = await appendBatch(world.owner, keys(), [prepare(keys(), deed({ recordedAt, facility, details }))])
  if (done === undefined || done instanceof Error || done.outcome !== 'appended') throw new Error('not appended')
  return placeOf(done)
}

function fail(): never {
  throw new Error('there is none')
}

async function succeed(former: number, logId: number) {
  const [head] = await world.owner<{ size: number }[]>`select size from log_head where log_id = ${former}`
  const content = { kind: 'logSucceeded', facility: null, outcome: { formerLog: former }, subject: null } as const
  const row = prepare(keys(), deed(content))
  const formerSize = head?.size ?? -1
  const origin = `kiemthe.example/thanhhoa/${logId}`
  expect(await succeedLog(world.owner, { former, formerSize, logId, origin, row })).toBe(true)
  return formerSize
}

type Evidenced = 'origin' | 'proof' | 'checkpoint' | 'keys'

interface Shown {
  readonly items: readonly { readonly [member: string]: unknown }[]
  readonly nextCursor: string | null
  readonly indexedThrough: { readonly log: string; readonly index: number; readonly time: string | null }
}

async function read(path: string, body?: unknown): Promise<Shown> {
  const ask = { path: `/v1/audit/${path}`, token: auditor, headers: CASE }
  const { status, json } = await send(running.url, body === undefined ? { ...ask, method: 'GET' } : { ...ask, body })
  expect({ status, code: json.code }).toEqual({ status: 200, code: undefined })
  return json as unknown as Shown
}

const namesOf = ({ items }: Shown) => items.map(({ log, index }) => `${log}-${index}`)

/** What the newest entry, a read, seals. */
async function lastRead(): Promise<AuditReadDetails> {
  const [row] = await world.owner<{ sealed: Uint8Array }[]>`
    select sealed from entry_detail order by log_id desc, leaf_index desc limit 1`
  return JSON.parse(openDetails(keys(), null, row?.sealed ?? new Uint8Array())) as AuditReadDetails
}

const projected = (generation: number) => world.owner`
  select 'check' as what, leaf_index, person, visit, null::bigint as other, null as status from audit_check where generation = ${generation}
  union all select 'claim', leaf_index, person, visit, status_index, status from audit_claim where generation = ${generation}
  union all select rule, leaf_index, null, null, other_index, null from audit_flag where generation = ${generation}
  order by 1, 2`

test('what stands in one of two logs would be passed over, or be shown as another entry', async () => {
  const other = await world.token('facility:38002')
  const bystander = others[0] ?? fail()
  await check(bystander)
  const first = await check()
  const code = { code: first.code, index: first.index }
  const quoting = { checkCodes: [code], visitId: 'V-9' }
  const share = await shareClaim(world, { citizenId: someone.citizenId, details: quoting })
  const overdue = [await old('38001')]
  await sealAll(await sealerOn(world.owner)) // what comes now is in no checkpoint of its log
  const unsealed = await check(bystander)
  const everything = projectorOn(world)
  await everything.all()
  expect((await read('verifications')).indexedThrough).toMatchObject({ log: '1', index: unsealed.index })
  const tail = await check(others[1]) // the projector has not seen the end of the former log

  const formerSize = await succeed(1, 2)
  await projector.all()
  const second = await check(someone, other)
  // the same index in both: what takes one for the other is seen
  expect([second.log, second.index, second.id]).toEqual(['2', first.index, `v2-${first.index}`])
  await moveClaim(world, share, 'sent')
  overdue.push(await old('38001'))
  await projector.all()
  const [head] = await world.owner<{ size: number }[]>`select size from log_head where log_id = 2`

  // listed, each under its log, and how far that reaches
  const listed = await read('verifications?limit=1000')
  const [one, two] = [`1-${first.index}`, `2-${second.index}`]
  expect(namesOf(listed)).toEqual(expect.arrayContaining([one, two, `1-${tail.index}`, ...overdue.map(entryText)]))
  expect(listed.items.map(({ id }) => id)).toEqual(expect.arrayContaining([first.id, second.id]))
  expect(listed.indexedThrough).toMatchObject({ log: '2', index: (head?.size ?? 0) - 1, time: expect.any(String) })
  expect((await lastRead()).entries).toEqual(expect.arrayContaining([first.place, second.place]))
  const pages: string[] = []
  for (let cursor: string | null | undefined; cursor !== null; ) {
    const page: Shown = await read(`verifications?limit=2${cursor === undefined ? '' : `&cursor=${cursor}`}`)
    pages.push(...namesOf(page))
    cursor = page.nextCursor
  }
  expect(pages).toEqual(namesOf(listed))

  // a projector that stands before the successor's first entry
  await world.owner`update audit_projection set next_index = ${placeOf({ logId: 2, index: 0 })}`
  expect((await read('verifications')).indexedThrough).toMatchObject({ log: '1', index: tail.index })
  await world.owner`update audit_projection set next_index = ${placeOf({ logId: 2, index: head?.size ?? 0 })}`

  // one history: a flag names the entry of the former log, a delivery of the successor moves a share of the former
  const flags = await read('flags?rule=twoFacilities')
  expect(flags.items).toMatchObject([{ log: '2', index: second.index, otherLog: '1', otherIndex: first.index }])
  const claims = await read('claim-shares')
  expect(claims.items).toMatchObject([{ id: `s1-${share}`, status: 'sent', checks: [first.id] }])
  expect(namesOf(await read(`verifications?claim=s1-${share}`))).toEqual([one])
  expect(namesOf(await read(`verifications?claim=s2-${share}`))).toEqual([])

  // searched
  const about = await read('search', { citizenId: someone.citizenId })
  expect(namesOf(about)).toEqual([two, `1-${share}`, one])
  expect((await lastRead()).entries).toEqual([second.place, share, first.place])
  expect(namesOf(await read('search', { checkCode: second.code }))).toEqual([two])
  expect(namesOf(await read('search', { checkCode: first.code }))).toEqual([`1-${share}`, one])

  // read singly
  const entry = async (name: string): Promise<Record<string, unknown>> => {
    const [log, index] = name.split('-')
    const path = `/v1/audit/logs/${log}/entries/${index}`
    const { status, json } = await send(running.url, { method: 'GET', path, token: auditor, headers: CASE })
    return { ...(json as unknown as Record<string, unknown>), status }
  }
  const leaf = async (log: number, index: number) => {
    const [row] = await world.owner<{ body: string }[]>`
      select body from log_entry where log_id = ${log} and leaf_index = ${index}`
    return row?.body
  }
  const body = await leaf(2, second.index)
  expect(await entry(two)).toMatchObject({ status: 200, log: '2', index: second.index, body })
  expect((await lastRead()).entries).toEqual([second.place])
  expect(await entry(`3-${second.index}`)).toMatchObject({ status: 404, code: 'log_not_found' })
  expect(await entry('2-9999')).toMatchObject({ status: 404, code: 'log_entry_not_found' })
  expect(await entry(`1-${second.place}`)).toMatchObject({ status: 404, code: 'log_entry_not_found' })

  // as evidence, by checkpoint, tiles and keys of its own log; or told why there is no proof
  expect(await entry(`${two}/evidence`)).toMatchObject({ status: 404, code: 'log_not_published' })
  await sealAll(await sealerOn(world.owner, {}, { logId: 2, origin: 'kiemthe.example/thanhhoa/2' }))
  for (const [name, log] of [
    [one, '1'],
    [two, '2'],
  ] as const) {
    const { origin, proof, checkpoint, keys: shown } = (await entry(`${name}/evidence`)) as Record<Evidenced, unknown>
    expect([origin, String(checkpoint).split('\n')[0]]).toEqual(Array(2).fill(`kiemthe.example/thanhhoa/${log}`))
    expect(String(proof).endsWith(String(checkpoint))).toBe(true)
    expect(shown).toEqual([{ key: expect.stringContaining(`thanhhoa/${log}+`), usedSince: expect.any(String) }])
  }
  const unproven = await entry(`1-${unsealed.index}/evidence`)
  expect(unproven).toMatchObject({ status: 200, log: '1', index: unsealed.index, proof: null, checkpoint: null })
  expect(unproven['explanation']).toContain('sổ số 2')

  // made anew it is the same
  await everything.close()
  const before = await projected(1)
  await rebuild(projector.job)
  await projectPass(projector.job)
  expect([...(await projected(2))]).toEqual([...before])

  // about the person, and about who asked
  const { report, places } = await reportOn(world.owner, keys(), [someone.citizenId ?? ''], new Date())
  expect(report.entries.map(({ id }) => id)).toEqual([one, `1-${share}`, two])
  expect(places).toEqual([first.place, share, second.place])
  expect(report.reads.at(-1)?.entries).toEqual([two]) // the evidence of it
  const hour = (offset: number) => new Date(Date.now() + offset * 3_600_000).toISOString()
  const time = { from: hour(-1), to: hour(1) }
  const scope = await breachScope(world.owner, keys(), 'auditor:test', time)
  expect(scope.entries).toEqual(expect.arrayContaining([one, `1-${tail.index}`, two]))
  expect(scope.persons.length).toBeGreaterThan(1)
  const desk = await breachScope(world.owner, keys(), 'facility:38002', time)
  expect([desk.entries, desk.persons.length, desk.couldRead]).toEqual([[two], 1, 1])

  // kept no longer than the rule says, in both
  const write: WriteDeed = (kind, outcome, details) =>
    prepare(keys(), deed({ kind, facility: null, outcome, details: JSON.stringify(details), subject: null }))
  const [, ofSecond = -1] = overdue
  await world.owner`insert into claim_dossier values (1, ${ofSecond}, gen_random_uuid(), 'x')`
  await world.owner`
    insert into open_visit values (1, gen_random_uuid(), '38001', ${ofSecond}, now(), now() + interval '1 day', 'x')`
  expect((await retain(world.owner, keys(), new Date(), null)).outcome).toBe('told')
  const kept = await retain(world.owner, keys(), new Date(), { request: 'HH-1', reason: 'over', deed: write })
  expect(kept).toMatchObject({ outcome: 'erased', overdue: [{ entries: 2 }, { entries: 0 }, { entries: 0 }] })
  await projector.all()
  const erased = await world.owner<{ leaf_index: number }[]>`
    select leaf_index from audit_check where erased and generation = 2 order by 1`
  expect(erased.map(({ leaf_index: place }) => place)).toEqual(overdue)
  const besides = await world.owner`select from claim_dossier union all select from open_visit`
  expect(besides.count).toBe(0)
  expect(formerSize).toBe(tail.index + 1)
})
