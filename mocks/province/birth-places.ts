/**
 * Codes of birth registration for people insured in Thanh Hóa: the first three digits of their number. The share of 038
 * is the demo's assumption; the others are neighbours and places people come back from, weighted by guess. Codes from
 * domain §2 (63 historical provinces, never changed by the merger); three of 100 and more stand for births abroad, which
 * country they name was not checked.
 */
export const BIRTH_PLACES: readonly (readonly [code: string, weight: number])[] = [
  ['038', 9600],
  ...['040', '001', '079'].map((code) => [code, 45] as const),
  ...['037', '036', '017', '034', '014', '074', '075', '066'].map((code) => [code, 15] as const),
  ...(
    '002 004 006 008 010 011 012 015 019 020 022 024 025 026 027 030 031 033 035 042 044 045 046 048 049 051 052 054 056 ' +
    '058 060 062 064 067 068 070 072 077 080 082 083 084 086 087 089 091 092 093 094 095 096'
  )
    .split(' ')
    .map((code) => [code, 2.7] as const),
  ...['101', '203', '337'].map((code) => [code, 2] as const),
]

/**
 * Per cent of the population by five-year age group, 0–4 first: the age pyramid of Viet Nam between the censuses of 2019
 * and 2024, rounded (general knowledge, not the province's own table).
 */
export const AGE_PYRAMID: readonly number[] = [
  7.9, 8.1, 7.5, 6.9, 6.9, 8.0, 8.4, 7.7, 7.1, 6.4, 6.0, 5.5, 4.7, 3.6, 2.2, 1.3, 0.9, 0.6, 0.25, 0.05,
]

/** Share of males: 111 boys to 100 girls at birth, three women to one man at the end (general knowledge). */
export function maleShare(age: number): number {
  if (age < 15) return 0.525
  if (age < 50) return 0.505
  if (age < 65) return 0.49
  return age < 80 ? 0.44 : 0.34
}
