import { createHash } from 'node:crypto'
import { addDays, type IsoDate } from '../../src/calendar.ts'
import type { Person } from '../province/person.ts'

/** A row of a table: fields in the standard's order. */
export type Row = Record<string, string>
/** Tables of one visit, as they go into a file. */
export type Tables = Record<string, Row[]>

export interface VisitOf {
  readonly facility: string
  /** MA_LK. */
  readonly visitId: string
  /** Its last day. */
  readonly day: IsoDate
  /** Two with one number are the same visit. */
  readonly seed: string
  readonly hiv?: boolean
}

/** A made-up visit of somebody of the province, by the standard and with sums that agree: some lines of drugs and services. */
export function claimTables(person: Person, visit: VisitOf): Tables {
  const draw = dice(`${visit.seed}/${visit.visitId}`)
  const inpatient = draw(10) < 2
  const days = inpatient ? 1 + draw(8) : 0
  const from = compact(addDays(visit.day, -days))
  const to = compact(visit.day)
  const arrival = `${from}0${7 + draw(2)}${digits(draw(60), 2)}`
  const end = `${to}${15 + draw(2)}${digits(draw(60), 2)}`
  const level = Number(person.coverages[0]?.cardNumber[2] ?? 4)
  const rate = level === 4 ? 80n : level === 3 ? 95n : 100n
  const drugs = Array.from({ length: 1 + draw(6) }, (_, n) => drugLine(visit, n, draw, rate, arrival))
  const services = Array.from({ length: 1 + draw(8) }, (_, n) => serviceLine(visit, n, draw, rate, arrival))
  const lines = [...drugs, ...services]
  const sum = (field: string) => money(lines.reduce((so, line) => so + cents(line[field] ?? ''), 0n))
  const coverage = person.coverages[0]
  const summary: Row = {
    ...who(person, visit),
    NHOM_MAU: '',
    MA_QUOCTICH: '000',
    MA_DANTOC: '01',
    MA_NGHE_NGHIEP: '00',
    DIA_CHI: person.address,
    MATINH_CU_TRU: '38',
    MAHUYEN_CU_TRU: '',
    MAXA_CU_TRU: '14758',
    DIEN_THOAI: '',
    MA_THE_BHYT: coverage?.cardNumber ?? '',
    MA_DKBD: coverage?.registeredFacility ?? '',
    GT_THE_TU: compact(coverage?.validFrom ?? ''),
    GT_THE_DEN: compact(coverage?.validTo ?? ''),
    NGAY_MIEN_CCT: '',
    LY_DO_VV: 'Đau đầu, mệt mỏi',
    LY_DO_VNT: inpatient ? 'Theo dõi và điều trị' : '',
    MA_LY_DO_VNT: '',
    CHAN_DOAN_VAO: 'Tăng huyết áp vô căn',
    CHAN_DOAN_RV: 'Tăng huyết áp vô căn',
    MA_BENH_CHINH: visit.hiv === true ? 'B20' : 'I10',
    MA_BENH_KT: 'E11;K29',
    MA_BENH_YHCT: '',
    MA_PTTT_QT: '',
    MA_DOITUONG_KCB: '1.1',
    MA_NOI_DI: '',
    MA_NOI_DEN: '',
    MA_TAI_NAN: '',
    NGAY_VAO: arrival,
    NGAY_VAO_NOI_TRU: inpatient ? arrival : '',
    NGAY_RA: end,
    GIAY_CHUYEN_TUYEN: '',
    SO_NGAY_DTRI: String(days),
    PP_DIEU_TRI: 'Nội khoa',
    KET_QUA_DTRI: '2',
    MA_LOAI_RV: '1',
    GHI_CHU: '',
    NGAY_TTOAN: end,
    T_THUOC: money(drugs.reduce((so, line) => so + cents(line['THANH_TIEN_BV'] ?? ''), 0n)),
    T_VTYT: money(
      services.reduce((so, line) => so + (line['MA_VAT_TU'] === '' ? 0n : cents(line['THANH_TIEN_BV'] ?? '')), 0n),
    ),
    T_TONGCHI_BV: sum('THANH_TIEN_BV'),
    T_TONGCHI_BH: sum('THANH_TIEN_BH'),
    T_BNTT: sum('T_BNTT'),
    T_BNCCT: sum('T_BNCCT'),
    T_BHTT: sum('T_BHTT'),
    T_NGUONKHAC: '0.00',
    T_BHTT_GDV: '0.00',
    NAM_QT: to.slice(0, 4),
    THANG_QT: to.slice(4, 6),
    MA_LOAI_KCB: inpatient ? '03' : '01',
    MA_KHOA: 'K01',
    MA_CSKCB: visit.facility,
    MA_KHUVUC: '',
    CAN_NANG: '58.5',
    CAN_NANG_CON: '',
    NAM_NAM_LIEN_TUC: '',
    NGAY_TAI_KHAM: '',
    MA_HSBA: `HS-${visit.visitId}`.slice(0, 100),
    MA_TTDV: '0380000001',
    DU_PHONG: '',
  }
  return { XML1: [summary], XML2: drugs, XML3: services }
}

