import { PAPER_CODES, XML4, XML5, XML6, XML7, XML8, XML9, XML10, XML11, XML13, XML14, XML15 } from './paper-tables.ts'
import { readFields, type TableSpec } from './table.ts'

/**
 * The tables of QĐ 130/QĐ-BYT as QĐ 4750 and QĐ 3176 changed them. How sure each part is:
 * XML0 and XML1: names, types and lengths of the decision (high). XML2 and XML3: names in the portal's order (high),
 * lengths as two published client programs have them (medium). Which fields must not be empty: a published list of the
 * decision's annex (medium). XML4–XML15: `paper-tables.ts`. Element names and nesting: the portal's own guide and four client
 * programs that agree (high). XML12 is typed on the portal and travels in no dossier (QĐ 130 Đ3 k3).
 */

/** Of QĐ 130's annex unless said otherwise; medium. */
const CODES = {
  GIOI_TINH: ['1', '2', '3'],
  // QĐ 1804/QĐ-BYT has 11–16 (by 1 August 2026)
  MA_LOAI_KCB: Array.from({ length: 16 }, (_, n) => String(n + 1).padStart(2, '0')),
  KET_QUA_DTRI: ['1', '2', '3', '4', '5', '6', '7'],
  // 2 and 5 are transfers
  MA_LOAI_RV: ['1', '2', '3', '4', '5'],
  MA_KHUVUC: ['K1', 'K2', 'K3'],
  THANG_QT: Array.from({ length: 12 }, (_, n) => [String(n + 1), String(n + 1).padStart(2, '0')]).flat(),
  PHAM_VI: ['1', '2', '3'],
  // 0 by fee, 1 capitation, 2 outside it, 3 by diagnosis group
  MA_PTTT: ['0', '1', '2', '3'],
  NGUON_CTRA: ['1', '2', '3', '4'],
  VET_THUONG_TP: ['0', '1'],
  TAI_SU_DUNG: ['0', '1'],
}

const XML0 = `
  MA_LK:S100! STT:N10! MA_BN:S100! HO_TEN:S255! SO_CCCD:Sn NGAY_SINH:B12! GIOI_TINH:N1! MA_THE_BHYT:C15 MA_DKBD:F5
  GT_THE_TU:D8 GT_THE_DEN:D8 MA_DOITUONG_KCB:S4! NGAY_VAO:T12! NGAY_VAO_NOI_TRU:T12? LY_DO_VNT:Sn? MA_LY_DO_VNT:S5?
  MA_LOAI_KCB:S2! MA_CSKCB:F5! MA_DICH_VU:S50 TEN_DICH_VU:S1024 MA_THUOC:S255? TEN_THUOC:S1024? MA_VAT_TU:S255?
  TEN_VAT_TU:S1024? NGAY_YL:T12! DU_PHONG:Sn`

const XML1 = `
  MA_LK:S100! STT:N10! MA_BN:S100! HO_TEN:S255! SO_CCCD:Sn NGAY_SINH:B12! GIOI_TINH:N1! NHOM_MAU:S5? MA_QUOCTICH:S3!
  MA_DANTOC:S2! MA_NGHE_NGHIEP:S2! DIA_CHI:S1024! MATINH_CU_TRU:S3! MAHUYEN_CU_TRU:S3 MAXA_CU_TRU:S5 DIEN_THOAI:S15
  MA_THE_BHYT:Cn; MA_DKBD:Fn; GT_THE_TU:Dn; GT_THE_DEN:Dn; NGAY_MIEN_CCT:T12 LY_DO_VV:Sn! LY_DO_VNT:Sn MA_LY_DO_VNT:S5
  CHAN_DOAN_VAO:Sn! CHAN_DOAN_RV:Sn! MA_BENH_CHINH:S7! MA_BENH_KT:S100 MA_BENH_YHCT:S150 MA_PTTT_QT:S125
  MA_DOITUONG_KCB:S4! MA_NOI_DI:F5 MA_NOI_DEN:F5 MA_TAI_NAN:N1 NGAY_VAO:T12! NGAY_VAO_NOI_TRU:T12 NGAY_RA:T12!
  GIAY_CHUYEN_TUYEN:S50 SO_NGAY_DTRI:N3! PP_DIEU_TRI:Sn KET_QUA_DTRI:N1! MA_LOAI_RV:N1! GHI_CHU:Sn NGAY_TTOAN:T12
  T_THUOC:N15! T_VTYT:N15! T_TONGCHI_BV:N15! T_TONGCHI_BH:N15! T_BNTT:N15! T_BNCCT:N15! T_BHTT:N15! T_NGUONKHAC:N15!
  T_BHTT_GDV:N15 NAM_QT:N4! THANG_QT:N2! MA_LOAI_KCB:S2! MA_KHOA:S50! MA_CSKCB:F5! MA_KHUVUC:S2 CAN_NANG:S6
  CAN_NANG_CON:S100 NAM_NAM_LIEN_TUC:D8 NGAY_TAI_KHAM:D50; MA_HSBA:S100 MA_TTDV:S255 DU_PHONG:Sn`

