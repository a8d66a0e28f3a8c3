import { CALL_IT, row } from './problem-row.ts'

/** What auditors are told. */
export const AUDIT_PROBLEMS = {
  audit_purpose_missing: row(
    400,
    'The purpose of the audit is missing',
    CALL_IT,
    '`Audit-Purpose: claimReview | complaint | courtOrder | incident`; all but claimReview need `Audit-Case` (1–64 visible ASCII).',
  ),
  audit_facility_missing: row(
    400,
    'Which facility is not said',
    CALL_IT,
    'Across facilities auditors read only with a `flag`, a `claim` or an Audit-Case. Name the `facility`, or one of these.',
  ),
  audit_case_missing: row(
    400,
    'A search by person needs a case',
    CALL_IT,
    'Whoever looks a person up by citizenId names the case it is for: `Audit-Case` (1–64 visible ASCII), with any purpose.',
  ),
  log_entry_not_found: row(404, 'No such entry', CALL_IT, 'The log has no entry at this index that you may see.'),
}
