import { afterAll, beforeAll, expect, test } from 'vitest'
import { rebuild } from '../../src/audit/project/project.ts'
import { asking, day, record, scan, today } from '../http/http-support.ts'
import { moveClaim, shareClaim } from '../support/claims.ts'
import { openDesk, running, token, world } from '../support/desk.ts'
import { keysFolder } from '../support/keys-folder.ts'
import { kiemtheReading } from '../support/kiemthe.ts'
import { type Projector, projectorOn } from '../support/projecting.ts'
import { post } from '../support/service.ts'

/** Claims as auditors see them: with the status that their deliveries left, and what their checks say against them. */

const [covered, ended, repeated, erasedOne, twiceOver] = [
  record(),
  record({ validTo: day(-30) }),
  record(),
  record(),
  record(),
]
openDesk([covered, ended, repeated, erasedOne, twiceOver])

let projector: Projector
beforeAll(() => {
  projector = projectorOn(world)
})
afterAll(() => projector?.close())

const compact = (date: string) => date.replaceAll('-', '')
const NOW = { ngayVao: `${compact(today)}0800`, ngayRa: `${compact(today)}1000` }

async function check(row: ReturnType<typeof record>, visitId: string, members: Record<string, unknown> = {}) {
  const { body } = await post(running.url, token, asking(scan(row), { visit: { visitId }, ...members }))
  return body.receipt?.index ?? -1
}

interface Flagged {
  leaf_index: number
  rule: string
  other_index: number | null
  restricted: boolean
  facts: Record<string, unknown>
}

const state = async () => {
  await projector.all()
  const claims = await world.owner<{ leaf_index: number; [column: string]: unknown }[]>`
    select c.* from audit_claim c join audit_projection using (log_id, generation) where state = 'serving' order by leaf_index`
  const flags = await world.owner<Flagged[]>`
    select leaf_index, rule, other_index, f.restricted, facts from audit_flag f join audit_projection using (log_id, generation)
     where state = 'serving' order by leaf_index, rule`
  return { claims, flags }
}

test('a claim would stand otherwise than in the log, or its status not be the latest', async () => {
  const quoted = await check(covered, 'other id')
  const first = await shareClaim(world, {
    ...{ citizenId: covered.citizenId, visit: NOW },
    details: {
      checkCodes: [
        { code: 'x', index: quoted },
        { code: 'y', index: null },
      ],
    },
  })
  const sent = await moveClaim(world, first, 'sent')
  await projector.all()
  await moveClaim(world, first, 'held')
  const received = await moveClaim(world, first, 'received')
  const [row] = (await state()).claims
  expect(row).toMatchObject({
    ...{
      leaf_index: first,
      facility: '38001',
      share: 'claim',
      version: 1,
      delivery: 'forward',
      settlement_month: '2026-11',
    },
    ...{
      total_insured: '400000.5',
      paid_by_insurer: '320000.4',
      erased: false,
      restricted: false,
      checks: `{${quoted}}`,
    },
    ...{ admitted: NOW.ngayVao, discharged: NOW.ngayRa, care_type: '01', status: 'received', status_index: received },
  })
  expect((await state()).flags.filter((flag) => flag.leaf_index === first)).toEqual([])
  expect(sent).toBeLessThan(received)
})

