import type { FlagRule } from './rules.ts'

export interface FlagText {
  readonly explanation: { readonly vi: string; readonly en: string }
  /** What else it may be: to be looked at before anybody is asked. */
  readonly innocent: { readonly vi: readonly string[]; readonly en: readonly string[] }
}

/** "No check recorded here", never "no check": a facility may have looked up elsewhere. */
export const FLAG_TEXTS: Readonly<Record<FlagRule, FlagText>> = {
  twoFacilities: {
    explanation: {
      vi: 'Một người được tra cứu tại hai cơ sở trong vòng một giờ; không lần nào ghi cấp cứu hoặc chuyển tuyến.',
      en: 'One person was checked at two facilities within an hour; neither check says emergency or referral.',
    },
    innocent: {
      vi: [
        'Người bệnh được chuyển viện, xe cứu thương, nhưng lần tra cứu không ghi mã đối tượng.',
        'Trạm y tế và bệnh viện gần nhau; người bệnh đến nhầm nơi.',
        'Người nhà mang căn cước đi đăng ký trước.',
      ],
      en: [
        'A transfer or an ambulance whose check named no route code.',
        'A health station and a hospital side by side; the patient went to the wrong one first.',
        'A relative registered ahead with the chip ID.',
      ],
    },
  },
  manyMisses: {
    explanation: {
      vi: 'Trong ngày, tỷ lệ tra cứu không tìm thấy người tại cơ sở cao gấp ba lần bình thường.',
      en: 'On that day the facility’s share of checks that found nobody was three times what is usual there.',
    },
    innocent: {
      vi: ['Đoàn khám từ tỉnh khác.', 'Máy quét hỏng hoặc bỏ dấu.', 'Dữ liệu thẻ cập nhật chậm.'],
      en: ['Visitors from another province.', 'A scanner that is broken or drops accents.', 'Our copy was late.'],
    },
  },
  unusualVolume: {
    explanation: {
      vi: 'Trong ngày, số lượt tra cứu tại cơ sở gấp ba lần bình thường.',
      en: 'On that day the facility made three times as many checks as usual.',
    },
    innocent: {
      vi: ['Khám sức khỏe tập trung, dịch bệnh, tai nạn hàng loạt.', 'Tra cứu lại toàn bộ lịch hẹn.'],
      en: ['A health campaign, an epidemic, an accident with many victims.', 'All appointments were looked up again.'],
    },
  },
  stayWithoutEndCheck: {
    explanation: {
      vi: 'Đợt nội trú: chưa ghi nhận lần tra cứu nào trước khi ra viện tại đây, 30 ngày sau lần tra cứu gần nhất (NĐ 188/2025 Đ21).',
      en: 'An inpatient stay: no check before its end is recorded here, 30 days after the latest one (NĐ 188/2025 Đ21).',
    },
    innocent: {
      vi: [
        'Cơ sở đã tra cứu trên Cổng BHXH, không qua hệ thống này.',
        'Người bệnh còn nằm viện.',
        'Lần tra cứu cuối ghi mã lượt khám khác.',
      ],
      en: [
        'The facility looked up on the VSS portal, not here.',
        'The patient is still there.',
        'The last check was sent with another visit id.',
      ],
    },
  },
}
