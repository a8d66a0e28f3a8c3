import type { ErrorCode } from '../errors.ts'

/** What each failure says to the outside: one row a code, two readers (desk: Vietnamese; integrator: English). */
export interface ProblemRow {
  readonly status: number
  readonly title: string
  readonly desk: string
  readonly integrator: string
  /** RFC 6749 §5.2, for the token endpoint. */
  readonly oauth?: 'invalid_request' | 'invalid_client' | 'unsupported_grant_type' | 'invalid_scope'
  /** Seconds until trying again is worth it. */
  readonly retryAfterSeconds?: number
}

const CALL_IT = 'Báo bộ phận công nghệ thông tin của cơ sở.'
const BUSY = 'Hệ thống đang nhận quá nhiều yêu cầu từ cơ sở. Vẫn tiếp nhận người bệnh và thử lại sau giây lát.'
const TRY_AGAIN = 'Hệ thống tạm thời bận. Vẫn tiếp nhận người bệnh, ghi số thẻ và thử lại sau ít phút.'

export const PROBLEMS: Readonly<Record<ErrorCode, ProblemRow>> = {
  invalid_json: row(400, 'The body is not JSON', CALL_IT, 'Send one JSON object (RFC 8259).', 'invalid_request'),
  invalid_utf8: row(
    400,
    'The body is not UTF-8',
    CALL_IT,
    'Encode the body in UTF-8; no other encoding is read.',
    'invalid_request',
  ),
  duplicate_member: row(
    400,
    'A member name stands twice',
    CALL_IT,
    'An object repeats a member name; which value counts would be a guess.',
    'invalid_request',
  ),
  body_too_large: row(
    413,
    'The body is too large',
    CALL_IT,
    'See `detail` for the limit of this route.',
    'invalid_request',
  ),
  unsupported_media_type: row(
    415,
    'The media type is not taken',
    CALL_IT,
    'See `detail` for the media type of this route.',
    'invalid_request',
  ),
  invalid_request: row(
    400,
    'The request is not valid',
    'Thông tin gửi đi chưa đúng: xem từng mục.',
    'See `errors`: a JSON pointer and a code for each fault.',
    'invalid_request',
  ),
  http_malformed: row(
    400,
    'This is not HTTP',
    CALL_IT,
    'The request line, a header or the framing is broken (RFC 9112).',
  ),
  http_timeout: row(408, 'The request did not arrive in time', CALL_IT, 'Send a request whole, within seconds.'),
  http_headers_too_large: row(431, 'The headers are too large', CALL_IT, 'All headers together: at most 16 KiB.'),
  route_not_found: row(
    404,
    'There is nothing here',
    CALL_IT,
    'Check path and version; identifiers of persons never travel in paths.',
  ),
  method_not_allowed: row(405, 'The method is not taken here', CALL_IT, 'See the `Allow` header.'),
  token_missing: row(
    401,
    'No access token',
    CALL_IT,
    'Send `Authorization: Bearer` with a token of POST /oauth/token.',
  ),
  token_malformed: row(
    401,
    'The access token cannot be read',
    CALL_IT,
    'Send the token exactly as POST /oauth/token gave it.',
  ),
  token_algorithm: row(
    401,
    'The access token uses another algorithm',
    CALL_IT,
    'Only EdDSA tokens of this service are taken; `none` never is.',
  ),
  token_unknown_key: row(
    401,
    'The access token was signed by an unknown key',
    CALL_IT,
    'The key is not (or no longer) in /.well-known/jwks.json: take a new token.',
  ),
  token_signature: row(
    401,
    'The signature of the access token is wrong',
    CALL_IT,
    'The token was changed on its way, or made by somebody else.',
  ),
  token_expired: row(
    401,
    'The access token has expired',
    'Phiên làm việc hết hạn. Thử lại.',
    'Take a new token; tokens live 600 s. Compare your clock with `detail`.',
  ),
  token_not_yet_valid: row(401, 'The access token is not valid yet', CALL_IT, 'Compare your clock with `detail`.'),
  token_audience: row(
    401,
    'The access token is for another service',
    CALL_IT,
    'Use a token of this service: `iss` and `aud` must be its id.',
  ),
  token_revoked: row(
    401,
    'The access token was revoked',
    CALL_IT,
    'The key that obtained this token was revoked, or the client disabled. Ask the operator.',
  ),
  token_certificate: row(
    401,
    'The access token is bound to another certificate',
    CALL_IT,
    'A token obtained over mutual TLS (RFC 8705) is taken only on connections with the same client certificate. Use that one, or take a new token.',
  ),
  scope_missing: row(403, 'The access token lacks the scope', CALL_IT, 'See `detail` for the scope this route wants.'),
  grant_unsupported: row(
    400,
    'The grant type is not taken',
    CALL_IT,
    'Only `client_credentials` with `private_key_jwt` (RFC 7523) is.',
    'unsupported_grant_type',
  ),
  assertion_missing: row(
    400,
    'No client assertion',
    CALL_IT,
    'Send `client_assertion` and `client_assertion_type` (RFC 7523 §2.2).',
    'invalid_request',
  ),
  assertion_malformed: row(401, 'The client assertion cannot be read', CALL_IT, 'See `detail`.', 'invalid_client'),
  assertion_algorithm: row(
    401,
    'The client assertion uses another algorithm',
    CALL_IT,
    'ES256 or EdDSA, the one of your registered key; `none` never is.',
    'invalid_client',
  ),
  assertion_unknown_key: row(
    401,
    'The key of the assertion is not known',
    CALL_IT,
    'No such key for this client id: check `sub` and `kid`, or register the key.',
    'invalid_client',
  ),
  assertion_signature: row(
    401,
    'The signature of the assertion is wrong',
    CALL_IT,
    'Sign with the private key registered under this `kid`.',
    'invalid_client',
  ),
  assertion_audience: row(
    401,
    'The assertion is for another audience',
    CALL_IT,
    'See `detail` for the `aud` this service wants.',
    'invalid_client',
  ),
  assertion_expired: row(
    401,
    'The assertion has expired',
    CALL_IT,
    'Compare your clock with `detail`; make a new assertion for each token.',
    'invalid_client',
  ),
  assertion_too_long_lived: row(
    401,
    'The assertion lives too long',
    CALL_IT,
    '`exp` at most 300 s after `iat` and now.',
    'invalid_client',
  ),
  assertion_clock_skew: row(
    401,
    'The assertion comes from the future',
    CALL_IT,
    '`iat` or `nbf` is more than 30 s ahead: compare your clock with `detail`.',
    'invalid_client',
  ),
  assertion_replayed: row(
    401,
    'The assertion was used before',
    CALL_IT,
    'A `jti` is taken once: make a new assertion for each token.',
    'invalid_client',
  ),
  client_key_expired: row(401, 'Your key has expired', CALL_IT, 'See `detail`; register a new key.', 'invalid_client'),
  client_key_revoked: row(
    401,
    'Your key was revoked',
    CALL_IT,
    'See `detail`; register a new key with the operator.',
    'invalid_client',
  ),
  client_disabled: row(401, 'Your client was disabled', CALL_IT, 'See `detail`; ask the operator.', 'invalid_client'),
  key_proof_invalid: row(
    400,
    'The proof of the new key is not valid',
    CALL_IT,
    'Sign `proof` with the private half of `publicJwk`; see `detail`.',
  ),
  enrolment_refused: row(
    403,
    'The enrolment is refused',
    'Báo bộ phận công nghệ thông tin của cơ sở: cần mã đăng ký mới.',
    'Code and client do not fit, or the code was used, has expired or was tried too often; which of these is not told. Ask the operator for a new code.',
  ),
  too_many_keys: row(
    409,
    'Your client has four keys in force',
    CALL_IT,
    'Have one revoked by the operator, or use one of them.',
  ),
  scope_unknown: row(
    400,
    'The scope cannot be granted',
    CALL_IT,
    'See `detail` for the scopes of your client.',
    'invalid_scope',
  ),
  idempotency_key_invalid: row(400, 'The Idempotency-Key is not valid', CALL_IT, '1 to 64 visible ASCII characters.'),
  request_timeout_invalid: row(
    400,
    'The Request-Timeout is not valid',
    CALL_IT,
    'Whole milliseconds, 1 to 60000; or leave it out.',
  ),
  idempotency_conflict: row(
    422,
    'The Idempotency-Key was used for another request',
    CALL_IT,
    'Use a new key for a new request; the same key only to repeat the same bytes.',
  ),
  verification_not_found: row(
    404,
    'No such verification',
    'Không tìm thấy lần tra cứu này của cơ sở.',
    'No verification with this id belongs to your client.',
  ),
  verification_erased: row(
    410,
    'The details were erased',
    'Dữ liệu lần tra cứu này đã được xóa theo quy định.',
    'The entry stands in the log; its details were erased.',
  ),
  unverified_visit_not_found: row(
    404,
    'No such unverified visit',
    'Không tìm thấy lượt khám chưa tra cứu này của cơ sở.',
    'No unverified visit with this id belongs to your client.',
  ),
  unverified_visit_erased: row(
    410,
    'The details were erased',
    'Dữ liệu lượt khám này đã được xóa theo quy định.',
    'The entry stands in the log; its details were erased.',
  ),
  audit_purpose_missing: row(
    400,
    'The purpose of the audit is missing',
    CALL_IT,
    '`Audit-Purpose: claimReview | complaint | courtOrder | incident`; all but claimReview need `Audit-Case` (1–64 visible ASCII).',
  ),
  too_many_bad_credentials: {
    ...row(
      429,
      'Too many credentials of this address failed',
      'Quá nhiều lần đăng nhập sai từ mạng này. Vẫn tiếp nhận người bệnh và thử lại sau giây lát; báo bộ phận công nghệ thông tin.',
      'Tokens, assertions and enrolment codes from this address failed too often. Tokens that were answered lately still are.',
    ),
    retryAfterSeconds: 1, // a token comes back within a second at any rate
  },
  feed_manifest_invalid: row(
    400,
    'The manifest of the feed is not valid',
    CALL_IT,
    'See `detail`; the members of a manifest are described in `src/sync/README.md`.',
  ),
  feed_signature: row(
    403,
    'The manifest is not signed by its feed',
    CALL_IT,
    'Sign with a key in force of the client `feed:<feed>` and send with a token of that client.',
  ),
  feed_file_differs: row(
    422,
    'The data file is not what its manifest says',
    CALL_IT,
    'See `detail`. Nothing of the batch was taken; make the manifest from the file as it is sent, and send both again.',
  ),
  feed_sequence: row(
    409,
    'The sequence number does not fit',
    CALL_IT,
    'See `detail`: another batch has this number already, or it is a full feed, which is imported by command.',
  ),
  rate_limited: {
    ...row(
      429,
      'Too many requests of this client',
      BUSY,
      'See `RateLimit` and `RateLimit-Policy`; spread the requests.',
    ),
    retryAfterSeconds: 1, // a token comes back within a second at any rate
  },
  guessing_suspected: {
    ...row(
      429,
      'Too many typed numbers matched nobody',
      'Quá nhiều số nhập tay không khớp trong một giờ. Vẫn tiếp nhận người bệnh, quét mã QR trên căn cước thay vì nhập tay.',
      'Typed evidence pauses for this facility: more misses than hits within an hour. Scanned evidence is answered. Ask the operator.',
    ),
    retryAfterSeconds: 300, // a slot of the window
  },
  overloaded: {
    ...row(
      503,
      'Too many requests wait',
      TRY_AGAIN,
      'Refused before anything was written. Wait as `Retry-After` says.',
    ),
    retryAfterSeconds: 1,
  },
  log_unavailable: {
    ...row(
      503,
      'The log cannot be written',
      TRY_AGAIN,
      'Nothing was recorded and no answer is given without its entry. Try again.',
    ),
    retryAfterSeconds: 2,
  },
  log_outcome_unknown: {
    ...row(
      503,
      'It is not known whether the entry was recorded',
      TRY_AGAIN,
      'Repeat the same bytes with the same Idempotency-Key; without one, a repetition may be a second entry.',
    ),
    retryAfterSeconds: 2,
  },
  database_unavailable: {
    ...row(503, 'The service cannot reach its database', TRY_AGAIN, 'Nothing was recorded. Try again.'),
    retryAfterSeconds: 2,
  },
  internal: row(500, 'Something went wrong here', TRY_AGAIN, 'Quote the request id to the operator.'),
}

function row(status: number, title: string, desk: string, integrator: string, oauth?: ProblemRow['oauth']): ProblemRow {
  return { status, title, desk, integrator, ...(oauth === undefined ? {} : { oauth }) }
}