test('each contradiction would not be told, or one that is none', async () => {
  const before = await check(ended, 'E')
  const wanted: [number, Omit<Flagged, 'leaf_index'>][] = []
  const want = (
    index: number,
    rule: string,
    other: number | null,
    facts: Record<string, unknown>,
    restricted = false,
  ) => wanted.push([index, { rule, other_index: other, restricted, facts }])

  const none = await shareClaim(world, { details: { visitId: 'N', noCheckReason: 'emergency' }, visit: NOW })
  want(none, 'claimWithoutCheck', null, { reasonGiven: 'yes' })
  const notEntitled = await shareClaim(world, { citizenId: ended.citizenId, details: { visitId: 'E' }, visit: NOW })
  want(notEntitled, 'claimedNotEntitled', before, { decision: 'notEntitled', code: 'expired' })
  const unpaid = await shareClaim(world, {
    ...{ citizenId: ended.citizenId, details: { visitId: 'E' }, visit: { ...NOW, ngayVao: `${compact(day(-1))}0800` } },
    outcome: { tTongChiBh: '0', tBncct: '0', tBhtt: '0' },
  })
  // the same visit id at another facility is another visit
  const elsewhere = await shareClaim(world, { facility: '38002', details: { visitId: 'E' }, visit: NOW })
  want(elsewhere, 'claimWithoutCheck', null, { reasonGiven: 'no' })

  const during = await check(repeated, 'R', { purpose: 'during', serviceDate: day(-5) })
  const stay = await shareClaim(world, {
    ...{ citizenId: repeated.citizenId, details: { visitId: 'R', restricted: 'hiv' } },
    visit: { ngayVao: `${compact(day(-6))}0800`, ngayRa: `${compact(day(-1))}0800`, maLoaiKcb: '03' },
  })
  want(stay, 'stayWithoutEndCheck', during, { by: 'claim' }, true)
  await check(repeated, 'R2')
  const twice = await shareClaim(world, {
    ...{ citizenId: repeated.citizenId, details: { visitId: 'R2' } },
    visit: { ngayVao: `${compact(day(-6))}0900`, ngayRa: `${compact(today)}0900` },
  })
  want(twice, 'repeatedClaim', stay, { otherFacility: '38001' }, true)
  const sum = await shareClaim(world, { details: { visitId: 'R2' }, visit: NOW, outcome: { tBhtt: '320000.41' } })
  want(sum, 'amountsContradict', null, { which: 'sum' })
  const backwards = await shareClaim(world, {
    details: { visitId: 'R2' },
    visit: { ngayVao: '202611020800', ngayRa: '202611010800' },
  })
  want(backwards, 'datesContradict', null, { which: 'dischargedBeforeAdmitted' })
  // an inpatient whose last check is of the day of discharge
  await shareClaim(world, { details: { visitId: 'R2' }, visit: { ...NOW, maLoaiKcb: '03' } })
  await shareClaim(world, { outcome: { share: 'checkIn', tBhtt: '1' }, details: { share: 'checkIn', visitId: 'X' } })

  const { flags } = await state()
  const byIndex = (a: [number, unknown], b: [number, unknown]) => a[0] - b[0]
  const told = flags.map(({ leaf_index: index, ...flag }): [number, unknown] => [index, flag])
  expect(told.toSorted(byIndex)).toEqual(wanted.toSorted(byIndex))
  expect(flags.some((flag) => flag.leaf_index === unpaid)).toBe(false)
})

test('a claim that was taken back would be one that is repeated, in one stretch or in two', async () => {
  const visit = { ...NOW, ngayVao: `${compact(day(-9))}0800` }
  const again = (visitId: string) => shareClaim(world, { citizenId: twiceOver.citizenId, details: { visitId }, visit })
  const repeats = async (index: number) =>
    (await state()).flags
      .filter((flag) => flag.rule === 'repeatedClaim' && flag.leaf_index === index)
      .map((flag) => flag.other_index)
  const mistaken = await again('T1')
  await moveClaim(world, mistaken, 'withdrawn')
  const second = await again('T2') // in the stretch of the withdrawal
  expect(await repeats(second)).toEqual([])
  await moveClaim(world, second, 'withdrawn')
  await projector.all()
  const third = await again('T3') // behind it
  const fourth = await again('T4')
  await moveClaim(world, third, 'withdrawn') // after the fourth had come
  expect(await repeats(third)).toEqual([])
  expect(await repeats(fourth)).toEqual([third])
  const { claims } = await state()
  expect(claims.find((row) => row.leaf_index === third)).toMatchObject({ status: 'withdrawn' })
})

test('a claim that was erased would keep what it said, show itself to all, or differ when it is made again', async () => {
  await check(erasedOne, 'D')
  const index = await shareClaim(world, {
    ...{ citizenId: erasedOne.citizenId, details: { visitId: 'none', visitId2: 'x' } as never, visit: NOW },
    outcome: { tBhtt: '1' },
  })
  const told = (await state()).flags.filter((flag) => flag.leaf_index === index)
  expect(told.map((flag) => flag.rule)).toEqual(['amountsContradict', 'claimWithoutCheck'])
  const folder = await keysFolder(world)
  const env = { DATABASE_URL: world.ownerUrl, DATA_KEYS_FILE: `${folder.path}/data-keys.json` }
  expect((await kiemtheReading(`${erasedOne.citizenId}\n`, ['erase', 'YC-9', '--reason', 'x'], env)).code).toBe(0)
  await folder.remove()
  const sent = await moveClaim(world, index, 'sent')

  const strip = ({ claims, flags }: Awaited<ReturnType<typeof state>>) => ({
    claims: claims.map(({ generation: _, ...row }) => row),
    flags,
  })
  const after = strip(await state())
  expect(after.claims.find((row) => row.leaf_index === index)).toMatchObject({
    ...{ erased: true, restricted: true, person: null, visit: null, admitted: null, discharged: null, checks: null },
    ...{ care_type: null, route: null, paid_by_insurer: '1', status: 'sent', status_index: sent },
  })
  const left = after.flags.filter((flag) => flag.leaf_index === index)
  expect(left.map((flag) => [flag.rule, flag.restricted])).toEqual([['amountsContradict', true]])
  await rebuild(projector.job)
  expect(strip(await state())).toEqual(after)
})