const XML2 = `
  MA_LK:S100! STT:N10! MA_THUOC:S255! MA_PP_CHEBIEN:S255 MA_CSKCB_THUOC:S10 MA_NHOM:N2! TEN_THUOC:S1024! DON_VI_TINH:S50!
  HAM_LUONG:S1024 DUONG_DUNG:S4 DANG_BAO_CHE:S1024 LIEU_DUNG:S1024 CACH_DUNG:S1024 SO_DANG_KY:S255 TT_THAU:S50 PHAM_VI:N1!
  TYLE_TT_BH:N3! SO_LUONG:N10! DON_GIA:N15! THANH_TIEN_BV:N15! THANH_TIEN_BH:N15! T_NGUONKHAC_NSNN:N15
  T_NGUONKHAC_VTNN:N15 T_NGUONKHAC_VTTN:N15 T_NGUONKHAC_CL:N15 T_NGUONKHAC:N15 MUC_HUONG:N3! T_BNTT:N15! T_BNCCT:N15!
  T_BHTT:N15! MA_KHOA:S50! MA_BAC_SI:S255! MA_DICH_VU:S255 NGAY_YL:T12! NGAY_TH_YL:T12? MA_PTTT:N1 NGUON_CTRA:N1
  VET_THUONG_TP:N1 DU_PHONG:Sn`

const XML3 = `
  MA_LK:S100! STT:N10! MA_DICH_VU:S50 MA_PTTT_QT:S255 MA_VAT_TU:S255 MA_NHOM:N2! GOI_VTYT:S3 TEN_VAT_TU:S1024
  TEN_DICH_VU:S1024 MA_XANG_DAU:S20 DON_VI_TINH:S50 PHAM_VI:N1! SO_LUONG:N10! DON_GIA_BV:N15! DON_GIA_BH:N15! TT_THAU:S255
  TYLE_TT_DV:N3! TYLE_TT_BH:N3! THANH_TIEN_BV:N15! THANH_TIEN_BH:N15! T_TRANTT:N15 MUC_HUONG:N3! T_NGUONKHAC_NSNN:N15
  T_NGUONKHAC_VTNN:N15 T_NGUONKHAC_VTTN:N15 T_NGUONKHAC_CL:N15 T_NGUONKHAC:N15 T_BNTT:N15! T_BNCCT:N15! T_BHTT:N15!
  MA_KHOA:S50! MA_GIUONG:S50 MA_BAC_SI:S255! NGUOI_THUC_HIEN:S255 MA_BENH:S100 MA_BENH_YHCT:S150 NGAY_YL:T12!
  NGAY_TH_YL:T12 NGAY_KQ:T12 MA_PTTT:N1 VET_THUONG_TP:N1 PP_VO_CAM:N1 VI_TRI_TH_DVKT:N3 MA_MAY:S1024 MA_HIEU_SP:S255
  TAI_SU_DUNG:N1 DU_PHONG:Sn`

function table(name: string, path: string, fields: string): TableSpec {
  const steps = path.split('/')
  const codes = { ...CODES, ...PAPER_CODES[name] }
  return { name, path: steps, single: steps.length === 1, fields: readFields(fields, codes) }
}

