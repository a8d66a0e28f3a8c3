import { describe, expect, it } from 'vitest'
import { dailyOperations } from '../../mocks/insurer/daily.ts'
import { countChanging, isChanging } from '../../mocks/province/changing.ts'
import { SCAN_CODES, type ScanCode } from '../../mocks/province/expected.ts'
import { type Person, person } from '../../mocks/province/person.ts'
import { chipIdQrText } from '../../mocks/province/qr.ts'
import { peopleByScan } from '../../mocks/province/sampling.ts'
import { isoDate } from '../../src/calendar.ts'
import type { CoverageFacts } from '../../src/coverage/coverage.ts'
import { decide, type HolderMatch } from '../../src/entitlement/decide.ts'
import { DECISION_CODES } from '../../src/entitlement/decision-code.ts'
import { compareBirthDates, isUnderSix, parseBirthDate } from '../../src/identity/birth-date.ts'
import { parseChipIdQr } from '../../src/identity/chip-id-qr.ts'
import { compareNames } from '../../src/identity/name.ts'
import type { FeedRow } from '../../src/sync/feed.ts'

const baseDate = isoDate('2026-11-24')
const population = { province: { seed: 'sample', baseDate }, records: 3_256_000 }

function sample(code: ScanCode | null, count: number): Person[] {
  const people: Person[] = []
  for (const someone of peopleByScan(population, code)) {
    people.push(someone)
    if (people.length === count) break
  }
  return people
}

describe('people drawn from the province', () => {
  it('would be the first ones, or differ from run to run', () => {
    const people = sample(null, 100)
    expect(sample(null, 100)).toEqual(people)
    expect(sample(null, 10)).toEqual(people.slice(0, 10))
    const tenths = new Set(people.map(({ index }) => Math.floor((index / 3_223_440) * 10)))
    expect(tenths.size).toBe(10)
  })

  it('would be people who are not in a smaller province, or repeat', () => {
    const small = { ...population, records: 150 }
    const indexes = [...peopleByScan(small, null)].map(({ index }) => index)
    expect(indexes.sort((a, b) => a - b)).toEqual(
      Array.from({ length: 149 }, (_, i) => i).filter((i) => !isChanging(i)),
    )
  })

  it('would be people whom the insurer of a running demo changes meanwhile', () => {
    const records = 3_000
    const plan = { province: population.province, records, changes: 200, people: 'changing' as const }
    const sampled = new Set([...peopleByScan({ ...population, records }, null)].map((each) => each.insuranceNumber))
    const touched = [1, 2, 3].flatMap((day) => [...dailyOperations(plan, day)].map((each) => each.insuranceNumber))
    expect(new Set(touched).size).toBeGreaterThan(countChanging(records)) // all of them, and births
    expect(touched.filter((each) => sampled.has(each))).toEqual([])
    expect(sampled.size + countChanging(records)).toBe(2_970)
  })

  it('codes that a scan can give would not be those of the contract without no_match and source_*', () => {
    const { no_match, source_stale, source_failed, ...scannable } = DECISION_CODES
    expect([...SCAN_CODES].sort()).toEqual(Object.keys(scannable).sort())
  })

  it.each(SCAN_CODES)('nobody would be drawn for %s, or somebody who is decided otherwise', (code) => {
    const people = sample(code, 40)
    expect(people).toHaveLength(40)
    for (const someone of people) {
      expect(someone.expected).toEqual({ code, decision: DECISION_CODES[code].decision })
      expect(decided(someone)).toEqual(someone.expected)
    }
  })

  it('the province would hold somebody whose expected answer the service does not give', () => {
    for (const someone of sample(null, 5_000)) expect(decided(someone)).toEqual(someone.expected)
  })

  it('a birth date misread would lie in the future or be no date', () => {
    for (const { dateOfBirth } of sample('birth_date_mismatch', 5_000)) {
      expect(parseBirthDate(dateOfBirth, baseDate).ok).toBe(true)
    }
  })
})

/** The service without its database: scan, the rows of the feed, the decision. */
function decided(someone: Person) {
  const scan = parseChipIdQr(chipIdQrText(someone), baseDate)
  if (!scan.ok) throw new Error(scan.issue)
  const { fullName, birthDate } = scan.value
  const [onRecord] = someone.coverages.length > 0 ? person(population.province, someone.index).coverages : []
  const recorded = onRecord && parseBirthDate(onRecord.dateOfBirth, baseDate)
  let holder: HolderMatch = 'matches'
  if (onRecord && compareNames(fullName, onRecord.fullName) === 'differs') holder = 'nameDiffers'
  else if (recorded?.ok && compareBirthDates(birthDate, recorded.value) === 'differs') holder = 'birthDateDiffers'
  const { code, decision } = decide(
    {
      evidence: 'scanned',
      holder,
      presentedCard: null,
      childUnderSix: isUnderSix(birthDate, baseDate),
      coverages: someone.coverages.map(factsOf),
      copy: 'fresh',
    },
    baseDate,
  )
  return { code, decision }
}

function factsOf(row: FeedRow): CoverageFacts {
  const day = (text: string | null) => (text === null ? null : isoDate(text))
  return {
    coverageNo: row.coverageNo,
    group: row.cardNumber.slice(0, 2),
    level: Number(row.cardNumber[2]) as CoverageFacts['level'],
    registeredFacility: row.registeredFacility,
    validFrom: isoDate(row.validFrom),
    validTo: day(row.validTo),
    fiveYearsFrom: day(row.fiveYearsFrom),
    area: row.area,
    status: row.status,
    statusFrom: day(row.statusFrom),
    knownFrom: '2026-11-20T02:00:00.000Z',
    cardNumber: row.cardNumber,
  }
}
