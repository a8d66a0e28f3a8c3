import type { BenefitLevel } from '../coverage/card-number.ts'

/**
 * The place of the payment rules: level by group and date × route factor (domain §5.2–5.4). Until those dated tables
 * are here, an answer carries the level printed on the card and says that no rate was computed.
 */
export type Rate = { readonly ratePercent: null; readonly rateStatus: 'provisional' }

export const RATE_NOT_COMPUTED: Rate = { ratePercent: null, rateStatus: 'provisional' }

/** Level 5 pays out of scope too, 1 pays 100 % without ceilings, 2 with, 3 95 %, 4 80 % (Luật BHYT Đ22; domain §5.2). */
const BY_BENEFIT: readonly BenefitLevel[] = [5, 1, 2, 3, 4]

/** Lower is better for the patient. Several levels at once: the highest applies (NĐ 188/2025 Đ21 k1). */
export function benefitRank(level: BenefitLevel): number {
  return BY_BENEFIT.indexOf(level)
}
