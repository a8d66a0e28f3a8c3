/**
 * The 166 communes of Thanh Hóa since 1 July 2025 (147 xã, 19 phường), under the 26 districts that ended that day and
 * Đông Sơn, which had joined the city in January. A fixture from general knowledge (NQ 1686/NQ-UBTVQH15), as are the
 * people per district in thousands and the per cent of Mường, Thái and Mông: enough for a demo, no authority for anything.
 */
export interface District {
  readonly name: string
  readonly kind: 'thành phố' | 'thị xã' | 'huyện'
  readonly thousands: number
  /** Per cent of people who are Mường, Thái, Mông; the rest are Kinh. */
  readonly peoples: readonly [muong: number, thai: number, mong: number]
  /** As a card of its residents may carry it (domain §5.3). */
  readonly area: 'K1' | 'K2' | null
  readonly wards: readonly string[]
  readonly communes: readonly string[]
}

export interface Commune {
  readonly name: string
  readonly kind: 'xã' | 'phường'
  readonly district: District
  readonly area: 'K1' | 'K2' | 'K3' | null
}

function district(
  kind: District['kind'],
  name: string,
  thousands: number,
  places: { wards?: string; communes?: string },
  area: District['area'] = null,
  peoples: District['peoples'] = [1, 1, 0],
): District {
  const list = (names = '') => names.split(', ').filter((each) => each !== '')
  return { kind, name, thousands, area, peoples, wards: list(places.wards), communes: list(places.communes) }
}