const HIV = 'HO_SO_BENH_AN_CHAM_SOC_VA_DIEU_TRI_HIV_AIDS'
const TABLES: readonly TableSpec[] = [
  table('XML0', 'CHI_TIEU_TRANG_THAI_KCB/DSACH_TRANG_THAI_KCB/TRANG_THAI_KCB', XML0),
  table('XML1', 'TONG_HOP', XML1),
  table('XML2', 'CHITIEU_CHITIET_THUOC/DSACH_CHI_TIET_THUOC/CHI_TIET_THUOC', XML2),
  table('XML3', 'CHITIEU_CHITIET_DVKT_VTYT/DSACH_CHI_TIET_DVKT/CHI_TIET_DVKT', XML3),
  table('XML4', 'CHITIEU_CHITIET_DICHVUCANLAMSANG/DSACH_CHI_TIET_CLS/CHI_TIET_CLS', XML4),
  table('XML5', 'CHITIEU_CHITIET_DIENBIENLAMSANG/DSACH_CHI_TIET_DIEN_BIEN_BENH/CHI_TIET_DIEN_BIEN_BENH', XML5),
  table('XML6', `CHI_TIEU_${HIV}/DSACH_${HIV}/${HIV}`, XML6),
  table('XML7', 'CHI_TIEU_DU_LIEU_GIAY_RA_VIEN', XML7),
  table('XML8', 'CHI_TIEU_DU_LIEU_TOM_TAT_HO_SO_BENH_AN', XML8),
  table('XML9', 'CHI_TIEU_DU_LIEU_GIAY_CHUNG_SINH/DSACH_GIAYCHUNGSINH/DU_LIEU_GIAY_CHUNG_SINH', XML9),
  table('XML10', 'CHI_TIEU_DU_LIEU_GIAY_NGHI_DUONG_THAI', XML10),
  table('XML11', 'CHI_TIEU_DU_LIEU_GIAY_CHUNG_NHAN_NGHI_VIEC_HUONG_BAO_HIEM_XA_HOI', XML11),
  table('XML13', 'CHI_TIEU_GIAYCHUYENTUYEN', XML13),
  table('XML14', 'CHI_TIEU_GIAYHEN_KHAMLAI', XML14),
  table('XML15', 'CHI_TIEU_DIEUTRI_BENHLAO/DSACH_CHITIET_DIEUTRI_BENHLAO/CHITIET_DIEUTRI_BENHLAO', XML15),
]

export type StandardName = 'QD4750' | 'QD3176' | 'QD1931'

export interface Standard {
  readonly name: StandardName
  /** Visits that end on this day or later, `yyyyMMdd`. */
  readonly from: string
  readonly tables: ReadonlyMap<string, TableSpec>
}

/** What a decision says otherwise than the tables above. */
function changed(name: StandardName, from: string, change: (tables: TableSpec) => TableSpec): Standard {
  return { name, from, tables: new Map(TABLES.map((each) => [each.name, change(each)])) }
}

/**
 * In force by the day the visit ends: a dossier that is made again keeps the standard of its visit. QĐ 4750 lacks what later
 * decisions added (`?`); QĐ 1931 of 29 June 2026 gives MUC_HUONG a fourth character (47.5).
 */
export const STANDARDS: readonly Standard[] = [
  changed('QD4750', '', (each) => each),
  changed('QD3176', '20250101', withoutLater),
  changed('QD1931', '20260701', (each) => widened(withoutLater(each), 'MUC_HUONG', 4)),
]

function withoutLater(spec: TableSpec): TableSpec {
  return { ...spec, fields: spec.fields.map((field) => ({ ...field, later: false })) }
}

function widened(spec: TableSpec, name: string, lengthMax: number): TableSpec {
  const fields = spec.fields.map((field) => (field.name === name ? { ...field, lengthMax } : field))
  return { ...spec, fields }
}

/** `day`: `yyyyMMdd`. */
export function standardOn(day: string): Standard {
  const standard = STANDARDS.findLast(({ from }) => from <= day)
  if (standard === undefined) throw new Error('the first standard holds from the beginning')
  return standard
}

/**
 * MA_DOITUONG_KCB. Old: QĐ 824/2023. New: QĐ 3276/QĐ-BYT of 17 October 2025, by which dossiers from 1 July 2025 on could be
 * sent again: visits in between have either.
 */
const OLD_ROUTES = new Set(
  '1.1 1.2 1.3 1.4 1.5 1.7 1.8 1.9 1.10 2 3.1 3.2 3.3 3.4 3.5 3.6 3.7 7 7.1 7.2 7.3 7.4 7.5 7.6 7.7 7.8 7.9 8 9'.split(
    ' ',
  ),
)
const NEW_ROUTES = new Set(
  '1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.11 1.12 1.13 1.14 1.15 1.16 1.17 1.18 2 3.1 3.2 3.3 3.6 7 7.2 7.3 7.4 8 9 10'.split(
    ' ',
  ),
)

export function isRoute(code: string, day: string): boolean {
  return (day < '20251017' && OLD_ROUTES.has(code)) || (day >= '20250701' && NEW_ROUTES.has(code))
}
