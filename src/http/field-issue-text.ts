import type { FieldIssue } from '../errors.ts'

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
  consent_future: {
    desk: 'Thời điểm người bệnh đồng ý ở tương lai: kiểm tra đồng hồ máy.',
    integrator: 'The consent lies in the future: check the clock.',
  },
  consent_old: {
    desk: 'Sự đồng ý đã quá 24 giờ: hỏi lại người bệnh, hoặc kiểm tra không cần hỏi cơ sở dữ liệu dân cư.',
    integrator: 'The consent is more than 24 hours old: ask the person again, or leave `registryConsent` out.',
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
  mrz_too_long: {
    desk: 'Dòng MRZ quá dài: quét lại.',
    integrator: 'The text is longer than 256 characters: two scans in one?',
  },
  mrz_characters: {
    desk: 'Dòng MRZ có ký tự lạ: quét lại.',
    integrator: 'A machine-readable zone has A–Z, 0–9 and `<` only.',
  },
  mrz_length: {
    desk: 'Dòng MRZ thiếu hoặc thừa ký tự: quét lại đủ ba dòng.',
    integrator: 'The zone of a chip ID is three lines of 30 characters (ICAO 9303-5, TD1); fillers `<` count.',
  },
  mrz_not_chip_id: {
    desk: 'Đây không phải MRZ của thẻ căn cước.',
    integrator: 'The zone is not that of a Vietnamese chip ID: it begins with `IDVNM`.',
  },
  mrz_layout: {
    desk: 'Dòng MRZ bị đọc sai: quét lại.',
    integrator: 'Fillers, sex or nationality are not where a Vietnamese chip ID has them: a misread character.',
  },
  mrz_check_document_number: {
    desk: 'Số thẻ trên MRZ sai số kiểm tra: quét lại.',
    integrator: 'The check digit of the document number fails: a misread character.',
  },
  mrz_check_personal_number: {
    desk: 'Số định danh trên MRZ sai số kiểm tra: quét lại.',
    integrator: 'The check digit of the personal number (optional data) fails: a misread character.',
  },
  mrz_check_birth_date: {
    desk: 'Ngày sinh trên MRZ sai số kiểm tra: quét lại.',
    integrator: 'The check digit of the birth date fails: a misread character.',
  },
  mrz_check_expiry: {
    desk: 'Ngày hết hạn trên MRZ sai số kiểm tra: quét lại.',
    integrator: 'The check digit of the expiry date fails: a misread character.',
  },
  mrz_check_composite: {
    desk: 'Số kiểm tra chung của MRZ sai: quét lại.',
    integrator: 'The composite check digit fails: it was misread, or two misreads hide one another.',
  },
  mrz_numbers_differ: {
    desk: 'Hai số trên MRZ không khớp nhau: quét lại.',
    integrator: 'The document number is not the last nine digits of the personal number.',
  },
  mrz_expiry_impossible: {
    desk: 'Ngày hết hạn trên MRZ không có trong lịch: quét lại.',
    integrator: 'The expiry date does not exist in the calendar.',
  },
  mrz_name: {
    desk: 'Họ tên trên MRZ bị đọc sai: quét lại.',
    integrator: 'Line 3 is not a surname and given names in A–Z with fillers between and behind.',
  },
}