export function checkInTables(person: Person, visit: VisitOf): Tables {
  const to = compact(visit.day)
  const coverage = person.coverages[0]
  const row: Row = {
    ...who(person, visit),
    MA_THE_BHYT: coverage?.cardNumber ?? '',
    MA_DKBD: coverage?.registeredFacility ?? '',
    GT_THE_TU: compact(coverage?.validFrom ?? ''),
    GT_THE_DEN: compact(coverage?.validTo ?? ''),
    MA_DOITUONG_KCB: '1.1',
    NGAY_VAO: `${to}0730`,
    NGAY_VAO_NOI_TRU: '',
    LY_DO_VNT: '',
    MA_LY_DO_VNT: '',
    MA_LOAI_KCB: '01',
    MA_CSKCB: visit.facility,
    MA_DICH_VU: '02.1896',
    TEN_DICH_VU: 'Khám Nội',
    MA_THUOC: '',
    TEN_THUOC: '',
    MA_VAT_TU: '',
    TEN_VAT_TU: '',
    NGAY_YL: `${to}0745`,
    DU_PHONG: '',
  }
  return { XML0: [row] }
}

function who(person: Person, { visitId }: VisitOf): Row {
  return {
    MA_LK: visitId,
    STT: '1',
    MA_BN: `BN${digits(person.index, 8)}`,
    HO_TEN: person.fullName,
    SO_CCCD: person.citizenId,
    NGAY_SINH: `${person.dateOfBirth.replaceAll('-', '').padEnd(8, '0')}0000`,
    GIOI_TINH: person.sex === 'male' ? '1' : '2',
  }
}

const DRUGS = ['Amlodipin', 'Metformin', 'Paracetamol', 'Omeprazol', 'Losartan', 'Vitamin B1']
const SERVICES = [
  'Khám Nội',
  'Tổng phân tích tế bào máu',
  'Siêu âm ổ bụng',
  'Chụp X-quang ngực thẳng',
  'Điện tim thường',
]

type Draw = (below: number) => number

function drugLine({ visitId, hiv }: VisitOf, n: number, draw: Draw, rate: bigint, at: string): Row {
  const name = hiv === true && n === 0 ? 'Dolutegravir' : (DRUGS[draw(DRUGS.length)] ?? '')
  const quantity = `${1 + draw(60)}.${digits(draw(100), 2)}`
  const price = `${200 + draw(90_000)}.${digits(draw(1_000), 3)}`
  return {
    MA_LK: visitId,
    STT: String(n + 1),
    MA_THUOC: `40.${draw(1_000)}`,
    MA_PP_CHEBIEN: '',
    MA_CSKCB_THUOC: '',
    MA_NHOM: '4',
    TEN_THUOC: name,
    DON_VI_TINH: 'Viên',
    HAM_LUONG: '5mg',
    DUONG_DUNG: '1.01',
    DANG_BAO_CHE: 'Viên nén',
    LIEU_DUNG: '1 viên/lần * 2 lần/ngày',
    CACH_DUNG: 'Uống sau ăn',
    SO_DANG_KY: `VD-${digits(draw(99_999), 5)}-24`,
    TT_THAU: '2026;G1;N4',
    PHAM_VI: '1',
    TYLE_TT_BH: '100',
    SO_LUONG: quantity,
    DON_GIA: price,
    ...amounts(times(quantity, price), rate),
    MA_KHOA: 'K01',
    MA_BAC_SI: '0380000001',
    MA_DICH_VU: '',
    NGAY_YL: at,
    NGAY_TH_YL: at,
    MA_PTTT: '0',
    NGUON_CTRA: '1',
    VET_THUONG_TP: '',
    DU_PHONG: '',
  }
}

