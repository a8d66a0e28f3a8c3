/** The three answers. `undetermined` never refuses admission. */
export type DecisionKind = 'entitled' | 'notEntitled' | 'undetermined'

/** Why an answer is undetermined. */
export type Cause = 'notInCopy' | 'checkPaper' | 'guarded' | 'evidenceMismatch' | 'noMatch' | 'sourceFailed'

interface CodeRow {
  /** Result code of the VSS card look-up that says the same (CV1923 annex); null where VSS has none. */
  readonly vssCode: string | null
  readonly decision: DecisionKind
  readonly cause: Cause | null
}

/**
 * The closed list of decision codes. `replaced` stands here as it is without a successor in our copy;
 * with one it is decided as the successor (`decide.ts`).
 */
export const DECISION_CODES = {
  valid: { vssCode: '000', decision: 'entitled', cause: null },
  valid_prefer_new: { vssCode: '004', decision: 'entitled', cause: null },
  replaced: { vssCode: '003', decision: 'undetermined', cause: 'notInCopy' },
  check_paper_defence: { vssCode: '001', decision: 'undetermined', cause: 'checkPaper' },
  check_paper_police: { vssCode: '002', decision: 'undetermined', cause: 'checkPaper' },
  child_without_card: { vssCode: '130', decision: 'undetermined', cause: 'checkPaper' },
  expired: { vssCode: '010', decision: 'notEntitled', cause: null },
  not_yet_valid: { vssCode: null, decision: 'notEntitled', cause: null },
  revoked: { vssCode: '110', decision: 'notEntitled', cause: null },
  reduced: { vssCode: '120', decision: 'notEntitled', cause: null },
  stopped: { vssCode: '124', decision: 'notEntitled', cause: null },
  moved_out: { vssCode: '121', decision: 'undetermined', cause: 'notInCopy' },
  moved_within: { vssCode: '122', decision: 'undetermined', cause: 'notInCopy' },
  re_enrolled: { vssCode: '123', decision: 'undetermined', cause: 'notInCopy' },
  held: { vssCode: null, decision: 'undetermined', cause: 'guarded' },
  name_mismatch: { vssCode: '060', decision: 'undetermined', cause: 'evidenceMismatch' },
  birth_date_mismatch: { vssCode: '070', decision: 'undetermined', cause: 'evidenceMismatch' },
  no_match: { vssCode: null, decision: 'undetermined', cause: 'noMatch' },
  not_found: { vssCode: '050', decision: 'undetermined', cause: 'notInCopy' },
  source_stale: { vssCode: null, decision: 'undetermined', cause: 'sourceFailed' },
  source_failed: { vssCode: '100', decision: 'undetermined', cause: 'sourceFailed' },
} as const satisfies Record<string, CodeRow>

export type DecisionCode = keyof typeof DECISION_CODES

/** Said beside any decision; none of them changes it. */
export const WARNINGS = [
  'newCard',
  'nameNear',
  'numberUnusual',
  'copyLate',
  // The person was proven more weakly than the province wants (verification/policy.ts); never more than one of them.
  'scanWanted',
  'chipWanted',
  'liveChipWanted',
] as const
export type Warning = (typeof WARNINGS)[number]
