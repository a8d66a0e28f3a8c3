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

export function row(
  status: number,
  title: string,
  desk: string,
  integrator: string,
  oauth?: ProblemRow['oauth'],
): ProblemRow {
  return { status, title, desk, integrator, ...(oauth === undefined ? {} : { oauth }) }
}

/** What desks are told by more than one. */
export const CALL_IT = 'Báo bộ phận công nghệ thông tin của cơ sở.'
export const BUSY = 'Hệ thống đang nhận quá nhiều yêu cầu từ cơ sở. Vẫn tiếp nhận người bệnh và thử lại sau giây lát.'
export const TRY_AGAIN = 'Hệ thống tạm thời bận. Vẫn tiếp nhận người bệnh, ghi số thẻ và thử lại sau ít phút.'

export function retryAfter(seconds: number, of: ProblemRow): ProblemRow {
  return { ...of, retryAfterSeconds: seconds }
}
