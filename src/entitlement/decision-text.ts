import { type IsoDate, todayInVietnam } from '../calendar.ts'
import type { DecisionCode, DecisionKind, Warning } from './decision-code.ts'

/** Two readers: what the desk does (Vietnamese), what the integrator does (English). */
export interface Texts {
  readonly desk: string
  readonly integrator: string
}

const ADMIT = 'Vẫn tiếp nhận người bệnh.'

/**
 * Every `undetermined` text admits the patient (NĐ 188/2025 Đ38 k2), and none asks for a copy of papers (Đ38 k3).
 */
export const DECISION_TEXTS: Readonly<Record<DecisionCode | 'replaced_by_card_here', Texts>> = {
  valid: {
    desk: 'Thẻ BHYT có giá trị. Tiếp nhận theo bảo hiểm y tế.',
    integrator: 'Entitled. Use the coverage marked `applies`; look up again before the visit ends (NĐ 188/2025 Đ21).',
  },
  valid_prefer_new: {
    desk: 'Thẻ cũ còn giá trị nhưng đã có thẻ mới. Tiếp nhận theo bảo hiểm y tế, lần sau dùng thẻ mới.',
    integrator:
      'Entitled by the old card; a newer one exists. Take over the newer number when it appears in `coverages`.',
  },
  replaced: {
    desk: `Thẻ cũ hết giá trị, đã cấp thẻ mới nhưng hệ thống chưa có thẻ mới. ${ADMIT} Tra cứu lại trên Cổng BHXH.`,
    integrator:
      'The card is void and its successor is not in our copy. Treat cover as unknown, look up on the VSS portal.',
  },
  replaced_by_card_here: {
    desk: 'Thẻ cũ hết giá trị, thẻ mới đang có giá trị. Tiếp nhận theo bảo hiểm y tế bằng thẻ mới.',
    integrator: 'Entitled by the successor: replace the stored card number with the coverage marked `applies`.',
  },
  check_paper_defence: {
    desk: `Thẻ do BHXH Bộ Quốc phòng quản lý. ${ADMIT} Xem thẻ và giấy tờ tùy thân người bệnh mang theo.`,
    integrator:
      'Kept by the defence ministry: our copy holds no term. The desk reads card and identity paper; claim with route data.',
  },
  check_paper_police: {
    desk: `Thẻ do BHXH Bộ Công an quản lý. ${ADMIT} Xem thẻ và giấy tờ tùy thân người bệnh mang theo.`,
    integrator: 'Kept by the public-security ministry: our copy holds no term. The desk reads card and identity paper.',
  },
  child_without_card: {
    desk: `Trẻ em dưới 6 tuổi chưa có dữ liệu thẻ. ${ADMIT} Xem giấy khai sinh hoặc giấy chứng sinh.`,
    integrator: 'Child under six without a card record: admit as TE1 on the birth certificate (NĐ 188/2025 Đ37).',
  },
  expired: {
    desk: 'Thẻ BHYT đã hết hạn vào ngày khám. Hỏi người bệnh có thẻ mới không.',
    integrator: 'Not entitled: the term ended before the service date. See `validTo` of the coverage shown.',
  },
  not_yet_valid: {
    desk: 'Thẻ BHYT chưa đến ngày có giá trị. Hỏi người bệnh có thẻ khác đang có giá trị không.',
    integrator: 'Not entitled yet: the term begins after the service date. See `validFrom` of the coverage shown.',
  },
  revoked: {
    desk: 'Thẻ BHYT đã bị thu hồi. Hướng dẫn người bệnh liên hệ cơ quan BHXH.',
    integrator: 'Not entitled: revoked. `statusFrom` is when it took effect, `knownSince` when our copy learned it.',
  },
  reduced: {
    desk: 'Thẻ BHYT đã báo giảm. Hướng dẫn người bệnh liên hệ cơ quan BHXH hoặc nơi đóng.',
    integrator: 'Not entitled: reported reduced. See `statusFrom` and `knownSince`.',
  },
  stopped: {
    desk: 'Người bệnh đã ngừng tham gia BHYT. Hướng dẫn liên hệ cơ quan BHXH hoặc nơi đóng.',
    integrator: 'Not entitled: participation stopped. See `statusFrom` and `knownSince`.',
  },
  moved_out: {
    desk: `Thẻ báo giảm do chuyển ngoại tỉnh, hệ thống chưa có thẻ nơi mới. ${ADMIT} Tra cứu lại trên Cổng BHXH.`,
    integrator:
      'Moved to another province; the successor is not in our copy. Cover unknown: look up on the VSS portal.',
  },
  moved_within: {
    desk: `Thẻ báo giảm do chuyển nội tỉnh, hệ thống chưa có thẻ nơi mới. ${ADMIT} Tra cứu lại trên Cổng BHXH.`,
    integrator: 'Moved within the province; the successor is not in our copy yet. Cover unknown: look up again.',
  },
  re_enrolled: {
    desk: `Thẻ báo giảm do tăng lại tại cùng đơn vị, hệ thống chưa có thẻ mới. ${ADMIT} Tra cứu lại trên Cổng BHXH.`,
    integrator:
      'Re-enrolled at the same employer; the new record is not in our copy yet. Cover unknown: look up again.',
  },
  held: {
    desk: `Thẻ đang tạm giữ, tạm khóa hoặc ở trạng thái chưa rõ. ${ADMIT} Tra cứu lại trên Cổng BHXH.`,
    integrator:
      'Held, locked, or a status this service does not know. Never treat as valid or invalid: look up on the portal.',
  },
  name_mismatch: {
    desk: `Họ tên trên giấy tờ không khớp dữ liệu thẻ BHYT. ${ADMIT} Quét lại; nếu vẫn sai, báo cơ quan BHXH sửa họ tên.`,
    integrator:
      'The scanned name differs from the record. Nothing is disclosed. Scan again; never retry with other names.',
  },
  birth_date_mismatch: {
    desk: `Ngày sinh trên giấy tờ không khớp dữ liệu thẻ BHYT. ${ADMIT} Quét lại; nếu vẫn sai, báo cơ quan BHXH sửa ngày sinh.`,
    integrator: 'The scanned birth date differs from the record. Nothing is disclosed. Scan again.',
  },
  no_match: {
    desk: `Không khớp thông tin đã nhập. ${ADMIT} Kiểm tra lại số, họ tên, ngày sinh, hoặc quét mã QR trên căn cước.`,
    integrator:
      'Typed evidence matched no record; whether the number exists is not told. Prefer a scan of the chip ID.',
  },
  not_found: {
    desk: `Chưa thấy dữ liệu thẻ BHYT. ${ADMIT} Có thể thẻ mới cấp hoặc do tỉnh khác cấp: tra cứu trên Cổng BHXH.`,
    integrator:
      'No record in our copy: it may lag, or the card was issued elsewhere. Cover unknown: look up on the portal.',
  },
  source_stale: {
    desk: `Dữ liệu thẻ đã quá cũ để kết luận. ${ADMIT} Tra cứu lại trên Cổng BHXH.`,
    integrator: 'Our copy is past its bound, so its "no" is withheld. See `data.asOf`; look up on the VSS portal.',
  },
  source_failed: {
    desk: `Tạm thời không đọc được dữ liệu thẻ. ${ADMIT} Ghi số thẻ và tra cứu lại sau.`,
    integrator: 'Our copy could not be read. Record the visit (NĐ 188/2025 Đ38), ask again in a minute.',
  },
}

