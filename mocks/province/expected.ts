import type { CoverageStatus } from '../../src/coverage/status.ts'
import type { DecisionCode, DecisionKind } from '../../src/entitlement/decision-code.ts'

/**
 * What a desk must be told when this person's chip ID is scanned on the base date. Written from the table of the
 * contract, not from `decide`: the demo and its tests would otherwise agree with any mistake there.
 */
export interface Expected {
  readonly decision: DecisionKind
  readonly code: DecisionCode
}

const IN_FORCE = ['valid', 'valid_prefer_new'] as const

/** Records that say no. */
const REFUSED = ['expired', 'not_yet_valid', 'revoked', 'reduced', 'stopped'] as const

/** Records, or the lack of one, that leave it open. */
const OPEN = [
  'replaced',
  'moved_out',
  'moved_within',
  're_enrolled',
  'held',
  'check_paper_defence',
  'check_paper_police',
] as const

/** People who are nowhere in the province's records. */
const ABSENT = ['not_found', 'child_without_card'] as const

/** Residents whose scan says something else than their record. */
const MISREAD = ['name_mismatch', 'birth_date_mismatch'] as const

/** What a resident's own scan gives. */
export const RESIDENT_CODES = [...IN_FORCE, ...REFUSED, ...OPEN] as const
export type ResidentCode = (typeof RESIDENT_CODES)[number]

/** What a scan can give. The rest is about our copy (source_*) or about typed evidence (no_match). */
export const SCAN_CODES = [...RESIDENT_CODES, ...ABSENT, ...MISREAD] as const
export type ScanCode = (typeof SCAN_CODES)[number]

/** One object per code: three million people share them. */
export const EXPECTED = Object.fromEntries(
  SCAN_CODES.map((code) => [code, { decision: decisionOf(code), code }]),
) as Record<ScanCode, Expected>

export function isScanCode(code: string): code is ScanCode {
  return (SCAN_CODES as readonly string[]).includes(code)
}

function decisionOf(code: ScanCode): DecisionKind {
  if ((IN_FORCE as readonly string[]).includes(code)) return 'entitled'
  return (REFUSED as readonly string[]).includes(code) ? 'notEntitled' : 'undetermined'
}

export const STATUS_OF: Record<ResidentCode, CoverageStatus> = {
  valid: 'active',
  valid_prefer_new: 'superseded',
  expired: 'active',
  not_yet_valid: 'active',
  revoked: 'revoked',
  reduced: 'reduced',
  stopped: 'stopped',
  replaced: 'replaced',
  moved_out: 'movedOut',
  moved_within: 'movedWithin',
  re_enrolled: 'reEnrolled',
  held: 'held',
  check_paper_defence: 'defence',
  check_paper_police: 'police',
}

/**
 * Shares of all people, in thousandths (demo's choice: rare cases must be common enough to be met). Another half per cent
 * is replaced with its successor here: those have two coverages (person.ts).
 */
export const CASE_PER_MILLE: Record<Exclude<ResidentCode, 'valid'>, number> = {
  expired: 20,
  revoked: 5,
  reduced: 5,
  stopped: 5,
  moved_out: 5,
  moved_within: 5,
  re_enrolled: 5,
  replaced: 5,
  valid_prefer_new: 3,
  not_yet_valid: 3,
  held: 2,
  check_paper_defence: 3,
  check_paper_police: 3,
}
