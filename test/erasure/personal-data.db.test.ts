import { afterAll, beforeAll, expect, test } from 'vitest'
import { appendBatch, prepare } from '../../src/audit/log.ts'
import { deriveDataKeys } from '../../src/data-keys.ts'
import { expiredBefore, RETENTION } from '../../src/erasure/retention.ts'
import { asking, record, scan, send } from '../http/http-support.ts'
import { moveClaim, shareClaim } from '../support/claims.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { type Ended, kiemtheReading } from '../support/kiemthe.ts'
import { deed } from '../support/log.ts'
import { projectorOn } from '../support/projecting.ts'

/** What a person, and the office that must be told of a breach, may know; and what is kept no longer than it should be. */

const someone = record()
const other = record()
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

async function check(row: ReturnType<typeof record>, members: Record<string, unknown> = {}) {
  const { json } = await send(running.url, { token, body: asking(scan(row), members) })
  return json.receipt?.index ?? -1
}

async function lastBody() {
  const [row] = await world.owner<{ body: string }[]>`select body from log_entry order by leaf_index desc limit 1`
  return JSON.parse(row?.body ?? '{}')
}

test('a report would leave out what is held about the person, show another’s, or leave no trace', async () => {
  const officer = 'NV-REPORT'
  const indexes = [await check(someone, { officer }), await check(someone)]
  const theirs = await check(other)
  const auditor = await world.token('auditor:test')
  const headers = { 'audit-purpose': 'complaint', 'audit-case': 'K-77' }
  for (const index of [indexes[0], theirs]) {
    await send(running.url, { method: 'GET', path: `/v1/audit/logs/1/entries/${index}`, token: auditor, headers })
  }
  const done = await command(`${someone.insuranceNumber}\n`, 'subject-report', 'YC-2026/13')
  expect([done.code, done.stderr]).toEqual([0, ''])
  const report = JSON.parse(done.stdout)
  expect(report.coverages).toMatchObject([
    { citizenId: someone.citizenId, cardNumber: someone.cardNumber, isCurrent: true },
  ])
  expect(report.entries.map(({ id }: { id: string }) => id)).toEqual(indexes.map((index) => `1-${index}`))
  expect(report.entries[0]).toMatchObject({
    ...{ kind: 'verification', facility: '38001', client: 'facility:38001', keptYears: 5 },
    details: { officer, answer: { code: 'valid' } },
  })
  expect(report.entries[0].legalBasis).toContain('188/2025')
  expect(report.reads).toMatchObject([
    { client: 'auditor:test', purpose: 'complaint', case: 'K-77', entries: [`1-${indexes[0]}`] },
  ])
  expect(done.stdout).not.toContain(other.citizenId)
  expect(done.stdout).not.toMatch(/"person":|"name": "[0-9a-f]{32}"/)
  expect(await lastBody()).toMatchObject({ kind: 'subjectReport', outcome: { request: 'YC-2026/13', entries: 2 } })

  const two = await command(`${someone.citizenId}\n${other.citizenId}\n`, 'subject-report', 'YC-1')
  expect([two.code, two.stdout]).toEqual([2, ''])
})

test('the scope of a breach would miss whom a client saw, or count others', async () => {
  const from = new Date(Date.now() - 3_600_000).toISOString()
  const to = new Date(Date.now() + 3_600_000).toISOString()
  const ask = async (client: string, ...more: string[]) => {
    const done = await command('', 'breach-scope', '--client', client, '--from', from, '--to', to, ...more)
    expect([done.code, done.stderr]).toEqual([0, ''])
    expect(done.stdout).not.toMatch(new RegExp(`${someone.citizenId}|${other.citizenId}`))
    return JSON.parse(done.stdout)
  }
  expect(await ask('facility:38001')).toMatchObject({
    ...{ deeds: { verification: 3 }, entries: 3, persons: 2, couldRead: 3 },
  })
  const auditor = await ask('auditor:test', '--list')
  expect(auditor).toMatchObject({ deeds: { auditRead: 2 }, entries: 2, persons: 2, couldRead: 0 })
  expect(auditor.list.entries).toEqual(['1-0', '1-2'])
  expect(await ask('facility:38002')).toMatchObject({ deeds: {}, entries: 0, persons: 0, couldRead: 0 })
  expect(await lastBody()).toMatchObject({ kind: 'breachScoped', facility: null })
  expect((await command('', 'breach-scope', '--client', 'somebody', '--from', from, '--to', to)).code).toBe(2)
})

