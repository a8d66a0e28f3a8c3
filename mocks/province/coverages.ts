import type { CoverageStatus } from '../../src/coverage/status.ts'
import type { FeedRow } from '../../src/sync/feed.ts'
import type { ChipId } from './chip-id.ts'
import type { Commune } from './communes.ts'
import { type ResidentCode, STATUS_OF } from './expected.ts'
import { DEFENCE_GROUPS, groupOf, otherGroup, POLICE_GROUP } from './groups.ts'
import type { Layout } from './layout.ts'
import { isMinority } from './names.ts'
import { draw, pick } from './permutation.ts'
import { registeredFacility } from './registration.ts'
import { fiveYearsFrom, replacedTerm, type Term, termOf } from './terms.ts'
import { TRAIT } from './traits.ts'

/** What every record of one person repeats. */
export type Holder = Pick<
  FeedRow,
  'citizenId' | 'formerNumbers' | 'insuranceNumber' | 'fullName' | 'dateOfBirth' | 'sex'
>

/**
 * The insurer's records that make `code` the answer, the one that decides first. With `two` (code `valid`) the person has
 * either an old card that was replaced by the first, or two in force.
 */
export function coveragesOf(
  layout: Layout,
  key: number,
  holder: Holder,
  { age, birthDay, commune, home }: ChipId,
  code: ResidentCode,
  two: boolean,
): FeedRow[] {
  const area = areaOf(key, commune)
  const facility = registeredFacility(home, draw(key, TRAIT.facility))
  const fiveYears = fiveYearsFrom(layout, key, age, Number(birthDay.slice(0, 4)))
  const row = (coverageNo: number, rowGroup: string, status: CoverageStatus, term: Term): FeedRow => ({
    citizenId: holder.citizenId,
    formerNumbers: holder.formerNumbers,
    insuranceNumber: holder.insuranceNumber,
    // Issued by Thanh Hóa (38), wherever the insurance number was first given.
    cardNumber: `${rowGroup}38${holder.insuranceNumber}`,
    coverageNo,
    fullName: holder.fullName,
    dateOfBirth: holder.dateOfBirth,
    sex: holder.sex,
    registeredFacility: facility,
    validFrom: term.validFrom,
    validTo: term.validTo,
    fiveYearsFrom: fiveYears,
    area,
    status,
    statusFrom: term.statusFrom,
  })

  const group = groupUnder(code, key, age, holder.sex, area)
  const term = termOf(layout, key, code, group, birthDay)
  if (!two) return [row(1, group, STATUS_OF[code], term)]

  const other = otherGroup(group, age)
  if (draw(key, TRAIT.secondCoverage) % 2 === 0) {
    return [row(2, group, 'active', term), row(1, other, 'replaced', replacedTerm(layout, term, birthDay))]
  }
  const first = row(1, group, 'active', term)
  const second = row(2, other, 'active', termOf(layout, draw(key, TRAIT.secondTerm), 'valid', other, birthDay))
  // Of two in force the higher benefit applies, 1 before 4 (NĐ 188/2025 Đ21 k1); nobody with level 5 has a second.
  return levelOf(other) < levelOf(group) ? [second, first] : [first, second]
}

function groupUnder(code: ResidentCode, key: number, age: number, sex: FeedRow['sex'], area: FeedRow['area']): string {
  if (code === 'check_paper_defence') return pick(DEFENCE_GROUPS, draw(key, TRAIT.group))
  if (code === 'check_paper_police') return POLICE_GROUP
  return groupOf(key, age, sex === 'male' ? 'male' : 'female', area)
}

/** In hard areas the minorities have it on the card, and of the others those in poor households (half, assumed). */
function areaOf(key: number, { area, district }: Commune): FeedRow['area'] {
  if (area === null || area === 'K3') return area
  return draw(key, TRAIT.area) % 2 === 0 || isMinority(key, district.peoples) ? area : null
}

function levelOf(group: string): number {
  return group.charCodeAt(2)
}
