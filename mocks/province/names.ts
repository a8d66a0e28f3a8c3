import { deck, draw, pick } from './permutation.ts'
import { TRAIT } from './traits.ts'

/**
 * Full names as Thanh Hóa has them: surnames by frequency (Lê nearly as common as Nguyễn, unlike elsewhere), middle and
 * given names by sex and generation. All from general knowledge; any likeness to a person is chance. All NFC.
 */
type People = 'kinh' | 'muong' | 'thai' | 'mong'
type Generation = 'old' | 'middle' | 'young'

const SURNAMES: Record<People, readonly string[]> = {
  kinh: weighted(
    1024,
    'Nguyễn 41, Lê 20, Phạm 8, Trần 6, Hoàng 5, Trịnh 4, Đỗ 3, Bùi 2, Vũ 2, Mai 2, Hà 1.4, Lưu 1.4, Trương 1.4, ' +
      'Đặng 1.2, Cao 1, Ngô 1, Phan 1, Đào 0.8, Dương 0.8, Đinh 0.7, Tống 0.6, Lương 0.6, Phùng 0.5, Hồ 0.5, Đoàn 0.4, ' +
      'Doãn 0.3, Lại 0.3, Thiều 0.3, Chu 0.3, Vương 0.3, Lường 0.3, Viên 0.2, Hàn 0.2, Tô 0.2, Quách 0.2, Văn 0.1, La 0.1',
  ),
  muong: weighted(
    256,
    'Bùi 24, Phạm 20, Quách 12, Trương 10, Hà 8, Cao 7, Lê 6, Nguyễn 6, Đinh 3, Lục 1, Bạch 1, Phùng 1',
  ),
  thai: weighted(
    256,
    'Hà 18, Lò 12, Vi 12, Lương 14, Phạm 10, Ngân 8, Cầm 6, Lữ 4, Lang 3, Lục 3, Lộc 3, Len 1, Vang 2, Hoàng 2, Lèo 1',
  ),
  mong: weighted(64, 'Giàng 6, Thao 5, Sùng 4, Lâu 4, Hơ 4, Vàng 2, Thào 2, Mùa 1'),
}

const MIDDLE: Record<'male' | 'female', Record<Generation, readonly string[]>> = {
  male: {
    old: weighted(
      256,
      'Văn 56, Đình 7, Xuân 6, Ngọc 5, Hữu 5, Đức 3, Sỹ 3, Trọng 3, Bá 3, Công 2, Quang 2, Viết 2, Khắc 2, Huy 2, Thế 2, Duy 2',
    ),
    middle: weighted(
      256,
      'Văn 40, Đình 6, Xuân 5, Ngọc 6, Hữu 5, Đức 6, Sỹ 3, Trọng 3, Bá 3, Công 3, Quang 4, Viết 2, Khắc 1, Huy 2, Thế 3, ' +
        'Duy 3, Mạnh 3, Minh 3, Anh 2, Tiến 3, Thanh 2, Hồng 2',
    ),
    young: weighted(
      512,
      'Văn 9, Đức 8, Minh 8, Gia 7, Quốc 4, Anh 6, Bảo 5, Hoàng 4, Tuấn 4, Hải 3, Nhật 3, Tiến 3, Đình 3, Ngọc 3, Xuân 2, ' +
        'Hữu 2, Quang 4, Duy 4, Thành 3, Trọng 2, Đăng 3, Phúc 2, Thiên 2, Lê 2, Trần 1, Nguyễn 1, Đức Anh 1, Lê Gia 1, ' +
        'Phạm Minh 1, Hoàng Minh 1, Nguyễn Gia 1, Bảo Minh 1',
    ),
  },
  female: {
    old: weighted(64, 'Thị 96, Ngọc 1, Thị Thanh 1, Thị Ngọc 1, Thị Hồng 1'),
    middle: weighted(
      512,
      'Thị 58, Thị Thu 4, Thị Thanh 4, Thị Hồng 4, Thị Ngọc 3, Thị Minh 2, Thị Bích 2, Thị Kim 2, Thị Phương 2, Thị Mai 2, ' +
        'Thị Thúy 2, Thị Lan 1, Thị Quỳnh 1, Thu 2, Thanh 2, Hồng 2, Ngọc 2, Bích 1, Kim 1, Minh 1, Thùy 1, Mai 1',
    ),
    young: weighted(
      512,
      'Thị 14, Ngọc 8, Bảo 6, Khánh 6, Thùy 5, Phương 6, Quỳnh 5, Hà 4, Minh 5, An 2, Diệu 3, Thảo 3, Mai 3, Hoài 2, ' +
        'Thanh 3, Kim 2, Tường 1, Gia 2, Thị Thu 2, Thị Ngọc 3, Thị Phương 2, Thị Khánh 2, Thị Thanh 2, Lê Bảo 1, ' +
        'Nguyễn Khánh 1, Trần Bảo 1, Lê Khánh 1, Ngọc Bảo 1, Hoàng 1, Lê 2, Đoan 1',
    ),
  },
}