test('details would be kept past their time, go before it, or go although they are held', async () => {
  const keys = deriveDataKeys(world.dataKeys)
  const rule = RETENTION[0]
  if (rule === undefined) throw new Error('no rule')
  const before = expiredBefore(rule, new Date())
  expect(before).toBe(`${new Date().getUTCFullYear() - 5}-01-01T00:00:00.000Z`)
  const at = (ms: number, facility: string) =>
    deed({
      recordedAt: new Date(Date.parse(before) + ms),
      facility,
      details: JSON.stringify({ person: '0'.repeat(32), answer: {} }),
    })
  const rows = [at(-1, '38001'), at(-1, '38002'), at(0, '38001')].map((each) => prepare(keys, each))
  const appended = await appendBatch(world.owner, keys, rows)
  const indexes = appended.map((each) => (each instanceof Error || each.outcome !== 'appended' ? -1 : each.index))
  const [over = -1, held = -1, due = -1] = indexes
  const projector = projectorOn(world)
  await projector.all()

  const there = async () => {
    const left = await world.owner<{ leaf_index: number }[]>`select leaf_index from entry_detail order by 1`
    return [over, held, due].filter((index) => left.some((row) => row.leaf_index === index))
  }
  const told = await command('', 'retention')
  expect(JSON.parse(told.stdout.split('\n')[0] ?? '')).toMatchObject({ years: 5, entries: 2, done: 'told' })
  expect(await there()).toEqual([over, held, due])

  await command(`${someone.citizenId}\n`, 'hold', 'place', 'V-1', '--reason', 'điều tra')
  const refused = await command('', 'retention', '--erase', 'HH-2026', '--reason', 'hết hạn')
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('V-1')])
  expect(await there()).toEqual([over, held, due])
  await command('', 'hold', 'lift', 'V-1', '--reason', 'xong')

  await command('', 'hold', 'place', 'V-2', '--facility', '38002', '--reason', 'điều tra')
  const done = await command('', 'retention', '--erase', 'HH-2026', '--reason', 'hết hạn')
  expect([done.code, done.stderr]).toEqual([0, ''])
  expect(await there()).toEqual([held, due])
  expect(await lastBody()).toMatchObject({ kind: 'erasure', outcome: { request: 'HH-2026', entries: 1 } })
  const projected = await world.owner<{ leaf_index: number; erased: boolean }[]>`
    select leaf_index, erased from audit_check where leaf_index >= ${over} order by 1`
  expect(projected.map((row) => [row.leaf_index, row.erased])).toEqual([
    [over, true],
    [held, false],
    [due, false],
  ])
  await projector.close()
})

test('a claim would be missing in its person’s report, or its bytes be kept past their time', async () => {
  const claimed = record()
  const index = await shareClaim(world, { citizenId: claimed.citizenId, details: { visitId: 'V-REPORT' } })
  await shareClaim(world, { citizenId: other.citizenId, details: { visitId: 'V-OTHER' } })
  const done = await command(`${claimed.citizenId}\n`, 'subject-report', 'YC-2026/14')
  expect([done.code, done.stderr]).toEqual([0, ''])
  const { entries } = JSON.parse(done.stdout)
  expect(entries).toMatchObject([
    { id: `1-${index}`, kind: 'claimShare', details: { visitId: 'V-REPORT' }, keptYears: 10 },
  ])
  expect(done.stdout).not.toContain('V-OTHER')

  const rule = RETENTION.find(({ kinds }) => kinds.includes('claimShare'))
  if (rule === undefined) throw new Error('no rule')
  const keys = deriveDataKeys(world.dataKeys)
  const end = Date.parse(expiredBefore(rule, new Date()))
  const rows = [-1, 0].map((ms) => prepare(keys, deed({ kind: 'claimShare', recordedAt: new Date(end + ms) })))
  const places = (await appendBatch(world.owner, keys, rows)).map((each) =>
    each instanceof Error || each.outcome !== 'appended' ? -1 : each.index,
  )
  for (const place of places) {
    await world.owner`insert into claim_dossier values (1, ${place}, gen_random_uuid(), 'bytes'::bytea)`
  }
  await moveClaim(world, places[0] ?? -1, 'withdrawn') // of this year: it stays
  const erased = await command('', 'retention', '--erase', 'HH-2027', '--reason', 'hết hạn')
  expect(erased.stderr).toBe('')
  const left = await world.owner<{ leaf_index: number }[]>`select leaf_index from claim_dossier order by 1`
  expect(left.map((row) => row.leaf_index)).toEqual([places[1]])
})
