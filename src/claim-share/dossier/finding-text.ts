import type { FindingCode } from './finding.ts'

/** Each finding for two readers: who mends the dossier, and who mends the program that made it. Never a value. */
export const FINDING_TEXTS: Readonly<Record<FindingCode, { readonly desk: string; readonly integrator: string }>> = {
  table_unknown: {
    desk: 'Bảng không thuộc bộ bảng gửi trong hồ sơ.',
    integrator: 'LOAIHOSO names no table that travels in a dossier (XML1–XML11, XML13–XML15).',
  },
  table_structure: {
    desk: 'Bảng không đúng cấu trúc thẻ XML của chuẩn.',
    integrator: 'The row does not stand where the standard has it: root, list and row elements differ.',
  },
  table_repeated: {
    desk: 'Bảng chỉ được có một dòng nhưng có nhiều hơn, hoặc gửi hai lần.',
    integrator: 'The table stands twice, or has more rows than the one it may have.',
  },
  field_missing: { desk: 'Thiếu thẻ của chỉ tiêu.', integrator: 'The element is not there; empty is not the same.' },
  field_required: { desk: 'Chỉ tiêu bắt buộc còn để trống.', integrator: 'The field must not be empty.' },
  field_unknown: {
    desk: 'Chỉ tiêu không có trong chuẩn đang áp dụng.',
    integrator:
      'The standard in force on the last day of the visit has no such field. `?` stands for a name not repeated here.',
  },
  field_repeated: {
    desk: 'Chỉ tiêu lặp lại trong một dòng.',
    integrator: 'The element stands twice; the first was read.',
  },
  field_too_long: {
    desk: 'Chỉ tiêu dài quá số ký tự cho phép.',
    integrator: 'More characters than the standard allows.',
  },
  field_not_number: {
    desk: 'Chỉ tiêu phải là số (dấu thập phân là dấu chấm).',
    integrator: 'Digits, with a point before decimals; no separator of thousands, no exponent.',
  },
  field_not_code: { desk: 'Mã không có trong danh mục.', integrator: 'The code is none of its list on that day.' },
  field_not_date: {
    desk: 'Ngày giờ sai định dạng hoặc không có thật.',
    integrator: 'yyyyMMddHHmm or yyyyMMdd, of a real day; NGAY_SINH may have zeros for what is unknown.',
  },
  field_not_facility: { desk: 'Mã cơ sở không đúng 5 ký tự.', integrator: 'Two digits and three of 0-9 A-Z.' },
  field_not_card: {
    desk: 'Mã thẻ bảo hiểm y tế không đúng.',
    integrator: '15 characters of a card, 10 digits of mã số BHXH, or 12 of the personal number.',
  },
  cards_uneven: {
    desk: 'Số thẻ, nơi đăng ký và hạn thẻ không cùng số lượng hoặc thứ tự.',
    integrator: 'MA_THE_BHYT, MA_DKBD, GT_THE_TU and GT_THE_DEN list as many values each, joined by `;`.',
  },
  dates_disorder: { desk: 'Thời điểm sớm hơn mốc trước nó.', integrator: 'Earlier than the date before it in order.' },
  amount_sum: {
    desk: 'T_BHTT phải bằng T_TONGCHI_BH trừ T_BNCCT.',
    integrator: 'T_BHTT = T_TONGCHI_BH − T_BNCCT, to the last decimal.',
  },
  amount_lines: {
    desk: 'Số tiền ở bảng tổng hợp khác tổng các dòng XML2 và XML3.',
    integrator: 'The amount of XML1 is the sum of its lines in XML2 and XML3, to the last decimal.',
  },
  amount_product: {
    desk: 'THANH_TIEN_BV phải bằng số lượng nhân đơn giá, làm tròn 2 chữ số.',
    integrator: 'THANH_TIEN_BV = SO_LUONG × unit price, rounded half up to two decimals.',
  },
  count_dossiers: { desk: 'SOLUONGHOSO phải là 1.', integrator: 'SOLUONGHOSO is 1: one visit a file.' },
  signature_invalid: {
    desk: 'Chữ ký số của đơn vị không đúng với nội dung hồ sơ.',
    integrator: 'CHUKYDONVI does not verify over these bytes.',
  },
  signature_unverifiable: {
    desk: 'Không kiểm được chữ ký số của đơn vị.',
    integrator: 'CHUKYDONVI is of a form that is not taken; `signature.why` says which.',
  },
  signature_absent: {
    desk: 'Hồ sơ chưa ký số (bắt buộc từ 01/01/2026).',
    integrator: 'CHUKYDONVI is empty or missing (NĐ 188/2025 Đ69 k9: signed from 1 January 2026).',
  },
  check_code_not_genuine: {
    desk: 'Mã xác nhận tra cứu không đúng hoặc không phải của cơ sở.',
    integrator: 'No check of your facility has this code.',
  },
  check_code_other_person: {
    desk: 'Mã xác nhận tra cứu là của người khác.',
    integrator: 'The check is of your facility, and not of the person whom the dossier names.',
  },
  check_missing: {
    desk: 'Hồ sơ không kèm mã xác nhận tra cứu thẻ và không nêu lý do.',
    integrator: 'Quote `checkCodes`, or say `noCheckReason`.',
  },
}
