import { type IsoDate, isoDate } from '../calendar.ts'
import { type CitizenId, describeCitizenId } from './citizen-id.ts'

/**
 * Provinces by their two-digit codes, as they were called on a day. The number keeps the code of birth registration for
 * life (NĐ 137/2015 Đ13), while since the mergers 15, 24, 44, 52, 80, 82 and 91 are other provinces than they were. (That
 * 82 and 91 are among them follows from the two lists below: Tiền Giang's code is Đồng Tháp's now, Kiên Giang's An Giang's.)
 * A few communes of 82 went to 80 instead: whoever was born in one is told the province of the rest.
 */
interface Era {
  readonly from: IsoDate | null
  readonly basis: string
  readonly names: ReadonlyMap<string, string>
}

const MERGERS = isoDate('2025-07-01')
/** Any day before: what the codes in numbers stand for, whenever a number was given. */
const NUMBERS_SAY = isoDate('2025-06-30')

const ERAS: readonly Era[] = [
  {
    from: MERGERS,
    basis: 'QĐ 19/2025/QĐ-TTg: 34 provinces',
    names: read(
      '01 Hà Nội · 04 Cao Bằng · 08 Tuyên Quang · 11 Điện Biên · 12 Lai Châu · 14 Sơn La · 15 Lào Cai · 19 Thái Nguyên · ' +
        '20 Lạng Sơn · 22 Quảng Ninh · 24 Bắc Ninh · 25 Phú Thọ · 31 Hải Phòng · 33 Hưng Yên · 37 Ninh Bình · ' +
        '38 Thanh Hóa · 40 Nghệ An · 42 Hà Tĩnh · 44 Quảng Trị · 46 Huế · 48 Đà Nẵng · 51 Quảng Ngãi · 52 Gia Lai · ' +
        '56 Khánh Hòa · 66 Đắk Lắk · 68 Lâm Đồng · 75 Đồng Nai · 79 Thành phố Hồ Chí Minh · 80 Tây Ninh · 82 Đồng Tháp · ' +
        '86 Vĩnh Long · 91 An Giang · 92 Cần Thơ · 96 Cà Mau',
    ),
  },
  {
    from: null,
    basis: 'TT 59/2021/TT-BCA Đ4: the 63 provinces that numbers are given by',
    names: read(
      '01 Hà Nội · 02 Hà Giang · 04 Cao Bằng · 06 Bắc Kạn · 08 Tuyên Quang · 10 Lào Cai · 11 Điện Biên · 12 Lai Châu · ' +
        '14 Sơn La · 15 Yên Bái · 17 Hòa Bình · 19 Thái Nguyên · 20 Lạng Sơn · 22 Quảng Ninh · 24 Bắc Giang · ' +
        '25 Phú Thọ · 26 Vĩnh Phúc · 27 Bắc Ninh · 30 Hải Dương · 31 Hải Phòng · 33 Hưng Yên · 34 Thái Bình · 35 Hà Nam · ' +
        '36 Nam Định · 37 Ninh Bình · 38 Thanh Hóa · 40 Nghệ An · 42 Hà Tĩnh · 44 Quảng Bình · 45 Quảng Trị · ' +
        '46 Thừa Thiên Huế · 48 Đà Nẵng · 49 Quảng Nam · 51 Quảng Ngãi · 52 Bình Định · 54 Phú Yên · 56 Khánh Hòa · ' +
        '58 Ninh Thuận · 60 Bình Thuận · 62 Kon Tum · 64 Gia Lai · 66 Đắk Lắk · 67 Đắk Nông · 68 Lâm Đồng · ' +
        '70 Bình Phước · 72 Tây Ninh · 74 Bình Dương · 75 Đồng Nai · 77 Bà Rịa - Vũng Tàu · ' +
        '79 Thành phố Hồ Chí Minh · 80 Long An · 82 Tiền Giang · 83 Bến Tre · 84 Trà Vinh · 86 Vĩnh Long · ' +
        '87 Đồng Tháp · 89 An Giang · 91 Kiên Giang · 92 Cần Thơ · 93 Hậu Giang · 94 Sóc Trăng · 95 Bạc Liêu · 96 Cà Mau',
    ),
  },
]

/** QĐ 19/2025/QĐ-TTg: where the others went; whoever is not named kept the code. */
const MERGED_INTO: ReadonlyMap<string, string> = read(
  '02 08 · 06 19 · 10 15 · 17 25 · 26 25 · 27 24 · 30 31 · 34 33 · 35 37 · 36 37 · 45 44 · 49 48 · 54 66 · 58 56 · 60 68 · ' +
    '62 51 · 64 52 · 67 68 · 70 75 · 72 80 · 74 79 · 77 79 · 83 86 · 84 86 · 87 82 · 89 91 · 93 92 · 94 92 · 95 96',
)

/** The province that had this two-digit code on a day; null where none had. */
export function provinceOn(code: string, day: IsoDate): string | null {
  return ERAS.find(({ from }) => from === null || day >= from)?.names.get(code) ?? null
}

/** The two-digit code of birth registration; null where that was abroad (three digits from 100 up). */
export function birthProvinceCode(id: CitizenId): string | null {
  const { provinceCode } = describeCitizenId(id)
  return provinceCode.startsWith('0') ? provinceCode.slice(1) : null
}

/** As people know it on that day: `Bình Định`, and since the mergers `Bình Định (nay thuộc Gia Lai)`. */
export function birthProvinceOn(code: string, day: IsoDate): string | null {
  const then = provinceOn(code, NUMBERS_SAY)
  if (then === null || day < MERGERS) return then
  const now = provinceOn(MERGED_INTO.get(code) ?? code, day) ?? then
  return now === then ? now : `${then} (nay thuộc ${now})`
}

function read(rows: string): ReadonlyMap<string, string> {
  return new Map(rows.split(' · ').map((row) => [row.slice(0, 2), row.slice(3)]))
}
