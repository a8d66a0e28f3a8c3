import { afterAll, beforeAll, expect, test } from 'vitest'
import { claimFile } from '../../mocks/dossier/file.ts'
import { claimTables } from '../../mocks/dossier/visit.ts'
import { person } from '../../mocks/province/person.ts'
import type { EntryKind } from '../../src/audit/entry.ts'
import { openDetails, prepare } from '../../src/audit/log.ts'
import { findEntry } from '../../src/audit/store.ts'
import { deriveDataKeys, lookupKey, pseudonym } from '../../src/data-keys.ts'
import { connect } from '../../src/db/connect.ts'
import { eraseDetailsOf } from '../../src/erasure/erase.ts'
import { EVERYTHING, facilityTarget, liftHold, placeHold } from '../../src/erasure/hold.ts'
import { knowPerson, personTarget } from '../../src/erasure/person.ts'
import { asking, expectProblem, record, scan, send, today, typed } from '../http/http-support.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { type Ended, kiemtheReading } from '../support/kiemthe.ts'
import { deed, logState } from '../support/log.ts'
import { post } from '../support/service.ts'

/** A person may ask that what we know of them be erased; the log stays provable, and a court may forbid it. */

const someone = record({ formerNumbers: ['038090999901'] })
const other = record()
/** In no feed. */
const unknownOne = record()

openDesk([someone, other])

let folder: Awaited<ReturnType<typeof keysFolder>>
beforeAll(async () => {
  folder = await keysFolder(world)
})
afterAll(() => folder?.remove())

function command(input: string, ...args: string[]): Promise<Ended> {
  const env = { DATABASE_URL: world.ownerUrl, DATA_KEYS_FILE: `${folder.path}/data-keys.json` }
  return kiemtheReading(input, args, env)
}

async function check(evidence: object): Promise<{ id: string; index: number }> {
  const { status, body } = await post(running.url, token, asking(evidence))
  expect(status).toBe(200)
  return { id: body.id ?? '', index: body.receipt?.index ?? -1 }
}

async function read(id: string): Promise<{ status: number; code?: string }> {
  const response = await fetch(`${running.url}/v1/verifications/${id}`, {
    headers: { authorization: `Bearer ${token}` },
  })
  const { code } = (await response.json()) as { code?: string }
  return { status: response.status, ...(response.status === 200 ? {} : { code }) }
}

async function detailsThere(indexes: readonly number[]): Promise<number[]> {
  const rows = await world.owner<{ leaf_index: number }[]>`
    select leaf_index from entry_detail where leaf_index = any(string_to_array(${indexes.join(',')}, ',')::bigint[]) order by leaf_index`
  return rows.map((row) => row.leaf_index)
}

/** An entry of that kind, about nobody. */
function making(kind: EntryKind) {
  const about = { kind, subject: null, facility: null, details: '{}' }
  return prepare(deriveDataKeys(world.dataKeys), deed(about))
}

async function lastEntry() {
  const { size } = await logState(world.owner)
  const entry = await findEntry(world.owner, 1, size - 1)
  const keys = deriveDataKeys(world.dataKeys)
  return {
    body: JSON.parse(entry?.body ?? '{}'),
    details: JSON.parse(openDetails(keys, null, entry?.sealed ?? Buffer.alloc(0))),
  }
}

test('some of a person’s details would stay, or others’ go, or the log not be what it was', async () => {
  const own = [await check(scan(someone)), await check({ ...typed(someone), number: '038090999901' })]
  // nobody in our copy: named by the number they came with
  const unknown = await check(scan(unknownOne))
  const others = await check(scan(other))
  const all = [...own, unknown, others].map(({ index }) => index)
  const hashes =
    await world.owner`select leaf_hash from log_entry where leaf_index = any(string_to_array(${all.join(',')}, ',')::bigint[]) order by 1`

  const dry = await command(`${someone.citizenId}\n`, 'erase', 'YC-1', '--dry-run')
  expect(dry.stderr).toContain('2 entries, of 38001; nothing was erased')
  expect(await detailsThere(all)).toEqual(all)

  // whom a visit under way is about is sealed there too
  await world.owner`
    insert into open_visit (log_id, visit, facility, leaf_index, seen, closes_at, sealed)
    select 1, gen_random_uuid(), '38001', index, now(), 'infinity', 'x'
      from unnest(string_to_array(${all.join(',')}, ',')::bigint[]) as n(index)`
  // by any of the person's numbers
  const done = await command(`${someone.insuranceNumber}\n`, 'erase', 'YC-2026/1', '--reason', 'withdrew')
  expect(done).toMatchObject({ code: 0, stdout: '' })
  expect(done.stderr).toContain('2 entries have no details any more')
  expect(await detailsThere(all)).toEqual([unknown.index, others.index])
  const visits = await world.owner<{ leaf_index: number }[]>`select leaf_index from open_visit order by 1`
  expect(visits.map((row) => row.leaf_index)).toEqual([unknown.index, others.index])
  const last = await lastEntry()
  expect(last.body).toMatchObject({ kind: 'erasure', facility: null, outcome: { request: 'YC-2026/1', entries: 2 } })
  expect(last.details).toMatchObject({ reason: 'withdrew', entries: own.map(({ index }) => index) })
  for (const { id } of own) expect(await read(id)).toEqual({ status: 410, code: 'verification_erased' })
  expect((await read(others.id)).status).toBe(200)

  expect((await command(`${unknownOne.citizenId}\n`, 'erase', 'YC-2', '--reason', 'withdrew')).code).toBe(0)
  expect(await detailsThere(all)).toEqual([others.index])

  // nothing that was hashed has changed
  const state = await logState(world.owner)
  expect(state).toMatchObject({ dense: true, wrongLeafHashes: 0, withoutDetails: 3 })
  expect(
    await world.owner`select leaf_hash from log_entry where leaf_index = any(string_to_array(${all.join(',')}, ',')::bigint[]) order by 1`,
  ).toEqual(hashes)
  // a request that finds nothing is on record too
  expect((await command(`${unknownOne.citizenId}\n`, 'erase', 'YC-3', '--reason', 'again')).code).toBe(0)
  expect((await lastEntry()).body.outcome).toEqual({ request: 'YC-3', entries: 0 })
})

