import { describe, expect, test } from 'vitest'
import { readAnswer, readToken } from '../../src/claim-share/send/answer.ts'
import { retryAfterMs, STRIKES_MAX, tooManyRetryMs } from '../../src/claim-share/send/backoff.ts'
import { insurerLogin } from '../../src/claim-share/send/login.ts'
import { Tokens } from '../../src/claim-share/send/tokens.ts'

const receipt = { maGiaoDich: 'GD1', thoiGianTiepNhan: '20261124031500' }
const reply = (members: object) => readAnswer(200, JSON.stringify(members), undefined)

describe('what the gateway says would be taken for something else', () => {
  test.each([
    [{ maKetQua: '200', ...receipt }, 'received'],
    [{ maKetQua: 200, ...receipt, thongDiep: null }, 'received'],
    [{ maKetQua: '200' }, 'unreadable'], // nobody could prove it
    [{ maKetQua: '200', ...receipt, thoiGianTiepNhan: '24/11/2026' }, 'unreadable'],
    [{ maKetQua: '201' }, 'returned'],
    [{ maKetQua: '202', ...receipt }, 'returned'],
    [{ maKetQua: '204' }, 'returned'],
    [{ maKetQua: '205' }, 'unknownCode'],
    [{ maKetQua: '000' }, 'unknownCode'], // valid, of a card
    [{ maKetQua: '401' }, 'tokenRefused'],
    [{ maKetQua: '403' }, 'accountRefused'],
    [{ maKetQua: '408' }, 'failed'],
    [{ maKetQua: '500', ...receipt }, 'failed'],
    [{}, 'unreadable'],
    [null, 'unreadable'],
    [[], 'unreadable'],
    [{ maKetQua: null }, 'unreadable'],
    [{ maKetQua: '2'.repeat(100) }, 'unreadable'],
  ])('%j: %s', (members, kind) => {
    expect(readAnswer(200, JSON.stringify(members), undefined).kind).toBe(kind)
  })

  test.each([
    [401, '', 'tokenRefused'],
    [403, '{"maKetQua":"200"}', 'accountRefused'],
    [429, '', 'tooMany'],
    [302, '', 'failed'],
    [500, '{"maKetQua":"200","maGiaoDich":"1","thoiGianTiepNhan":"20261124031500"}', 'failed'],
    [200, '<html>', 'unreadable'],
  ])('HTTP %i %s: %s', (status, text, kind) => {
    expect(readAnswer(status, text, undefined).kind).toBe(kind)
  })

  test('errors of a returned file are kept within bounds, and never none', () => {
    const dsLoi = Array.from({ length: 500 }, () => ({ maLoi: 7, moTaLoi: 'x'.repeat(9_000) }))
    const many = reply({ maKetQua: '202', dsLoi })
    expect(many.kind === 'returned' && [many.errors.length, many.errors[0]]).toEqual([
      100,
      { maLoi: '7', moTaLoi: 'x'.repeat(500) },
    ])
    const none = reply({ maKetQua: '201', dsLoi: [], thongDiep: 'XML sai định dạng' })
    expect(none).toMatchObject({ errors: [{ maLoi: '201', moTaLoi: 'XML sai định dạng' }] })
  })
})

describe('tokens', () => {
  const key = { access_token: 'a', id_token: 'b', token_type: 'Bearer', expires_in: '2026-11-24T03:10:00.1234567Z' }

  test('their end is an instant with seven digits; what could break a header is none', () => {
    expect(readToken(200, JSON.stringify({ maKetQua: '200', APIKey: key }))).toEqual({
      accessToken: 'a',
      tokenId: 'b',
      expiresAt: new Date('2026-11-24T03:10:00.123Z'),
    })
    expect(readToken(200, JSON.stringify({ maKetQua: '200', APIKey: { ...key, id_token: 'b\r\nx: y' } }))).toBe(
      'unreadable',
    )
    expect(readToken(200, JSON.stringify({ maKetQua: '200', APIKey: null }))).toBe('unreadable')
    expect(readToken(200, JSON.stringify({ maKetQua: '401' }))).toBe('accountRefused')
    expect(readToken(503, '')).toBe('failed')
  })

  test('one is taken for all who ask at once; a refusal and a failure are asked again', async () => {
    let now = new Date('2026-11-24T03:00:00Z')
    let taken = 0
    let outcome: 'token' | 'accountRefused' | 'broken' = 'token'
    const tokens = new Tokens({
      now: () => now,
      findLogin: async (facility) => insurerLogin(`${facility}_BV`, 'secret'),
      take: async ({ username }) => {
        taken++
        if (outcome === 'broken') throw new Error('away')
        if (outcome === 'accountRefused') return outcome
        return { accessToken: `${username} ${taken}`, tokenId: 'id', expiresAt: null }
      },
    })
    const [one, same, other] = await Promise.all([tokens.of('38001'), tokens.of('38001'), tokens.of('38002')])
    expect(one).toBe(same)
    expect(other).toMatchObject({ login: { username: '38002_BV' }, token: { accessToken: '38002_BV 2' } })
    expect(taken).toBe(2)
    now = new Date(now.getTime() + 9 * 60_000)
    expect(await tokens.of('38001')).not.toBe(one)
    tokens.drop('38001', one) // refused late: the new one stays
    await tokens.of('38001')
    expect(taken).toBe(3)
    outcome = 'broken'
    tokens.drop('38001', await tokens.of('38001'))
    await expect(tokens.of('38001')).rejects.toThrow('away')
    outcome = 'accountRefused'
    expect(await tokens.of('38001')).toBe('credentialsRefused')
    expect(tokens.holds('38001')).toBe(false)
    expect(taken).toBe(5)
  })

  test('the password is kept as the portal takes it', () => {
    expect(insurerLogin('38001_BV', 'password')).toEqual({
      username: '38001_BV',
      passwordHash: '5F4DCC3B5AA765D61D8327DEB882CF99',
    })
  })
})

describe('waiting', () => {
  test('is short where the insurer is away, and long where one file fails; always some of it by chance', () => {
    const most = () => 1
    expect([1, 2, 3, 9, 40].map((n) => retryAfterMs(n, false, most))).toEqual([5_000, 10_000, 20_000, 60_000, 60_000])
    expect([1, 8, 9, 40].map((n) => retryAfterMs(n, true, most))).toEqual([5_000, 640_000, 900_000, 900_000])
    expect(retryAfterMs(40, true, () => 0.5)).toBe(450_000)
    expect(retryAfterMs(1, true, () => 0)).toBe(1_000)
    const all = Array.from({ length: STRIKES_MAX - 1 }, (_, n) => retryAfterMs(n + 1, true, most))
    expect(all.reduce((sum, each) => sum + each, 0) / 3_600_000).toBeCloseTo(2.1, 1)
  })

  test('as the gateway asks, within reason', () => {
    expect([null, 0, 2_000, 86_400_000].map(tooManyRetryMs)).toEqual([5_000, 1_000, 2_000, 300_000])
  })
})
