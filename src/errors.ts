import type { ClientId } from './access/principal.ts'
import type { EvidenceIssue } from './identity/evidence-issue.ts'

/** What went wrong, for code. Knows no HTTP: `http/problem.ts` says what the caller is told. */
export const ERROR_CODES = [
  'invalid_json',
  'invalid_utf8',
  'duplicate_member',
  'body_too_large',
  'unsupported_media_type',
  'invalid_request',
  'http_malformed',
  'http_timeout',
  'http_headers_too_large',
  'route_not_found',
  'method_not_allowed',
  'token_missing',
  'token_malformed',
  'token_algorithm',
  'token_unknown_key',
  'token_signature',
  'token_expired',
  'token_not_yet_valid',
  'token_audience',
  'token_revoked',
  'token_certificate',
  'scope_missing',
  'grant_unsupported',
  'assertion_missing',
  'assertion_malformed',
  'assertion_algorithm',
  'assertion_unknown_key',
  'assertion_signature',
  'assertion_audience',
  'assertion_expired',
  'assertion_too_long_lived',
  'assertion_clock_skew',
  'assertion_replayed',
  'client_key_expired',
  'client_key_revoked',
  'client_disabled',
  'key_proof_invalid',
  'enrolment_refused',
  'too_many_keys',
  'scope_unknown',
  'idempotency_key_invalid',
  'request_timeout_invalid',
  'idempotency_conflict',
  'verification_not_found',
  'verification_erased',
  'known_at_invalid',
  'known_at_out_of_range',
  'known_at_unavailable',
  'history_unavailable',
  'page_invalid',
  'unverified_visit_not_found',
  'unverified_visit_erased',
  'facility_not_found',
  'dossier_unreadable',
  'dossier_other_facility',
  'dossier_several_visits',
  'dossier_other_visit',
  'dossier_state_secret',
  'claim_header_invalid',
  'claim_reason_missing',
  'claim_share_busy',
  'claim_share_not_found',
  'claim_share_erased',
  'claim_receipt_unexpected',
  'claim_share_with_insurer',
  'audit_purpose_missing',
  'audit_facility_missing',
  'audit_case_missing',
  'log_entry_not_found',
  'log_not_found',
  'log_not_published',
  'log_place_invalid',
  'too_many_bad_credentials',
  'feed_manifest_invalid',
  'feed_signature',
  'feed_file_differs',
  'feed_sequence',
  'rate_limited',
  'guessing_suspected',
  'overloaded',
  'log_unavailable',
  'log_outcome_unknown',
  'database_unavailable',
  'internal',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/** One fault of a request's body, at a JSON pointer (RFC 6901). Never the value itself. */
export type FieldIssue =
  | EvidenceIssue
  | 'member_missing'
  | 'member_unknown'
  | 'member_type'
  | 'member_value'
  | 'member_too_long'
  | 'member_too_short'
  | 'service_date_shape'
  | 'service_date_future'
  | 'service_date_too_far'
  | 'service_date_too_old'
  | 'portal_answer_future'
  | 'portal_answer_old'
  | 'consent_future'
  | 'consent_old'
  | 'instant_future'
  | 'instant_too_old'

export interface FieldFault {
  readonly pointer: string
  readonly issue: FieldIssue
}

export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly faults: readonly FieldFault[]
  /** Said to the caller beside the code's own text: names and limits, never a value from the request. */
  readonly detail: string | null
  /** Who is refused, where that was proven before: never an id that was only claimed. */
  readonly client: ClientId | null

  constructor(
    code: ErrorCode,
    options: { faults?: readonly FieldFault[]; detail?: string; client?: ClientId; cause?: unknown } = {},
  ) {
    super(code, { cause: options.cause })
    this.code = code
    this.faults = options.faults ?? []
    this.detail = options.detail ?? null
    this.client = options.client ?? null
  }
}

export function invalid(pointer: string, issue: FieldIssue): ServiceError {
  return new ServiceError('invalid_request', { faults: [{ pointer, issue }] })
}