export const WARNING_TEXTS: Readonly<Record<Warning, Texts>> = {
  newCard: {
    desk: 'Đã có thẻ mới: cập nhật số thẻ trong hồ sơ.',
    integrator: 'A newer card was issued: update the stored card number.',
  },
  nameNear: {
    desk: 'Họ tên gần đúng: sửa họ tên theo căn cước trước khi gửi.',
    integrator: 'The name agrees but for accents or spelling: correct it after the chip ID before the claim is sent.',
  },
  numberUnusual: {
    desk: 'Số định danh không khớp giới tính hoặc năm sinh: kiểm tra lại căn cước.',
    integrator:
      'The digits of the personal number disagree with sex or birth year (re-issued numbers do): check, do not refuse.',
  },
  copyLate: {
    desk: 'Dữ liệu thẻ cập nhật chậm: có thể chưa có thay đổi mới nhất.',
    integrator:
      'Our copy is older than it should be (see `data.ageSeconds`), or a batch of the feed is known to be missing.',
  },
  scanWanted: {
    desk: 'Nếu người bệnh có căn cước, nên quét mã QR hoặc MRZ thay cho nhập tay.',
    integrator: 'The province wants a scan for this purpose: offer the QR or MRZ reader before typing. Advice only.',
  },
  chipWanted: {
    desk: 'Nếu có đầu đọc, nên đọc chip trên căn cước: mã QR, MRZ và số nhập tay không chứng minh được thẻ thật.',
    integrator:
      'The province wants data signed by the chip for this purpose: send chip evidence if you can. Advice only.',
  },
  liveChipWanted: {
    desk: 'Nếu có đầu đọc, nên đọc chip và xác thực chip ngay tại quầy.',
    integrator: 'The province wants the chip itself authenticated for this purpose (AA or CA). Advice only.',
  },
}

