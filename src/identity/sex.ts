import { withoutAccents } from './accents.ts'

export type Sex = 'male' | 'female' | 'unknown'

/** The word on the chip ID. Anything but the two words is `unknown`: a scanner's `N?` must not become a guess. */
export function sexOfWord(text: string): Sex {
  if (text === 'Nam') return 'male'
  if (text === 'Nữ') return 'female'
  const word = withoutAccents(text.trim().slice(0, 8).toLowerCase())
  return word === 'nam' ? 'male' : word === 'nu' ? 'female' : 'unknown'
}

/** The digit of insurance cards and claim data: 1 nam, 2 nữ, 3 chưa xác định (QĐ 3176, GIOI_TINH). */
export function sexOfCode(text: string): Sex {
  const code = text.trim()
  return code === '1' ? 'male' : code === '2' ? 'female' : 'unknown'
}