export const DISTRICTS: readonly District[] = [
  district('thành phố', 'Thanh Hóa', 540, {
    wards: 'Hạc Thành, Quảng Phú, Đông Quang, Đông Tiến, Hàm Rồng, Nguyệt Viên',
  }),
  district('huyện', 'Đông Sơn', 75, { wards: 'Đông Sơn' }),
  district('thành phố', 'Sầm Sơn', 130, { wards: 'Sầm Sơn, Nam Sầm Sơn' }),
  district('thị xã', 'Bỉm Sơn', 75, { wards: 'Bỉm Sơn, Quang Trung' }),
  district('thị xã', 'Nghi Sơn', 320, {
    wards: 'Ngọc Sơn, Tân Dân, Hải Lĩnh, Tĩnh Gia, Đào Duy Từ, Hải Bình, Trúc Lâm, Nghi Sơn',
    communes: 'Các Sơn, Trường Lâm',
  }),
  district('huyện', 'Hà Trung', 130, { communes: 'Hà Trung, Tống Sơn, Hà Long, Hoạt Giang, Lĩnh Toại' }),
  district('huyện', 'Hậu Lộc', 190, { communes: 'Triệu Lộc, Đông Thành, Hậu Lộc, Hoa Lộc, Vạn Lộc' }),
  district('huyện', 'Nga Sơn', 160, { communes: 'Nga Sơn, Nga Thắng, Hồ Vương, Tân Tiến, Nga An, Ba Đình' }),
  district('huyện', 'Hoằng Hóa', 260, {
    communes: 'Hoằng Hóa, Hoằng Tiến, Hoằng Thanh, Hoằng Lộc, Hoằng Châu, Hoằng Sơn, Hoằng Phú, Hoằng Giang',
  }),
  district('huyện', 'Quảng Xương', 230, {
    communes: 'Lưu Vệ, Quảng Yên, Quảng Ngọc, Quảng Ninh, Quảng Bình, Tiên Trang, Quảng Chính',
  }),
  district('huyện', 'Nông Cống', 195, {
    communes: 'Nông Cống, Thắng Lợi, Trung Chính, Trường Văn, Thăng Bình, Tượng Lĩnh, Công Chính',
  }),
  district('huyện', 'Thiệu Hóa', 175, {
    communes: 'Thiệu Hóa, Thiệu Quang, Thiệu Tiến, Thiệu Toán, Thiệu Trung',
  }),
  district('huyện', 'Yên Định', 180, {
    communes: 'Yên Định, Yên Trường, Yên Phú, Quý Lộc, Yên Ninh, Định Tân, Định Hòa',
  }),
  district('huyện', 'Thọ Xuân', 230, {
    communes: 'Thọ Xuân, Thọ Long, Xuân Hòa, Sao Vàng, Lam Sơn, Thọ Lập, Xuân Tín, Xuân Lập',
  }),
  district('huyện', 'Vĩnh Lộc', 95, { communes: 'Vĩnh Lộc, Tây Đô, Biện Thượng' }),
  district('huyện', 'Triệu Sơn', 225, {
    communes: 'Triệu Sơn, Thọ Bình, Thọ Ngọc, Thọ Phú, Hợp Tiến, An Nông, Tân Ninh, Đồng Tiến',
  }),
  district(
    'huyện',
    'Mường Lát',
    42,
    { communes: 'Mường Chanh, Quang Chiểu, Tam Chung, Mường Lát, Pù Nhi, Nhi Sơn, Mường Lý, Trung Lý' },
    'K2',
    [4, 46, 44],
  ),
  district(
    'huyện',
    'Quan Hóa',
    50,
    { communes: 'Hồi Xuân, Nam Xuân, Thiên Phủ, Hiền Kiệt, Phú Xuân, Phú Lệ, Trung Thành, Trung Sơn' },
    'K2',
    [25, 64, 2],
  ),
  district(
    'huyện',
    'Quan Sơn',
    42,
    { communes: 'Na Mèo, Sơn Thủy, Sơn Điện, Mường Mìn, Tam Thanh, Tam Lư, Quan Sơn, Trung Hạ' },
    'K2',
    [5, 83, 3],
  ),
  district(
    'huyện',
    'Lang Chánh',
    53,
    { communes: 'Linh Sơn, Đồng Lương, Văn Phú, Giao An, Yên Khương, Yên Thắng' },
    'K2',
    [33, 53, 0],
  ),
  district(
    'huyện',
    'Bá Thước',
    105,
    { communes: 'Văn Nho, Thiết Ống, Bá Thước, Cổ Lũng, Pù Luông, Điền Lư, Điền Quang, Quý Lương' },
    'K2',
    [52, 32, 0],
  ),
  district(
    'huyện',
    'Ngọc Lặc',
    143,
    { communes: 'Ngọc Lặc, Thạch Lập, Ngọc Liên, Minh Sơn, Nguyệt Ấn, Kiên Thọ' },
    'K1',
    [70, 1, 0],
  ),
  district('huyện', 'Cẩm Thủy', 118, { communes: 'Cẩm Thạch, Cẩm Thủy, Cẩm Tú, Cẩm Vân, Cẩm Tân' }, 'K1', [52, 1, 0]),
  district(
    'huyện',
    'Thạch Thành',
    150,
    { communes: 'Kim Tân, Vân Du, Ngọc Trạo, Thạch Bình, Thành Vinh, Thạch Quảng' },
    'K1',
    [50, 1, 0],
  ),
  district(
    'huyện',
    'Như Xuân',
    68,
    { communes: 'Như Xuân, Thượng Ninh, Xuân Bình, Hóa Quỳ, Thanh Quân, Thanh Phong' },
    'K2',
    [10, 50, 0],
  ),
  district(
    'huyện',
    'Như Thanh',
    97,
    { communes: 'Như Thanh, Xuân Du, Mậu Lâm, Xuân Thái, Yên Thọ, Thanh Kỳ' },
    'K1',
    [22, 20, 0],
  ),
  district(
    'huyện',
    'Thường Xuân',
    95,
    {
      communes: 'Thường Xuân, Luận Thành, Tân Thành, Thắng Lộc, Xuân Chinh, Bát Mọt, Yên Nhân, Lương Sơn, Vạn Xuân',
    },
    'K2',
    [5, 53, 0],
  ),
]

/** Nghi Sơn was an island commune before it became a ward. */
const ISLAND = 'Nghi Sơn'

export const COMMUNES: readonly Commune[] = DISTRICTS.flatMap((district) =>
  [
    ...district.wards.map((name) => ({ name, kind: 'phường' as const })),
    ...district.communes.map((name) => ({ name, kind: 'xã' as const })),
  ].map((each) => ({ ...each, district, area: each.name === ISLAND ? 'K3' : district.area })),
)
