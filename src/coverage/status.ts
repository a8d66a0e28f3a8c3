/**
 * What the insurer says of one coverage. The numbers are the result codes of the VSS card look-up (CV1923 annex).
 * `active` says nothing of the term: whether a date lies in it is the entitlement's question.
 */
export const COVERAGE_STATUSES = [
  'active',
  'superseded', // 004: old card still valid, a new one was issued
  'replaced', // 003: old card void, a new one was issued
  'defence', // 001: kept by the social insurance of the Ministry of Defence
  'police', // 002: kept by that of the Ministry of Public Security
  'revoked', // 110
  'reduced', // 120
  'movedOut', // 121
  'movedWithin', // 122
  'reEnrolled', // 123
  'stopped', // 124
  'held', // TT 12/2026 Đ4: tạm giữ, tạm khóa
] as const

export type CoverageStatus = (typeof COVERAGE_STATUSES)[number]
