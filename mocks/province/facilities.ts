import { COMMUNES, type Commune, DISTRICTS, type District } from './communes.ts'

/**
 * The 669 facilities of the province. No authoritative list of 38xxx codes was found (domain §6), so codes, points and
 * most names are made up; `38001` is the provincial general hospital. The mix: 4 provincial hospitals of specialised
 * care, 12 other provincial and central ones, 27 district hospitals, 15 private ones, 52 regional clinics, and 559
 * commune health stations: the stations of the old communes stay as points of care of the 166 new ones.
 */
export interface DemoFacility {
  /** MA_CSKCB: five characters, province first. */
  readonly code: string
  readonly name: string
  /** Cấp khám chữa bệnh: ban đầu, cơ bản, chuyên sâu. */
  readonly level: 'primary' | 'basic' | 'specialised'
  /** Below 70 basic, from 70 specialised; null where none is given (primary) or yet given (ranked provisionally). */
  readonly points: number | null
  /** Tuyến before 1 January 2025; still decides rates (domain §5.3). */
  readonly formerTier: 'central' | 'provincial' | 'district' | 'commune'
  readonly commune: string
  readonly kind: 'hospital' | 'specialityHospital' | 'privateHospital' | 'clinic' | 'station'
}

const STATIONS = 559
const CLINICS = 52

type Made = Omit<DemoFacility, 'code'>

const PROVINCIAL: readonly Made[] = [
  hospital('Bệnh viện đa khoa tỉnh Thanh Hóa', 'specialised', 86, 'provincial', 'Hàm Rồng', 'hospital'),
  hospital('Bệnh viện Nhi Thanh Hóa', 'specialised', 78, 'provincial', 'Quảng Phú', 'specialityHospital'),
  hospital('Bệnh viện Phụ sản Thanh Hóa', 'specialised', 76, 'provincial', 'Hạc Thành', 'specialityHospital'),
  hospital('Bệnh viện Ung bướu Thanh Hóa', 'specialised', 71, 'provincial', 'Quảng Phú', 'specialityHospital'),
  hospital('Bệnh viện đa khoa khu vực Ngọc Lặc', 'basic', 62, 'provincial', 'Ngọc Lặc', 'hospital'),
  hospital('Bệnh viện đa khoa khu vực Nghi Sơn', 'basic', 57, 'provincial', 'Tĩnh Gia', 'hospital'),
  hospital('Bệnh viện Mắt Thanh Hóa', 'basic', 54, 'provincial', 'Hạc Thành', 'specialityHospital'),
  hospital('Bệnh viện Da liễu Thanh Hóa', 'basic', 48, 'provincial', 'Quảng Phú', 'specialityHospital'),
  hospital('Bệnh viện Nội tiết Thanh Hóa', 'basic', 55, 'provincial', 'Hạc Thành', 'specialityHospital'),
  hospital('Bệnh viện Phổi Thanh Hóa', 'basic', 58, 'provincial', 'Quảng Phú', 'specialityHospital'),
  hospital('Bệnh viện Tâm thần Thanh Hóa', 'basic', 50, 'provincial', 'Đông Quang', 'specialityHospital'),
  hospital('Bệnh viện Y dược cổ truyền Thanh Hóa', 'basic', 61, 'provincial', 'Hạc Thành', 'specialityHospital'),
  hospital('Bệnh viện Phục hồi chức năng Thanh Hóa', 'basic', 44, 'provincial', 'Sầm Sơn', 'specialityHospital'),
  hospital('Bệnh viện Công an tỉnh Thanh Hóa', 'basic', null, 'provincial', 'Hạc Thành', 'hospital'),
  hospital('Bệnh viện Lao và Phổi Trung ương Quảng Phú', 'basic', 66, 'central', 'Quảng Phú', 'specialityHospital'),
  hospital('Bệnh viện Điều dưỡng Trung ương Sầm Sơn', 'basic', 52, 'central', 'Nam Sầm Sơn', 'specialityHospital'),
]

