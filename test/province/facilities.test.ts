import { describe, expect, it } from 'vitest'
import { COMMUNES } from '../../mocks/province/communes.ts'
import { type DemoFacility, facilities } from '../../mocks/province/facilities.ts'

const all = facilities()

function count(test: (facility: DemoFacility) => boolean): number {
  return all.filter(test).length
}

describe('the 669 facilities', () => {
  it('would be another number, or share codes or names', () => {
    expect(all).toHaveLength(669)
    expect(new Set(all.map(({ code }) => code)).size).toBe(669)
    expect(new Set(all.map(({ name }) => name)).size).toBe(669)
  })

  it('a code would not be five characters of Thanh Hóa', () => {
    expect(all.filter(({ code }) => !/^38[0-9A-Z]{3}$/.test(code))).toEqual([])
    expect(all.some(({ code }) => /[A-Z]/.test(code))).toBe(true)
    // 38000 stands for "the province" on cards of the newborn
    expect(all.some(({ code }) => code === '38000')).toBe(false)
    expect(all.find(({ code }) => code === '38001')).toMatchObject({ level: 'specialised', formerTier: 'provincial' })
  })

  it('the mix of levels and kinds would be off', () => {
    expect(count(({ level }) => level === 'specialised')).toBe(4)
    expect(
      count(({ formerTier, level }) => level === 'basic' && /provincial|central/.test(formerTier)),
    ).toBeGreaterThan(11)
    expect(count(({ kind, formerTier }) => kind === 'hospital' && formerTier === 'district')).toBe(27)
    expect(count(({ kind }) => kind === 'privateHospital')).toBe(15)
    expect(count(({ kind }) => kind === 'clinic')).toBe(52)
    expect(count(({ kind }) => kind === 'station')).toBe(559)
  })

  it('points would contradict the level (NĐ 96/2023: 70 and more is specialised)', () => {
    expect(
      all.filter(({ level, points }) => {
        if (level === 'primary') return points !== null
        if (level === 'basic') return points !== null && (points < 20 || points >= 70)
        return points === null || points < 70
      }),
    ).toEqual([])
    expect(all.some(({ level, points }) => level === 'basic' && points === null)).toBe(true)
  })

  it('a commune would be missing, doubled or without a station', () => {
    expect(COMMUNES).toHaveLength(166)
    expect(COMMUNES.filter(({ kind }) => kind === 'phường')).toHaveLength(19)
    expect(new Set(COMMUNES.map(({ name }) => name)).size).toBe(166)
    const withStation = new Set(all.filter(({ kind }) => kind === 'station').map(({ commune }) => commune))
    expect(COMMUNES.filter(({ name }) => !withStation.has(name))).toEqual([])
    const communes = new Set(COMMUNES.map(({ name }) => name))
    expect(all.filter(({ commune }) => !communes.has(commune))).toEqual([])
  })

  it('a text would not be NFC', () => {
    expect(all.filter(({ name, commune }) => name + commune !== (name + commune).normalize('NFC'))).toEqual([])
  })
})