const GIVEN: Record<'male' | 'female', Record<Generation, readonly string[]>> = {
  male: {
    old: plain(
      'Hùng Dũng Sơn Thắng Bình Thanh Tuấn Hải Minh Long Tâm Hòa Lâm Thành Thọ Quý Lợi Phúc Chiến Toàn Tân Xuân Hạnh Hồng ' +
        'Vinh Quang Nam Đông Sinh Chung Mão Tý Sửu Dần Thìn Tỵ Ngọ Mùi Thân Dậu Tuất Hợi Năm Bảy Tám Cường Đức Phương Luận ' +
        'Nghĩa Nhân Tình Trung Hiền Thiện Khanh Bảng Định Đạt Đính Ký Kỳ Loan Lập Lực Mạnh Nhã Oanh Phẩm Quyết Sỹ Tài Vân Viện',
    ),
    middle: plain(
      'Tuấn Hùng Dũng Cường Thắng Sơn Hải Nam Long Đức Trung Thành Tùng Linh Quân Hưng Kiên Tú Việt Anh Mạnh Minh Hiếu Hà ' +
        'Giang Thịnh Toàn Tuyên Bình Phương Ngọc Duy Đạt Khánh Lâm Nghĩa Phong Quyền Quỳnh Sỹ Tâm Thiện Thuận Tiến Trường ' +
        'Vinh Vũ Xuân Chung Công Điệp Đồng Hạnh Hoàng Luân Lương Nhân Phúc Quang Quốc Tân Thanh Tình',
    ),
    young: plain(
      'Anh Huy Minh Khang Bảo Khôi Phúc Đăng Nam Long Đức Quân Hiếu Dũng Đạt Hoàng Kiên Phong Thành Việt Tùng Sơn Trung Nhật ' +
        'An Khoa Lâm Quang Tuấn Thắng Vinh Vũ Hải Hưng Duy Khánh Tú Trường Thịnh Bách Nguyên Thiên Đan Dương Gia Kiệt Phát ' +
        'Tiến Toàn Triết Tuệ Quốc Tài',
    ),
  },
  female: {
    old: plain(
      'Lan Hoa Hồng Huệ Hương Hằng Loan Nga Tâm Thanh Hòa Bình Minh Liên Lý Lợi Mai Mùi Nhung Oanh Phương Quý Sen Thảo Thơm ' +
        'Thoa Thu Thủy Tình Tuyết Vân Xuân Yến Cúc Đào Dung Hạnh Hà Hiền Hợi Thìn Tý Dậu Ngọ Nhàn Nhị Ba Năm Sáu Bảy Tám Chín ' +
        'Lài Lành Lựu Mận Mơ Nguyệt Nụ Phúc Quyên Sáng Tư Ước Vượng Đông Điểm Gái Khuyên Kỷ Lơi Ngoan Nho Nuôi Thái Thắm',
    ),
    middle: plain(
      'Hương Hằng Hà Thủy Trang Huyền Linh Nga Nhung Phương Thảo Thu Vân Yến Hoa Hạnh Hiền Hồng Huệ Lan Liên Loan Mai Ngân ' +
        'Ngọc Oanh Quỳnh Tâm Thanh Thúy Tuyết Anh Dung Dịu Giang Hậu Hòa Hường Lệ Lý Nguyệt Nhàn Phượng Quyên Thơm Thương ' +
        'Tình Trinh Tú Uyên Xuân Duyên Đào Khuyên Lành Luyến Bích Hợp',
    ),
    young: plain(
      'Anh Linh Chi Nhi Vy Trang My Ngân Thảo Châu Hà Hân Ngọc Phương Mai An Như Diệp Giang Quỳnh Thư Trâm Uyên Yến Hương ' +
        'Huyền Lan Ly Nga Nhung Tâm Thủy Trà Vân Ánh Dương Hiền Khánh Lam Minh Nguyên Oanh Thùy Tuệ Đan Bích Duyên Hoa Linh ' +
        'Anh Chi Nhi Vy Anh Linh',
    ),
  },
}

/** Given names of the Mông, who put A and Thị between (general knowledge). */
const MONG_GIVEN = {
  male: plain('Páo Chua Dế Nhìa Lử Sùng Pó Dơ Chống Tông Vư Sếnh Pàng Dia'),
  female: plain('Dợ Mai Pà Sua Mỷ Chở Dua Xia Ly Sông Pla Ca'),
}

/** `peopleOfHundred` is where the person falls in the hundred of their district: Mường, Thái and Mông come first. */
export function fullName(
  key: number,
  sex: 'male' | 'female',
  birthYear: number,
  peoples: readonly [muong: number, thai: number, mong: number],
): string {
  const people = peopleAt(draw(key, TRAIT.people) % 100, peoples)
  const surname = pick(SURNAMES[people], draw(key, TRAIT.surname))
  if (people === 'mong')
    return `${surname} ${sex === 'male' ? 'A' : 'Thị'} ${pick(MONG_GIVEN[sex], draw(key, TRAIT.givenName))}`
  const generation = birthYear < 1972 ? 'old' : birthYear < 1998 ? 'middle' : 'young'
  const middle = pick(MIDDLE[sex][generation], draw(key, TRAIT.middleName))
  const names = GIVEN[sex][generation]
  const random = draw(key, TRAIT.givenName)
  const given = pick(names, random)
  // Nobody is called Minh Minh.
  return `${surname} ${middle} ${middle.endsWith(given) ? pick(names, random + 1) : given}`
}

export function isMinority(key: number, peoples: readonly [muong: number, thai: number, mong: number]): boolean {
  return peopleAt(draw(key, TRAIT.people) % 100, peoples) !== 'kinh'
}

function peopleAt(percentile: number, [muong, thai, mong]: readonly [number, number, number]): People {
  if (percentile >= muong + thai + mong) return 'kinh'
  if (percentile < muong) return 'muong'
  return percentile < muong + thai ? 'thai' : 'mong'
}

function weighted(slots: number, table: string): readonly string[] {
  return deck(
    slots,
    table.split(', ').map((entry) => {
      const cut = entry.lastIndexOf(' ')
      return [entry.slice(0, cut), Number(entry.slice(cut + 1))] as const
    }),
  )
}

function plain(names: string): readonly string[] {
  return names.split(' ')
}
