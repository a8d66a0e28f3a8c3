import { describe, expect, test } from 'vitest'
import { nameLine } from '../../mocks/province/mrz.ts'
import { compareMrzName, parseMrzName } from '../../src/identity/mrz-name.ts'

function nameOf(line: string) {
  const parsed = parseMrzName(line.padEnd(30, '<'))
  if (!parsed.ok) throw new Error(parsed.issue)
  return parsed.value
}

const LONG = 'Tôn Nữ Hoàng Thị Phương Khánh Huyền Trang'

test.each([
  ['NGUYEN<<VAN<AN', 'Nguyễn Văn An', 'transliterated'],
  ['NGUYEN<<VAN<AN', 'NGUYỄN VĂN AN', 'transliterated'],
  ['NGUYEN<<VAN<AN', 'Nguyễn Văn An'.normalize('NFD'), 'transliterated'],
  // all that a zone can say: which accents is for the other side of the card
  ['NGUYEN<<VAN<AN', 'Nguyên Vân Ân', 'transliterated'],
  ['DO<<THI<THUY<HOA', 'Đỗ Thị Thuý Hòa', 'transliterated'],
  ['NGUYEN<<VAN<AN', 'Nguyen Van An', 'exact'],
  ['HHEN<<NIE', "H'Hen Niê", 'transliterated'],
  ['H<<HEN<NIE', 'H’Hen Niê', 'transliterated'],
  ['Y<<BHAM<NIE', 'Y-Bhăm Niê', 'transliterated'],
  ['YBHAM<<NIE', 'Y-Bhăm Niê', 'transliterated'],
  ['Y', 'Ý', 'transliterated'],
  // another spelling than the record's is a spelling fault here as anywhere
  ['LY<<VAN<AN', 'Lí Văn An', 'near'],
  ['NGUYEN<<VANAN', 'Nguyễn Văn An', 'near'],
  ['NGUYEN<<VAN<ANH', 'Nguyễn Văn An', 'differs'],
  ['NGUYEN<<VAN', 'Nguyễn Văn An', 'differs'],
  ['HOA<<NAM', 'Hoan Am', 'differs'],
  ['AN<<NGUYEN<VAN', 'Nguyễn Văn An', 'differs'],
] as const)('%s and %s: %s', (line, written, agreement) => {
  expect(compareMrzName(nameOf(line), written)).toBe(agreement)
})

describe('a name that fills the line', () => {
  test('agrees as far as it goes', () => {
    const mrz = nameOf(nameLine(LONG))
    expect(nameLine(LONG)).toBe('TON<<NU<HOANG<THI<PHUONG<KHANH')
    expect(mrz.isCut).toBe(true)
    expect(compareMrzName(mrz, LONG)).toBe('transliterated')
    expect(compareMrzName(mrz, 'Tôn Nữ Hoàng Thị Phương Khánh')).toBe('transliterated')
    expect(compareMrzName(mrz, 'Tôn Nữ Hoàng Thị Phương')).toBe('differs')
    expect(compareMrzName(mrz, 'Tôn Nữ Hoàng Thị Phương Khanhh')).toBe('transliterated')
    expect(compareMrzName(mrz, 'Tôn Nữ Hoàng Thị Phượng Khang Huyền')).toBe('differs')
  })

  test('cut between two words, it is no beginning of a longer word', () => {
    const line = 'TON<<NU<HOANG<THI<PHUONG<KHAN<'
    expect(line).toHaveLength(30)
    const mrz = nameOf(line)
    expect(mrz.isCut).toBe(true)
    expect(compareMrzName(mrz, 'Tôn Nữ Hoàng Thị Phương Khan')).toBe('transliterated')
    expect(compareMrzName(mrz, 'Tôn Nữ Hoàng Thị Phương Khan Vy')).toBe('transliterated')
    expect(compareMrzName(mrz, 'Tôn Nữ Hoàng Thị Phương Khanh')).toBe('differs')
  })

  test('while one that leaves room was not cut', () => {
    expect(compareMrzName(nameOf('TON<<NU<HOANG'), 'Tôn Nữ Hoàng Thị')).toBe('differs')
  })
})