/** What a text depends on: nothing else, so that a stored answer is told in the same words again. */
export interface Told {
  readonly code: DecisionCode
  readonly decision: DecisionKind
  readonly vssCodeSource: 'copy' | 'portal'
  readonly warnings: readonly Warning[]
  /** The coverages shown; without one in force, the first is the one that decided. */
  readonly coverages: readonly ToldCoverage[]
}

export interface ToldCoverage {
  readonly validFrom: IsoDate
  readonly validTo: IsoDate | null
  readonly statusFrom: IsoDate | null
  readonly knownSince: string
}

export function textsFor(told: Told): Texts {
  const { desk, integrator } = DECISION_TEXTS[textKey(told)]
  // our copy's dates explain our copy's "no"; the portal's may have another reason
  const dates = told.decision === 'notEntitled' && told.vssCodeSource === 'copy' ? deskDates(told) : ''
  if (dates === '' && told.warnings.length === 0) return { desk, integrator }
  const warnings = told.warnings.map((warning) => WARNING_TEXTS[warning])
  return {
    desk: [desk, dates, ...warnings.map((text) => text.desk)].filter((text) => text !== '').join(' '),
    integrator: [integrator, ...warnings.map((text) => text.integrator)].join(' '),
  }
}

function textKey(told: Told): keyof typeof DECISION_TEXTS {
  return told.code === 'replaced' && told.decision === 'entitled' ? 'replaced_by_card_here' : told.code
}

/** The date that a refused patient will ask for. */
function deskDates(told: Told): string {
  const coverage = told.coverages[0]
  if (coverage === undefined) return ''
  switch (told.code) {
    case 'expired':
      return coverage.validTo === null ? '' : `Hết hạn ngày ${vietnameseDate(coverage.validTo)}.`
    case 'not_yet_valid':
      return `Có giá trị từ ngày ${vietnameseDate(coverage.validFrom)}.`
    case 'revoked':
    case 'reduced':
    case 'stopped': {
      const known = vietnameseDate(todayInVietnam(new Date(coverage.knownSince)))
      return coverage.statusFrom === null
        ? `Hệ thống biết từ ngày ${known}.`
        : `Từ ngày ${vietnameseDate(coverage.statusFrom)}, hệ thống biết từ ngày ${known}.`
    }
    default:
      return ''
  }
}

function vietnameseDate(date: IsoDate): string {
  return `${date.slice(8)}/${date.slice(5, 7)}/${date.slice(0, 4)}`
}