test('details of former years, or from before a rotation of the lookup key, would stay', async () => {
  const { index } = await check(scan(other))
  const rotated = {
    ...world.dataKeys,
    lookup: {
      current: 2,
      generations: { '1': world.dataKeys.lookup as string, '2': Buffer.alloc(32, 9).toString('base64') },
    },
  }
  const keys = deriveDataKeys(rotated)
  const formerName = lookupKey(deriveDataKeys(world.dataKeys), other.citizenId ?? '')
  const lastYear = new Date().getUTCFullYear() - 1
  await world.owner`update entry_detail set subject = ${pseudonym(keys, lastYear, formerName)}::uuid where leaf_index = ${index}`
  const first = await findEntry(world.owner, 1, 0)
  const backDated = first?.body.replace(/"recordedAt":"\d{4}/, `"recordedAt":"${lastYear}`) ?? ''
  await world.owner`update log_entry set body = ${backDated} where leaf_index = 0`
  try {
    const numbers = [other.citizenId ?? '']
    const request = { request: 'YC-4', reason: 'withdrew', numbers, dryRun: true }
    const erased = await eraseDetailsOf(
      world.owner,
      keys,
      request,
      new Date(),
      () => Promise.reject(new Error('a dry run')) as never,
    )
    expect(erased).toMatchObject({ outcome: 'found' })
    expect(erased.outcome === 'found' ? erased.entries : 0).toBeGreaterThan(0)
    await world.owner`delete from entry_detail where leaf_index = ${index}`
    const without = await eraseDetailsOf(
      world.owner,
      keys,
      request,
      new Date(),
      () => Promise.reject(new Error('a dry run')) as never,
    )
    expect(erased.outcome === 'found' && without.outcome === 'found' ? erased.entries - without.entries : 0).toBe(1)
  } finally {
    await world.owner`update log_entry set body = ${first?.body ?? ''} where leaf_index = 0`
  }
})

test('what a court wants kept would be erased, or be kept when it is free again', async () => {
  const keys = deriveDataKeys(world.dataKeys)
  const hold = '12/2026/QĐ-TA'
  const { index } = await check(scan(other))
  const request = { request: 'YC-5', reason: 'withdrew', numbers: [other.citizenId ?? ''], dryRun: false }
  const placed = await command(`${other.insuranceNumber}\n`, 'hold', 'place', hold, '--reason', 'điều tra gian lận')
  expect(placed.code).toBe(0)
  // by another number than the one of the request
  const refused = await command(`${other.citizenId}\n`, 'erase', 'YC-5', '--reason', 'withdrew')
  expect(refused.code).toBe(2)
  expect(refused.stderr).toMatch(/12\/2026\/QĐ-TA .*: điều tra gian lận/)
  expect((await command('', 'hold', 'list')).stdout).toContain(`"hold":"${hold}"`)
  expect((await command('', 'hold', 'lift', hold, '--reason', 'đình chỉ')).code).toBe(0)
  expect((await lastEntry()).body).toMatchObject({ kind: 'legalHoldLifted', outcome: { hold } })
  expect((await command('', 'hold', 'lift', hold, '--reason', 'đình chỉ')).stderr).toContain('there is no hold')

  for (const target of [facilityTarget('38001'), EVERYTHING]) {
    expect(await placeHold(world.owner, keys, hold, [target], 'why', new Date(), making)).toBe(true)
    expect(await placeHold(world.owner, keys, hold, [target], 'why', new Date(), making)).toBe(false)
    expect(await eraseDetailsOf(world.owner, keys, request, new Date(), making)).toMatchObject({ outcome: 'held' })
    expect(await detailsThere([index])).toEqual([index])
    await liftHold(world.owner, hold, 'over', making)
  }
  // another facility's, another person's: no reason to keep these
  const { targets } = await knowPerson(world.owner, keys, [someone.citizenId ?? ''])
  await placeHold(world.owner, keys, 'VKS-7', [facilityTarget('38002'), ...targets], 'Lê Văn Khác', new Date(), making)
  expect(await eraseDetailsOf(world.owner, keys, request, new Date(), making)).toMatchObject({ outcome: 'erased' })
  expect(await detailsThere([index])).toEqual([])
  // the reason may name somebody: it is sealed, and the person stands there by digests
  const rows = await world.owner<{ target: string; sealed: Buffer }[]>`select target, sealed from legal_hold`
  expect(rows.map(({ target }) => target)).toContain(personTarget(keys, someone.insuranceNumber))
  expect(rows.some(({ sealed }) => sealed.includes('Khác'))).toBe(false)
  expect(rows.some(({ target }) => target.includes(someone.insuranceNumber))).toBe(false)
  await liftHold(world.owner, 'VKS-7', 'over', making)
})

test('a hold that comes between looking and erasing would come too late, or two requests at once erase half each', async () => {
  const keys = deriveDataKeys(world.dataKeys)
  const own = [await check(scan(other)), await check(scan(other))].map(({ index }) => index)
  const request = { request: 'YC-6', reason: 'withdrew', numbers: [other.citizenId ?? ''], dryRun: false }
  expect(await eraseDetailsOf(world.owner, keys, request, new Date(), making)).toMatchObject({
    outcome: 'erased',
    entries: 2,
  })
  expect(await detailsThere(own)).toEqual([])

  const again = [await check(scan(other)), await check(scan(other))].map(({ index }) => index)
  const sessions = [1, 2].map(() =>
    connect(world.ownerUrl, { connectionsMax: 1, statementTimeoutMs: 0, applicationName: 'test' }),
  )
  const results = await Promise.allSettled(
    sessions.map((session) => eraseDetailsOf(session, keys, request, new Date(), making)),
  )
  await Promise.all(sessions.map((session) => session.end()))
  const entries = results.map((each) =>
    each.status === 'fulfilled' && each.value.outcome === 'erased' ? each.value.entries : 0,
  )
  expect(entries.toSorted()).toEqual([0, 2])
  expect(await detailsThere(again)).toEqual([])

  const kept = await check(scan(other))
  // placed when the search is over: the statement itself sees it
  const late = await eraseDetailsOf(world.owner, keys, request, new Date(), (kind) => {
    void world.owner`insert into legal_hold values ('X-1', 'everything', now(), '')`.execute()
    return making(kind)
  }).catch((error: unknown) => error)
  expect(late).not.toMatchObject({ outcome: 'erased' })
  expect(await detailsThere([kept.index])).toEqual([kept.index])
  await world.owner`delete from legal_hold where hold = 'X-1'`
})

test('a mistyped number would be shown, two people be erased as one, or nobody’s details be gone', async () => {
  const typo = await command('03809012345\n', 'erase', 'YC-7', '--reason', 'x')
  expect(typo).toMatchObject({ code: 2 })
  expect(typo.stderr).toContain('line 1')
  expect(typo.stderr).not.toContain('03809012345')
  const two = await command(`${someone.citizenId}\n${other.citizenId}\n`, 'erase', 'YC-7', '--reason', 'x')
  expect(two.stderr).toContain('the numbers are of 2 people')
  expect((await command('\n', 'erase', 'YC-7', '--reason', 'x')).stderr).toContain('no numbers came in')
  for (const args of [['YC-7'], [], ['038090123456', '--reason', 'x'], ['--scrub', 'YC-7']]) {
    const refused = await command(`${someone.citizenId}\n`, 'erase', ...args)
    expect(refused.code).toBe(2)
    expect(refused.stderr).not.toMatch(/\n\s+at /)
  }
})

test('a dossier or a receipt of somebody who was erased would stay, or be recorded anew by a retry', async () => {
  const patient = { ...person({ seed: 'erased', baseDate: today }, 1), coverages: [] }
  const visit = { facility: '38001', visitId: 'E-1', day: today, seed: 'erased' }
  const file = claimFile(claimTables(patient, visit), '38001')
  const share = () =>
    send(running.url, { path: '/v1/claim-shares', token, body: file, headers: { 'content-type': 'application/xml' } })
  const { id } = (await share()).json
  const path = `/v1/claim-shares/${id}`
  const receipt = { maKetQua: '200', maGiaoDich: 'GD-1', thoiGianTiepNhan: '20261124081502' }
  expect((await send(running.url, { path: `${path}/receipts`, token, body: receipt })).status).toBe(201)
  const ended = await command(`${patient.citizenId}\n`, 'erase', 'YC-7', '--reason', 'withdrew')
  expect(ended.code).toBe(0)
  expect(await world.owner`select from claim_dossier`).toHaveLength(0)
  const index = Number(String(id).slice('s1-'.length))
  // the entry of the receipt stands right behind it
  expect(await detailsThere([index, index + 1])).toEqual([])
  for (const reply of [await share(), await send(running.url, { method: 'GET', path, token })]) {
    expectProblem(reply, { status: 410, code: 'claim_share_erased' })
  }
})
