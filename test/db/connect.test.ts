import { expect, test } from 'vitest'
import { instantText } from '../../src/db/connect.ts'

test.each([
  ['2026-11-24 06:12:14.1234+00', '2026-11-24T06:12:14.123Z'],
  ['2026-11-24 06:12:14+00', '2026-11-24T06:12:14.000Z'],
  ['2026-11-24 06:12:14.5+00', '2026-11-24T06:12:14.500Z'],
])('%s would be another instant', (text, instant) => {
  expect(instantText(text)).toBe(instant)
})

test.each(['2026-11-24 13:12:14+07', '2026-11-24 11:42:14+05:30', '24/11/2026 06:12:14 UTC'])(
  '%s, of a session that is not ours, would be read hours off',
  (text) => {
    expect(() => instantText(text)).toThrow('not in UTC')
  },
)
