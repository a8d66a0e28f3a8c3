import { describe, expect, it } from 'vitest'
import { person, personsForRecords, rowsOf } from '../../mocks/province/person.ts'
import { isoDate } from '../../src/calendar.ts'

const province = { seed: 'rows', baseDate: isoDate('2026-11-24') }

describe('records of the province', () => {
  it.each([0, 1, 98, 99, 100, 101, 199, 200, 12_345])('%i records asked for would give another number', (records) => {
    const rows = rowsOf(province, 0, records)
    expect(rows).toHaveLength(records)
    expect(new Set(rows.map(({ citizenId }) => citizenId)).size).toBe(personsForRecords(records))
  })

  it('chunks put together would lose or repeat a record', () => {
    const whole = rowsOf(province, 0, 1_050)
    const chunks = [0, 100, 400, 1_000].flatMap((from, i) =>
      rowsOf(province, from, [100, 400, 1_000, 1_050][i] as number),
    )
    expect(chunks).toEqual(whole)
    // 99, 199 … lie between the two records of one person
    for (const cut of [0, 1, 98, 99, 100, 101, 199, 999, 1_049, 1_050]) {
      expect([...rowsOf(province, 0, cut), ...rowsOf(province, cut, 1_050)]).toEqual(whole)
    }
  })

  it('rows would not be the coverages of the persons in their order', () => {
    const rows = rowsOf(province, 0, 1_000)
    const ofPersons = Array.from({ length: personsForRecords(1_000) }, (_, i) => person(province, i).coverages).flat()
    expect(rows).toEqual(ofPersons)
  })

  it('a record would appear twice as the same coverage of the same person', () => {
    const keys = rowsOf(province, 0, 20_000).map(({ citizenId, coverageNo }) => `${citizenId}/${coverageNo}`)
    expect(new Set(keys).size).toBe(20_000)
  })

  it('the counts of the demo and of the horizon would not be known beforehand', () => {
    expect(personsForRecords(3_256_000)).toBe(3_223_440)
    expect(personsForRecords(100_000_000)).toBe(99_000_000)
    expect(rowsOf(province, 99_999_900, 100_000_000)).toHaveLength(100)
  })

  it('a person cut off from the second record at the end would be expected otherwise', () => {
    // 199 records end between the two of person 197; the first of them must decide alone.
    const last = rowsOf(province, 0, 199).at(-1)
    const { coverages, expected } = person(province, 197)
    expect(coverages).toHaveLength(2)
    expect(last).toEqual(coverages[0])
    expect(last?.status).toBe('active')
    expect(expected.code).toBe('valid')
  })
})
