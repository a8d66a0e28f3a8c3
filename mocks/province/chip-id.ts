import type { IsoDate } from '../../src/calendar.ts'
import { COMMUNES, type Commune } from './communes.ts'
import { dayNumber, daysInYear, dayText } from './days.ts'
import type { Layout } from './layout.ts'
import { fullName } from './names.ts'
import type { Birth } from './numbers.ts'
import { deck, draw, pick } from './permutation.ts'
import { TRAIT } from './traits.ts'

/** What a chip ID says besides the number, and what follows from it; of residents and outsiders alike. */
export interface ChipId {
  readonly fullName: string
  readonly dateOfBirth: string
  readonly birthDay: IsoDate
  readonly age: number
  readonly home: number
  readonly commune: Commune
  readonly address: string
  readonly issuedOn: IsoDate
}

/** 4,096 slots by people per commune. */
const HOMES = deck(
  4096,
  COMMUNES.map(
    ({ district }, i) => [i, district.thousands / (district.wards.length + district.communes.length)] as const,
  ),
)

export function chipIdOf(layout: Layout, key: number, born: Birth): ChipId {
  const start = layout.yearStarts[born.year - layout.firstYear] as number
  const days = born.year === layout.baseYear ? layout.baseDay - start : daysInYear(born.year)
  const birthDayNumber = start + (draw(key, TRAIT.birthDay) % days)
  const birthDay = dayText(birthDayNumber)
  const hadBirthday = birthDay.slice(5) <= layout.baseDate.slice(5)
  const home = pick(HOMES, draw(key, TRAIT.home))
  const commune = COMMUNES[home] as Commune
  return {
    fullName: fullName(key, born.sex, born.year, commune.district.peoples),
    dateOfBirth: born.year < 1960 ? coarse(birthDay, draw(key, TRAIT.birthPrecision)) : birthDay,
    birthDay,
    age: layout.baseYear - born.year - (hadBirthday ? 0 : 1),
    home,
    commune,
    address: addressIn(home, draw(key, TRAIT.address)),
    issuedOn: issueDay(layout, birthDayNumber, draw(key, TRAIT.issuedOn)),
  }
}

/** 4 % of those born before 1960 know no day, most of them no month either (share assumed). */
function coarse(birthDay: IsoDate, random: number): string {
  if (random % 100 >= 4) return birthDay
  return birthDay.slice(0, (random >>> 8) % 6 === 0 ? 7 : 4)
}

/** The communes of after July 2025, also on older cards: the demo keeps no second map. */
const PLACES = COMMUNES.map(({ name, kind, area }) => {
  const tail = `, ${name}, Thanh Hóa`
  const word = kind === 'phường' ? 'Tổ dân phố' : area === null ? 'Thôn' : 'Bản'
  return Array.from({ length: 12 }, (_, n) => `${word} ${n + 1}${tail}`)
})

function addressIn(home: number, random: number): string {
  return pick(PLACES[home] as readonly string[], random)
}

/** Chip cards exist since January 2021; children get theirs since the law of 1 July 2024. */
const FIRST_CHIP_DAY = dayNumber('2021-01-01' as IsoDate)
const FIRST_CHILD_DAY = dayNumber('2024-07-01' as IsoDate)
const FOURTEEN_YEARS = 14 * 365.25

function issueDay(layout: Layout, birthDay: number, random: number): IsoDate {
  const isChild = birthDay + FOURTEEN_YEARS > FIRST_CHILD_DAY
  const first = Math.max(birthDay, isChild ? FIRST_CHILD_DAY : FIRST_CHIP_DAY)
  return dayText(first + (random % (layout.baseDay - first)))
}
