import { addDays } from '../../src/calendar.ts'
import type { Person } from '../province/person.ts'
import type { Row, Tables, VisitOf } from './visit.ts'

/**
 * XML4–XML15 of a made-up visit, whole: results, notes and all papers that there are, though no visit has all of them. What a
 * visit's own summary (XML1) says is said again here.
 */
export function paperTables(someone: Person, visit: VisitOf, summary: Row): Tables {
  const day = (offset: number) => addDays(visit.day, offset).replaceAll('-', '')
  const said = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [name, summary[name] ?? '']))
  const stay = said('NGAY_VAO', 'NGAY_VAO_NOI_TRU', 'NGAY_RA')
  const { NGAY_VAO_NOI_TRU: _, ...times } = stay
  const id = { MA_LK: visit.visitId }
  const signer = { MA_TTDV: '0380000001' }
  const words = { CHAN_DOAN_RV: summary['CHAN_DOAN_RV'] ?? '', PP_DIEUTRI: 'Nội khoa' }
  const illness = said('MA_BENH_CHINH', 'MA_BENH_KT', 'MA_BENH_YHCT')
  const lines = (make: (n: number) => Row) => [1, 2, 3].map((n) => make(n))
  return {
    XML4: lines((n) =>
      row('MA_LK STT MA_DICH_VU MA_CHI_SO TEN_CHI_SO GIA_TRI DON_VI_DO MO_TA KET_LUAN NGAY_KQ MA_BS_DOC_KQ DU_PHONG', {
        ...{ ...id, STT: String(n), MA_DICH_VU: '22.0120.1370', MA_CHI_SO: `H0${n}`, TEN_CHI_SO: 'Huyết sắc tố' },
        ...{ GIA_TRI: '130', DON_VI_DO: 'g/L', NGAY_KQ: times['NGAY_RA'] ?? '', MA_BS_DOC_KQ: '0380000002' },
      }),
    ),
    XML5: lines((n) =>
      row('MA_LK STT DIEN_BIEN_LS GIAI_DOAN_BENH HOI_CHAN PHAU_THUAT THOI_DIEM_DBLS NGUOI_THUC_HIEN DU_PHONG', {
        ...{ ...id, STT: String(n), DIEN_BIEN_LS: 'Tỉnh, tiếp xúc tốt', THOI_DIEM_DBLS: times['NGAY_VAO'] ?? '' },
        NGUOI_THUC_HIEN: '0380000001;0380000002',
      }),
    ),
    XML6: [
      row(HIV, {
        ...{ ...id, ...who(someone, summary), NGAYKD_HIV: '20200301', BDDT_ARV: '20200401', MA_LOAI_BN: '1' },
        ...{ MA_PHAC_DO_DIEU_TRI: 'P1', NGAY_BAT_DAU_XU_TRI: day(-30), NGAY_KET_THUC_XU_TRI: day(0) },
        ...{ MA_XU_TRI: '1;4', SO_NGAY_CAP_THUOC_ARV: '30', MA_CSKCB: visit.facility },
      }),
    ],
    XML7: [
      row(LEAVING, {
        ...{ ...id, ...times, ...words, ...signer, SO_LUU_TRU: 'LT-1', MA_KHOA_RV: 'K01', MA_DINH_CHI_THAI: '0' },
        ...{
          TEN_BS: 'Lê Thị Bác Sĩ',
          NGAY_CT: day(0),
          NGOAITRU_TUNGAY: day(1),
          NGOAITRU_DENNGAY: day(5),
          SO_NGAY_NGHI: '5',
        },
      }),
    ],
    XML8: [
      row(RECORD, {
        ...{ ...id, ...times, ...words, ...signer, MA_LOAI_KCB: '03', KET_QUA_DTRI: '2', NGAY_CT: day(0) },
        CHAN_DOAN_VAO: 'Tăng huyết áp vô căn',
      }),
    ],
    XML9: lines((n) =>
      row(BIRTH, {
        ...{ ...id, ...signer, HO_TEN_NND: someone.fullName, SO_CCCD_NND: someone.citizenId, MA_DANTOC_NND: '01' },
        ...{
          MA_QUOCTICH: '000',
          MATINH_CU_TRU: '38',
          GIOI_TINH_CON: '2',
          SO_CON: '3',
          LAN_SINH: '1',
          SO_CON_SONG: '3',
        },
        ...{ CAN_NANG_CON: String(2_000 + n), NGAY_SINH_CON: times['NGAY_VAO'] ?? '', SINHCON_PHAUTHUAT: '0' },
        ...{ SINHCON_DUOI32TUAN: '0', NGAY_CT: day(0), SO: String(n), NGAYCAP_CCCD_NND: '20210531' },
      }),
    ),
    XML10: [
      row(PREGNANCY, {
        ...{ ...id, ...signer, SO_NGAY: '7', CHAN_DOAN_RV: 'Dưỡng thai', TU_NGAY: day(0), DEN_NGAY: day(6) },
        NGAY_CT: day(0),
      }),
    ],
    XML11: [
      row(LEAVE, {
        ...{ ...id, ...words, ...signer, ...said('MA_THE_BHYT'), MA_DINH_CHI_THAI: '0', SO_NGAY_NGHI: '3' },
        ...{ TU_NGAY: day(0), DEN_NGAY: day(2), NGAY_CT: day(0), MAU_SO: 'CT07', MA_BHXH: someone.insuranceNumber },
      }),
    ],
    XML13: [
      row(TRANSFER, {
        ...{ ...id, ...who(someone, summary), ...stay, ...words, ...illness, ...signer, MA_CSKCB: visit.facility },
        ...{ SO_HOSO: 'HS-1', SO_CHUYENTUYEN: 'CT-1', GIAY_CHUYEN_TUYEN: 'GCT-1', MA_NOI_DI: visit.facility },
        ...{ MA_NOI_DEN: '38001', HO_TEN: someone.fullName, MA_LOAI_RV: '5', MA_LYDO_CT: '1', MA_BAC_SI: '0380000001' },
        ...said('GT_THE_DEN'),
      }),
    ],
    XML14: [
      row(APPOINTMENT, {
        ...{ ...id, ...who(someone, summary), ...stay, ...illness, ...signer, MA_CSKCB: visit.facility },
        ...{ SO_GIAYHEN_KL: 'GH-1', HO_TEN: someone.fullName, NGAY_HEN_KL: `${day(14)}0800`, MA_DOITUONG_KCB: '1.1' },
        ...{ MA_BAC_SI: '0380000001', NGAY_CT: day(0), ...said('GT_THE_DEN') },
      }),
    ],
    XML15: lines((n) =>
      row(TUBERCULOSIS, {
        ...{ ...id, STT: String(n), MA_BN: summary['MA_BN'] ?? '', HO_TEN: someone.fullName, PHANLOAI_LAO_VITRI: '1' },
        ...{
          PHANLOAI_LAO_TS: '1',
          PHANLOAI_LAO_HIV: '2',
          PHANLOAI_LAO_VK: '1',
          LOAI_DTRI_LAO: '2',
          PHACDO_DTRI_LAO: '1',
        },
        ...{ NGAYBD_DTRI_LAO: day(-60), NGAYKT_DTRI_LAO: day(0), KET_QUA_DTRI_LAO: '2', MA_CSKCB: visit.facility },
      }),
    ),
  }
}

