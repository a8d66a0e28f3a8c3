import type { ErrorCode } from '../errors.ts'
import { CALL_IT, type ProblemRow, retryAfter, row, TRY_AGAIN } from './problem-row.ts'

type VisitCode = Extract<ErrorCode, `unverified_visit_${string}` | `dossier_${string}` | `claim_${string}`>

/** Problems of unverified visits and of claim shares; the others: `problem-text.ts`. */
export const VISIT_PROBLEMS: Readonly<Record<VisitCode, ProblemRow>> = {
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
  dossier_unreadable: row(
    422,
    'Not a dossier',
    `Tệp hồ sơ không đọc được theo chuẩn QĐ 3176. ${CALL_IT}`,
    'The bytes are no dossier of this kind; `detail` says where and why. Nothing was recorded.',
  ),
  dossier_other_facility: row(
    422,
    'Dossier of another facility',
    'Mã cơ sở trong hồ sơ không phải của cơ sở đang gửi. Kiểm tra MACSKCB và MA_CSKCB.',
    '`MACSKCB` and `MA_CSKCB` name the facility of your token. Nothing was recorded.',
  ),
  dossier_several_visits: row(
    422,
    'More than one visit',
    'Mỗi tệp chỉ gồm một lượt khám (một MA_LK). Tách tệp và gửi lại từng lượt.',
    'A file holds one visit: one `HOSO`, and the same `MA_LK` in each row. Nothing was recorded.',
  ),
  dossier_other_visit: row(
    422,
    'Dossier of another visit',
    'Mã lượt khám gửi kèm khác MA_LK trong hồ sơ. Kiểm tra lại tệp đã chọn.',
    '`visitId` is the `MA_LK` of the dossier. Nothing was recorded.',
  ),
  dossier_state_secret: row(
    422,
    'State secret',
    'Hồ sơ có dấu độ mật không được gửi qua hệ thống này (TT 12/2026 Điều 9). Hệ thống không lưu gì.',
    'Dossiers under state secrecy do not travel this way (TT 12/2026, article 9). Nothing was stored.',
  ),
  claim_header_invalid: row(
    400,
    'Claim headers',
    CALL_IT,
    'A body in `application/xml` has what goes beside it in `Claim-*` headers; `detail` names the first that is wrong.',
  ),
  claim_reason_missing: row(
    409,
    'The visit was shared before',
    'Lượt khám này đã gửi. Gửi bản thay thế phải ghi lý do (TT 48/2017 Điều 13).',
    'Other bytes of a visit are a new version of it: say `reason`, and `basis` where there is one (TT 48/2017, article 13).',
  ),
  claim_share_busy: retryAfter(
    1,
    row(
      503,
      'Others share this visit',
      TRY_AGAIN,
      'Others shared versions of this visit at the same moment. Nothing was recorded; send it again.',
    ),
  ),
  claim_share_not_found: row(
    404,
    'No such claim share',
    'Không tìm thấy hồ sơ đã gửi này của cơ sở.',
    'No claim share with this id belongs to your client.',
  ),
  claim_share_erased: row(
    410,
    'The details were erased',
    'Dữ liệu hồ sơ này đã được xóa theo quy định.',
    'The entry stands in the log; its details and its dossier were erased.',
  ),
  claim_receipt_unexpected: row(
    409,
    'No receipt is expected',
    'Hồ sơ này do hệ thống gửi thay, không nhận biên nhận từ cơ sở.',
    'A share that we forward has its receipts from the insurer; only `recordOnly` takes yours.',
  ),
  claim_share_with_insurer: row(
    409,
    'The insurer has it, or may have',
    'Hồ sơ đã gửi, hoặc đang gửi, tới cơ quan BHXH. Muốn sửa hãy gửi bản thay thế và ghi lý do.',
    'What was received, may have been received, or is being sent at this moment cannot be taken back here: share a corrected version, which replaces it there. Nothing was recorded.',
  ),
}
