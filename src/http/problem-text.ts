import type { ErrorCode, FieldIssue } from '../errors.ts'

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

/** One fault of a member, for both readers. Never its value. */
export const FIELD_ISSUES: Readonly<Record<FieldIssue, { readonly desk: string; readonly integrator: string }>> = {
  member_missing: { desk: 'Thiếu thông tin bắt buộc.', integrator: 'The member is required.' },
  member_unknown: {
    desk: 'Có thông tin không được nhận.',
    integrator: 'The member is not known here; unknown members are refused.',
  },
  member_type: {
    desk: 'Thông tin sai kiểu dữ liệu.',
    integrator: 'The member has another JSON type than the contract says.',
  },
  member_value: { desk: 'Thông tin không hợp lệ.', integrator: 'The value is not one of those the contract allows.' },
  member_too_long: { desk: 'Thông tin quá dài.', integrator: 'The value is longer than the contract allows.' },
  member_too_short: { desk: 'Thông tin còn trống.', integrator: 'The value is shorter than the contract allows.' },
  service_date_shape: { desk: 'Ngày khám không đúng.', integrator: 'The service date is a real day, YYYY-MM-DD.' },
  service_date_future: {
    desk: 'Ngày khám ở tương lai: chỉ dùng cho hẹn khám.',
    integrator: 'A future service date is answered for purpose `appointment` only.',
  },
  service_date_too_far: {
    desk: 'Ngày hẹn khám xa quá 60 ngày.',
    integrator: 'A service date is at most 60 days ahead.',
  },
  service_date_too_old: {
    desk: 'Ngày khám quá xa trong quá khứ.',
    integrator: 'Service dates before 2009-07-01, the first Law on Health Insurance, are not answered.',
  },
  portal_answer_future: {
    desk: 'Giờ tra cứu Cổng BHXH ở tương lai: kiểm tra đồng hồ máy.',
    integrator: '`askedAt` lies in the future: check the clock.',
  },
  portal_answer_old: {
    desk: 'Kết quả Cổng BHXH đã cũ: tra cứu lại.',
    integrator: '`askedAt` is more than 24 hours ago: ask the portal again.',
  },
  instant_future: {
    desk: 'Thời điểm ở tương lai: kiểm tra đồng hồ máy.',
    integrator: 'The time lies in the future: check the clock.',
  },
  instant_too_old: {
    desk: 'Thời điểm cách đây quá 60 ngày.',
    integrator: 'The time is more than 60 days ago: too late to be recorded and looked up.',
  },
  citizen_id_length: {
    desk: 'Số định danh phải đủ 12 chữ số.',
    integrator: 'A personal number has exactly 12 digits.',
  },
  citizen_id_not_digits: { desk: 'Số định danh chỉ gồm chữ số.', integrator: 'A personal number has digits only.' },
  insurance_number_not_digits: {
    desk: 'Mã số BHXH chỉ gồm chữ số.',
    integrator: 'An insurance number has digits only.',
  },
  insurance_number_length: {
    desk: 'Mã số BHXH phải đủ 10 chữ số.',
    integrator: 'An insurance number has exactly 10 digits.',
  },
  card_number_length: {
    desk: 'Mã thẻ BHYT phải đủ 15 ký tự (hoặc 10 chữ số).',
    integrator: 'A card number has 15 characters, an insurance number 10 digits.',
  },
  card_number_shape: {
    desk: 'Mã thẻ BHYT không đúng dạng.',
    integrator: 'A card number is two letters, a level 1–5 and 12 digits (QĐ 1351/QĐ-BHXH).',
  },
  date_shape: { desk: 'Ngày sinh không đúng dạng.', integrator: 'A birth date is YYYY-MM-DD, YYYY-MM or YYYY.' },
  date_impossible: { desk: 'Ngày sinh không có trong lịch.', integrator: 'The day does not exist in the calendar.' },
  date_in_future: { desk: 'Ngày sinh ở tương lai.', integrator: 'The birth date lies in the future.' },
  date_too_old: { desk: 'Năm sinh quá xa.', integrator: 'The birth date is before 1900.' },
  name_empty: { desk: 'Thiếu họ tên.', integrator: 'The full name is empty.' },
  name_too_long: { desk: 'Họ tên quá dài.', integrator: 'A full name has at most 255 characters.' },
  name_garbled: {
    desk: 'Họ tên bị lỗi chữ: kiểm tra máy quét.',
    integrator: 'Letters of the name were lost (`?` or U+FFFD): check the encoding of scanner and program.',
  },
  name_not_a_name: {
    desk: 'Họ tên không phải là tên người.',
    integrator: 'The full name has no letter, or digits or symbols.',
  },
  qr_empty: { desk: 'Mã QR trống: quét lại.', integrator: 'The scanned text is empty.' },
  qr_too_long: {
    desk: 'Mã QR quá dài: quét lại.',
    integrator: 'The scanned text is longer than 2,048 characters: two scans in one?',
  },
  qr_too_few_fields: {
    desk: 'Mã QR thiếu thông tin: quét lại.',
    integrator: 'The scanned text has too few fields: it was cut off.',
  },
  qr_not_chip_id: {
    desk: 'Đây không phải mã QR trên thẻ căn cước.',
    integrator: 'The scanned text is not the QR code of a chip ID.',
  },
  qr_not_insurance_card: {
    desk: 'Đây không phải mã QR trên thẻ BHYT.',
    integrator: 'The scanned text is not the QR code of an insurance card.',
  },
  qr_bad_hex: { desk: 'Mã QR bị lỗi: quét lại.', integrator: 'A hexadecimal field of the QR code is damaged.' },
  qr_bad_utf8: { desk: 'Mã QR bị lỗi chữ: quét lại.', integrator: 'A field of the QR code is not UTF-8.' },
}