function serviceLine({ visitId }: VisitOf, n: number, draw: Draw, rate: bigint, at: string): Row {
  const quantity = String(1 + draw(2))
  const price = `${30_000 + 100 * draw(9_000)}`
  const paid = amounts(times(quantity, price), rate)
  const { THANH_TIEN_BV, THANH_TIEN_BH, MUC_HUONG, T_BNTT, T_BNCCT, T_BHTT, ...others } = paid
  return {
    MA_LK: visitId,
    STT: String(n + 1),
    MA_DICH_VU: `02.${digits(1_000 + draw(8_000), 4)}`,
    MA_PTTT_QT: '',
    // the third line of a longer visit is a supply of its service
    MA_VAT_TU: n === 2 ? 'N03.01.010' : '',
    MA_NHOM: n === 2 ? '10' : '1',
    GOI_VTYT: '',
    TEN_VAT_TU: n === 2 ? 'Bơm tiêm 5ml' : '',
    TEN_DICH_VU: SERVICES[draw(SERVICES.length)] ?? '',
    MA_XANG_DAU: '',
    DON_VI_TINH: 'Lần',
    PHAM_VI: '1',
    SO_LUONG: quantity,
    DON_GIA_BV: price,
    DON_GIA_BH: price,
    TT_THAU: '',
    TYLE_TT_DV: '100',
    TYLE_TT_BH: '100',
    THANH_TIEN_BV: THANH_TIEN_BV ?? '',
    THANH_TIEN_BH: THANH_TIEN_BH ?? '',
    T_TRANTT: '',
    MUC_HUONG: MUC_HUONG ?? '',
    ...others,
    T_BNTT: T_BNTT ?? '',
    T_BNCCT: T_BNCCT ?? '',
    T_BHTT: T_BHTT ?? '',
    MA_KHOA: 'K01',
    MA_GIUONG: '',
    MA_BAC_SI: '0380000001',
    NGUOI_THUC_HIEN: '0380000002',
    MA_BENH: 'I10',
    MA_BENH_YHCT: '',
    NGAY_YL: at,
    NGAY_TH_YL: at,
    NGAY_KQ: at,
    MA_PTTT: '0',
    VET_THUONG_TP: '',
    PP_VO_CAM: '',
    VI_TRI_TH_DVKT: '',
    MA_MAY: '',
    MA_HIEU_SP: '',
    TAI_SU_DUNG: '',
    DU_PHONG: '',
  }
}

function amounts(total: bigint, rate: bigint): Row {
  const insured = (total * rate) / 100n
  return {
    THANH_TIEN_BV: money(total),
    THANH_TIEN_BH: money(total),
    T_NGUONKHAC_NSNN: '0',
    T_NGUONKHAC_VTNN: '0',
    T_NGUONKHAC_VTTN: '0',
    T_NGUONKHAC_CL: '0',
    T_NGUONKHAC: '0',
    MUC_HUONG: String(rate),
    T_BNTT: '0.00',
    T_BNCCT: money(total - insured),
    T_BHTT: money(insured),
  }
}

/** In hundredths, rounded half up. Not the service's arithmetic: two that agree check one another. */
function times(quantity: string, price: string): bigint {
  const parse = (text: string) => {
    const [whole = '', fraction = ''] = text.split('.')
    return BigInt(whole + fraction.padEnd(3, '0'))
  }
  return (parse(quantity) * parse(price) + 5_000n) / 10_000n
}

function cents(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.')
  return BigInt(whole + fraction.padEnd(2, '0'))
}

function money(hundredths: bigint): string {
  const text = String(hundredths).padStart(3, '0')
  return `${text.slice(0, -2)}.${text.slice(-2)}`
}

function compact(day: string): string {
  return day.replaceAll('-', '')
}

function digits(n: number, length: number): string {
  return String(n).padStart(length, '0')
}

function dice(seed: string): Draw {
  let state = createHash('sha256').update(seed).digest()
  let at = 0
  return (below) => {
    if (at + 4 > state.length) {
      state = createHash('sha256').update(state).digest()
      at = 0
    }
    const drawn = state.readUInt32BE(at)
    at += 4
    return drawn % below
  }
}
