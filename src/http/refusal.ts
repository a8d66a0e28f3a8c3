import type { Problem } from './problem.ts'

type Told = Pick<Problem, 'status' | 'code'>

/**
 * What the log counts for auditors: somebody was not let do it. Not proven (401), not allowed (403, a reason of an audit
 * that was not given), nothing of theirs under that id (404: another's and none are one answer), too often (429). Not the
 * faults of a program (400, 409, 413, 415, 422: request events tell them), paths that do not exist, nor failures of ours.
 */
export function isRefusal({ status, code }: Told): boolean {
  if (code === 'route_not_found' || code === 'facility_not_found') return false // the catalogue is everybody's
  return [401, 403, 404, 429].includes(status) || code === 'audit_purpose_missing' || code === 'key_proof_invalid'
}

/** A credential was shown and does not hold: a guess, until it is proven otherwise. */
export function isFailedProof({ status, code }: Told): boolean {
  if (code === 'token_missing') return false
  return status === 401 || code === 'enrolment_refused' || code === 'key_proof_invalid'
}