const PRIVATE_NAMES: readonly (readonly [name: string, commune: string])[] = [
  ['An Phúc', 'Hạc Thành'],
  ['Hoa Phượng', 'Hạc Thành'],
  ['Tâm Việt', 'Quảng Phú'],
  ['Minh Khang', 'Hàm Rồng'],
  ['Sông Mã', 'Nguyệt Viên'],
  ['Đông Sơn', 'Đông Sơn'],
  ['Biển Xanh', 'Sầm Sơn'],
  ['Bình Minh Bỉm Sơn', 'Bỉm Sơn'],
  ['Hải Hà', 'Tĩnh Gia'],
  ['Lam Kinh', 'Lam Sơn'],
  ['Hậu Lộc An Sinh', 'Hậu Lộc'],
  ['Thiện Nhân', 'Hoằng Hóa'],
  ['Phúc Lâm', 'Triệu Sơn'],
  ['Tây Đô', 'Vĩnh Lộc'],
  ['Hồng Ân Quảng Xương', 'Lưu Vệ'],
]

let made: readonly DemoFacility[] | undefined

export function facilities(): readonly DemoFacility[] {
  made ??= [
    ...PROVINCIAL.map((each, i) => ({ code: code(1 + i), ...each })),
    ...DISTRICTS.map((each, i) => ({ code: code(20 + i), ...districtHospital(each, i) })),
    // Letters occur in codes given since the digits of a province ran low (`01C54`): nobody may parse them as a number.
    ...PRIVATE_NAMES.map(([name, commune], i) => ({
      code: `38C${pad(1 + i, 2)}`,
      ...privateHospital(name, commune, i),
    })),
    ...Array.from({ length: CLINICS }, (_, i) => ({ code: code(60 + i), ...clinic(i) })),
    ...stations().map((each, i) => ({ code: code(201 + i), ...each })),
  ]
  return made
}

function hospital(
  name: string,
  level: Made['level'],
  points: number | null,
  formerTier: Made['formerTier'],
  commune: string,
  kind: Made['kind'],
): Made {
  return { name, level, points, formerTier, commune, kind }
}

function districtHospital(district: District, i: number): Made {
  const commune = district.communes.find((name) => name === district.name) ?? district.wards[0] ?? district.communes[0]
  // A few are ranked provisionally and have no points yet; the others lie on both sides of 50, where a rate changes.
  const points = i % 9 === 4 ? null : 32 + ((i * 11) % 30)
  const name = `Bệnh viện đa khoa ${district.kind} ${district.name} (cũ)`
  return hospital(name, 'basic', points, 'district', commune as string, 'hospital')
}

function privateHospital(name: string, commune: string, i: number): Made {
  const points = i % 5 === 3 ? null : 38 + ((i * 7) % 28)
  const formerTier = i % 4 === 0 ? 'provincial' : 'district'
  return hospital(`Bệnh viện đa khoa tư nhân ${name}`, 'basic', points, formerTier, commune, 'privateHospital')
}

/** Clinics stand in every third commune. */
function clinic(i: number): Made {
  const { name } = COMMUNES[i * 3 + 1] as Commune
  return hospital(`Phòng khám đa khoa khu vực ${name}`, 'primary', null, 'district', name, 'clinic')
}

function stations(): Made[] {
  const perCommune = Math.floor(STATIONS / COMMUNES.length)
  const withOneMore = STATIONS - perCommune * COMMUNES.length
  return COMMUNES.flatMap(({ kind, name }, i) =>
    Array.from({ length: perCommune + (i < withOneMore ? 1 : 0) }, (_, k) => {
      const station = `Trạm Y tế ${kind} ${name}`
      const point = k === 0 ? station : `${station} - điểm trạm số ${k + 1}`
      return hospital(point, 'primary', null, 'commune', name, 'station')
    }),
  )
}

function code(number: number): string {
  return `38${pad(number, 3)}`
}

function pad(number: number, digits: number): string {
  return String(number).padStart(digits, '0')
}
