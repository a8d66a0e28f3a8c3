import { expect, test } from 'vitest'
import { isoDate } from '../../src/calendar.ts'
import { ASSURANCES } from '../../src/identity/assurance.ts'
import type { Method } from '../../src/verification/policy.ts'
import { elsewhereText, proofText } from '../../src/verification/proof-text.ts'

const METHODS: readonly Method[] = [
  'chipIdQr',
  'chipIdMrz',
  'chipIdTyped',
  'insuranceCard',
  'insuranceCardQr',
  'document',
]

test('each way to prove a person is said in its own words, a sentence each', () => {
  const unsigned = METHODS.map((method) => proofText({ method, assurance: 'unsigned' }))
  const all = [...unsigned, ...ASSURANCES.slice(0, 2).map((assurance) => proofText({ method: 'chipIdQr', assurance }))]
  expect(new Set(all).size).toBe(METHODS.length + 2)
  for (const text of all) {
    expect(text).toMatch(/^Danh tính: .*\.$/)
    expect(text).toBe(text.normalize('NFC'))
  }
  // nobody is told that a person is proven by what anybody can print
  for (const text of unsigned) expect(text).toContain('chưa xác thực')
  expect(proofText({ method: 'chipIdQr', assurance: 'chipAuthenticated' })).not.toContain('chưa')
})

test('a code that no province has ever had is not named', () => {
  expect(elsewhereText('03', isoDate('2026-11-24'))).toBe('')
  expect(elsewhereText('40', isoDate('2026-11-24'))).toBe('Số định danh đăng ký khai sinh tại Nghệ An.')
})
