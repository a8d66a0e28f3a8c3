import { deck, draw, pick } from './permutation.ts'
import { TRAIT } from './traits.ts'

/**
 * Group and level (first three characters of a card) by stage of life; letters and levels from domain §5.2, shares are
 * assumptions that add up to the national picture: households and workers lead, minorities of hard areas are DT or DK.
 */
type Stage = 'pupil' | 'student' | 'working' | 'retired' | 'aged'

/** Near-poor cards still printed with the 3 of before 1 January 2026 are part of it (NQ 261/2025/QH15). */
const LOWLAND: Record<Stage, readonly string[]> = {
  pupil: groups('HS4 86, CN2 3, CN3 2, HN2 4, GD4 2, BT2 1, TQ4 1, TA4 1'),
  student: groups('SV4 34, GD4 28, DN4 26, HS4 4, CN2 2, HN2 3, TN4 1, BT2 1, TQ4 1'),
  working: groups(
    'GD4 36, DN4 36, NN4 4, HN2 3, CN2 3, CN3 2, TN4 2, CH4 2, TK4 1, XB4 1, TQ4 1, TA4 1, CK2 1, BT2 1, TS2 1, CC1 1',
  ),
  retired: groups('HT3 30, GD4 42, CK2 8, HN2 4, CN2 4, CN3 1, NN4 3, TS2 2, TC3 2, CC1 1, BT2 2, CB2 1'),
  aged: groups('HT3 24, CT2 34, CK2 12, BT2 12, GD4 8, HN2 4, TS2 4, CC1 1, KC2 1'),
}

const HARD_AREA: Record<Stage, readonly string[]> = {
  pupil: groups('DT2 62, HN2 12, HS4 16, DK2 8, CN2 2'),
  student: groups('DT2 60, SV4 12, HN2 10, DN4 8, GD4 4, DK2 6'),
  working: groups('DT2 58, HN2 14, DK2 8, DN4 8, GD4 8, CN2 3, CK2 1'),
  retired: groups('DT2 48, HT3 14, HN2 12, DK2 10, CK2 8, GD4 4, CN2 4'),
  aged: groups('DT2 44, CT2 14, BT2 14, HT3 10, CK2 8, HN2 8, DK2 2'),
}

/** Island communes. */
const ISLAND = groups('XD2 70, GD4 12, DN4 12, HN2 6')

/** Children under six have TE1 and nothing else (Luật BHYT Đ12; NĐ 188/2025 Đ37). */
export const CHILD_GROUP = 'TE1'
/** Cơ yếu cards are kept with those of the army. */
export const DEFENCE_GROUPS = groups('QN5 80, CY5 20')
export const POLICE_GROUP = 'CA5'

/** Cards without an end: pensions, merit, social protection, the very old. */
const OPEN_ENDED: ReadonlySet<string> = new Set(['HT3', 'CC1', 'CK2', 'CB2', 'KC2', 'TS2', 'TC3', 'CT2', 'BT2'])

/** Pension age of the cohorts that retired until now; it is rising to 60 and 62 (Bộ luật Lao động 2019 Đ169). */
const PENSION_AGE = { male: 61, female: 56 } as const

export function groupOf(key: number, age: number, sex: 'male' | 'female', hardArea: 'K1' | 'K2' | 'K3' | null): string {
  if (age < 6) return CHILD_GROUP
  const stage = stageOf(age, sex)
  const random = draw(key, TRAIT.group)
  if (hardArea === 'K3' && age < PENSION_AGE[sex]) return pick(ISLAND, random)
  return pick((hardArea === 'K1' || hardArea === 'K2' ? HARD_AREA : LOWLAND)[stage], random)
}

/** What the same person was, or also is, insured as: never the same card number. */
export function otherGroup(group: string, age: number): string {
  if (age < 6) return 'HN2'
  if (group !== 'GD4') return 'GD4'
  return age >= 18 && age < 56 ? 'DN4' : 'HN2'
}

export function isOpenEnded(group: string): boolean {
  return OPEN_ENDED.has(group)
}

function stageOf(age: number, sex: 'male' | 'female'): Stage {
  if (age < 18) return 'pupil'
  if (age < 23) return 'student'
  if (age < PENSION_AGE[sex]) return 'working'
  return age < 80 ? 'retired' : 'aged'
}

function groups(table: string): readonly string[] {
  return deck(
    128,
    table.split(', ').map((entry) => {
      const [group = '', weight] = entry.split(' ')
      return [group, Number(weight)] as const
    }),
  )
}
