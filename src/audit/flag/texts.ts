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
  claimWithoutCheck: {
    explanation: {
      vi: 'Hồ sơ thanh toán: chưa ghi nhận lần tra cứu nào tại đây cho lượt khám này.',
      en: 'A claim: no check recorded here for this visit.',
    },
    innocent: {
      vi: [
        'Cơ sở đã tra cứu trên Cổng BHXH.',
        'Cấp cứu, trẻ sơ sinh, hoặc người bệnh không có giấy tờ.',
        'Lần tra cứu không ghi mã lượt khám, hồ sơ không ghi mã tra cứu.',
      ],
      en: [
        'The facility looked up on the VSS portal.',
        'An emergency, a newborn, or a patient without papers.',
        'The check named no visit id, and the claim quotes no check code.',
      ],
    },
  },
  claimedNotEntitled: {
    explanation: {
      vi: 'Đề nghị quỹ thanh toán, nhưng các lần tra cứu ghi nhận tại đây không xác định được quyền lợi.',
      en: 'The insurer is asked to pay, while the checks recorded here found no cover, or could not say.',
    },
    innocent: {
      vi: [
        'Không xác định: dữ liệu chậm hoặc thẻ do tỉnh khác cấp; Cổng BHXH trả lời khác.',
        'Người bệnh xuất trình thẻ mới sau lần tra cứu.',
        'Thẻ hết hạn khi đang điều trị: quỹ trả đến khi ra viện, tối đa 15 ngày (NĐ 188/2025 Đ50).',
      ],
      en: [
        'Undetermined: late data, or a card of another province; the VSS portal answered otherwise.',
        'The patient showed a new card after the check.',
        'The card ended during treatment: the fund pays to discharge, 15 days at the most (NĐ 188/2025 Đ50).',
      ],
    },
  },
  datesContradict: {
    explanation: {
      vi: 'Ngày trong hồ sơ mâu thuẫn: ngày ra trước ngày vào, thẻ không bao gồm ngày vào, hoặc lần tra cứu thuộc ngày khác.',
      en: 'Days of the dossier contradict: discharge before admission, no card term holds the admission, or a check is of another day.',
    },
    innocent: {
      vi: ['Gõ nhầm ngày; sẽ có bản sửa.', 'Mã tra cứu của lượt khám khác được ghi nhầm.'],
      en: [
        'A typing error; a corrected version will follow.',
        'The check code of another visit was quoted by mistake.',
      ],
    },
  },
  repeatedClaim: {
    explanation: {
      vi: 'Cùng người bệnh, cùng ngày vào, cùng số tiền, nhưng là hai lượt khám khác nhau.',
      en: 'The same person, admitted on the same day, for the same amount, as two visits.',
    },
    innocent: {
      vi: ['Hai dịch vụ cùng giá trong ngày.', 'Phần mềm cấp lại mã lượt khám; bản cũ sẽ được rút.'],
      en: [
        'Two services of one price on one day.',
        'The hospital’s program gave the visit a new id; the former is to be withdrawn.',
      ],
    },
  },
  amountsContradict: {
    explanation: {
      vi: 'Số tiền mâu thuẫn: T_BHTT khác T_TONGCHI_BH trừ T_BNCCT, lớn hơn tổng chi, hoặc số âm (QĐ 3176).',
      en: 'Amounts contradict: T_BHTT is not T_TONGCHI_BH less T_BNCCT, more than the total, or negative (QĐ 3176).',
    },
    innocent: {
      vi: ['Làm tròn từng dòng.', 'Nguồn khác chi trả được ghi vào trường khác.'],
      en: ['Rounding line by line.', 'What another source pays stands in another field.'],
    },
  },
}