function who(someone: Person, summary: Row): Row {
  const { NGAY_SINH = '', GIOI_TINH = '', MA_THE_BHYT = '' } = summary
  return { SO_CCCD: someone.citizenId, NGAY_SINH, GIOI_TINH, DIA_CHI: someone.address, MA_THE_BHYT }
}

/** All fields in the standard's order; those that are not given are empty. */
function row(names: string, given: Row): Row {
  return Object.fromEntries(names.split(/\s+/).map((name) => [name, given[name] ?? '']))
}

const HIV = `MA_LK MA_THE_BHYT SO_CCCD NGAY_SINH GIOI_TINH DIA_CHI MATINH_CU_TRU MAHUYEN_CU_TRU MAXA_CU_TRU NGAYKD_HIV
NOI_LAY_MAU_XN NOI_XN_KD NOI_BDDT_ARV BDDT_ARV MA_PHAC_DO_DIEU_TRI_BD MA_BAC_PHAC_DO_BD MA_LYDO_DTRI LOAI_DTRI_LAO
SANG_LOC_LAO PHACDO_DTRI_LAO NGAYBD_DTRI_LAO NGAYKT_DTRI_LAO KQ_DTRI_LAO MA_LYDO_XNTL_VR NGAY_XN_TLVR KQ_XNTL_VR
NGAY_KQ_XN_TLVR MA_LOAI_BN GIAI_DOAN_LAM_SANG NHOM_DOI_TUONG MA_TINH_TRANG_DK LAN_XN_PCR NGAY_XN_PCR NGAY_KQ_XN_PCR
MA_KQ_XN_PCR NGAY_NHAN_TT_MANG_THAI NGAY_BAT_DAU_DT_CTX MA_XU_TRI NGAY_BAT_DAU_XU_TRI NGAY_KET_THUC_XU_TRI
MA_PHAC_DO_DIEU_TRI MA_BAC_PHAC_DO SO_NGAY_CAP_THUOC_ARV NGAY_CHUYEN_PHAC_DO LY_DO_CHUYEN_PHAC_DO MA_CSKCB DU_PHONG`
const LEAVING = `MA_LK SO_LUU_TRU MA_YTE MA_KHOA_RV NGAY_VAO NGAY_RA MA_DINH_CHI_THAI NGUYENNHAN_DINHCHI THOIGIAN_DINHCHI
TUOI_THAI CHAN_DOAN_RV PP_DIEUTRI GHI_CHU MA_TTDV MA_BS TEN_BS NGAY_CT MA_CHA MA_ME MA_THE_TAM HO_TEN_CHA HO_TEN_ME
SO_NGAY_NGHI NGOAITRU_TUNGAY NGOAITRU_DENNGAY DU_PHONG`
const RECORD = `MA_LK MA_LOAI_KCB HO_TEN_CHA HO_TEN_ME NGUOI_GIAM_HO DON_VI NGAY_VAO NGAY_RA CHAN_DOAN_VAO CHAN_DOAN_RV
QT_BENHLY TOMTAT_KQ PP_DIEUTRI NGAY_SINHCON NGAY_CONCHET SO_CONCHET KET_QUA_DTRI GHI_CHU MA_TTDV NGAY_CT MA_THE_TAM DU_PHONG`
const BIRTH = `MA_LK MA_BHXH_NND MA_THE_NND HO_TEN_NND NGAYSINH_NND MA_DANTOC_NND SO_CCCD_NND NGAYCAP_CCCD_NND
NOICAP_CCCD_NND NOI_CU_TRU_NND MA_QUOCTICH MATINH_CU_TRU MAHUYEN_CU_TRU MAXA_CU_TRU HO_TEN_CHA MA_THE_TAM HO_TEN_CON
GIOI_TINH_CON SO_CON LAN_SINH SO_CON_SONG CAN_NANG_CON NGAY_SINH_CON NOI_SINH_CON TINH_TRANG_CON SINHCON_PHAUTHUAT
SINHCON_DUOI32TUAN GHI_CHU NGUOI_DO_DE NGUOI_GHI_PHIEU NGAY_CT SO QUYEN_SO MA_TTDV DU_PHONG`
const PREGNANCY = `MA_LK SO_SERI SO_CT SO_NGAY DON_VI CHAN_DOAN_RV TU_NGAY DEN_NGAY MA_TTDV TEN_BS MA_BS NGAY_CT DU_PHONG`
const LEAVE = `MA_LK SO_CT SO_SERI SO_KCB DON_VI MA_BHXH MA_THE_BHYT CHAN_DOAN_RV PP_DIEUTRI MA_DINH_CHI_THAI
NGUYENNHAN_DINHCHI TUOI_THAI SO_NGAY_NGHI TU_NGAY DEN_NGAY HO_TEN_CHA HO_TEN_ME MA_TTDV MA_BS NGAY_CT MA_THE_TAM MAU_SO
DU_PHONG`
const TRANSFER = `MA_LK SO_HOSO SO_CHUYENTUYEN GIAY_CHUYEN_TUYEN MA_CSKCB MA_NOI_DI MA_NOI_DEN HO_TEN NGAY_SINH GIOI_TINH
MA_QUOCTICH MA_DANTOC MA_NGHE_NGHIEP DIA_CHI MA_THE_BHYT GT_THE_DEN NGAY_VAO NGAY_VAO_NOI_TRU NGAY_RA DAU_HIEU_LS
CHAN_DOAN_RV QT_BENHLY TOMTAT_KQ PP_DIEUTRI MA_BENH_CHINH MA_BENH_KT MA_BENH_YHCT TEN_DICH_VU TEN_THUOC MA_LOAI_RV
MA_LYDO_CT HUONG_DIEU_TRI PHUONGTIEN_VC HOTEN_NGUOI_HT CHUCDANH_NGUOI_HT MA_BAC_SI MA_TTDV DU_PHONG`
const APPOINTMENT = `MA_LK SO_GIAYHEN_KL MA_CSKCB HO_TEN NGAY_SINH GIOI_TINH DIA_CHI MA_THE_BHYT GT_THE_DEN NGAY_VAO
NGAY_VAO_NOI_TRU NGAY_RA NGAY_HEN_KL CHAN_DOAN_RV MA_BENH_CHINH MA_BENH_KT MA_BENH_YHCT MA_DOITUONG_KCB MA_BAC_SI MA_TTDV
NGAY_CT DU_PHONG`
const TUBERCULOSIS = `MA_LK STT MA_BN HO_TEN SO_CCCD PHANLOAI_LAO_VITRI PHANLOAI_LAO_TS PHANLOAI_LAO_HIV PHANLOAI_LAO_VK
PHANLOAI_LAO_KT LOAI_DTRI_LAO NGAYBD_DTRI_LAO PHACDO_DTRI_LAO NGAYKT_DTRI_LAO KET_QUA_DTRI_LAO MA_CSKCB NGAYKD_HIV BDDT_ARV
NGAY_BAT_DAU_DT_CTX DU_PHONG`
