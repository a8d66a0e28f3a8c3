import type { CoverageStatus } from '../coverage/status.ts'

/** One coverage of one person as the insurer's feed names it: plain, not yet checked, not yet sealed. */
export interface FeedRow {
  /** 12 digits, or null for the few who have none (foreigners). */
  readonly citizenId: string | null
  /** Cancelled personal numbers (12) and former identity-card numbers (9) of the same person. */
  readonly formerNumbers: readonly string[]
  /** Mã số BHXH, 10 digits. */
  readonly insuranceNumber: string
  /** 15 characters: group 2, level 1, province 2, insurance number 10 (QĐ 1351/QĐ-BHXH). */
  readonly cardNumber: string
  /** Numbers the coverages of one person, from 1; stable from feed to feed. */
  readonly coverageNo: number
  readonly fullName: string
  /** `YYYY-MM-DD`, `YYYY-MM` or `YYYY`. */
  readonly dateOfBirth: string
  readonly sex: 'male' | 'female' | 'unknown'
  /** Facility of first registration (mã ĐKBĐ), 5 characters; anywhere in the country. */
  readonly registeredFacility: string
  /** `YYYY-MM-DD`. */
  readonly validFrom: string
  readonly validTo: string | null
  /** The day five continuous years are reached (ngày đủ 5 năm). */
  readonly fiveYearsFrom: string | null
  readonly area: 'K1' | 'K2' | 'K3' | null
  readonly status: CoverageStatus
  /** The day the status took effect; null while active from the start. */
  readonly statusFrom: string | null
}
