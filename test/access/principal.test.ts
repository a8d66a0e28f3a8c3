import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { facilities } from '../../mocks/province/facilities.ts'
import { parseFacilityCode, parseScopes, ROLE_SCOPES, readClientId, SCOPES } from '../../src/access/principal.ts'

describe('a client id', () => {
  test.each([
    ['facility:38001', 'facility', '38001'],
    ['facility:38A0Z', 'facility', '38A0Z'],
    ['auditor:nguyen-van-an', 'auditor', null],
    ['auditor:a', 'auditor', null],
    ['feed:vss', 'feed', null],
    ['ops:2', 'ops', null],
    [`ops:${'a'.repeat(32)}`, 'ops', null],
  ])('%s', (text, role, facility) => {
    expect(readClientId(text)).toEqual({ clientId: text, role, facility })
  })

  test.each([
    ['nothing', ''],
    ['no name', 'auditor:'],
    ['no role', ':38001'],
    ['only a role', 'auditor'],
    ['a role that goes on without a colon', 'auditors'],
    ['the same for another role', 'ops1'],
    ['another role', 'admin:root'],
    ['a role in capitals', 'Facility:38001'],
    ['a role that objects have', 'constructor:a'],
    ['a facility of 4', 'facility:3800'],
    ['a facility of 6', 'facility:380011'],
    ['a facility in small letters', 'facility:38a01'],
    ['a facility without its province', 'facility:A8001'],
    ['a name that begins with a hyphen', 'auditor:-a'],
    ['a name in capitals', 'auditor:An'],
    ['a name of 33', `auditor:${'a'.repeat(33)}`],
    ['two colons', 'facility:38001:x'],
    ['space around', ' facility:38001'],
    ['a line more', 'facility:38001\n'],
    ['full-width digits', 'facility:３８００１'],
    ['the separator of the revocation list', 'auditor:a#b'],
  ])('%s is none', (_, text) => {
    expect(readClientId(text)).toBeNull()
  })

  test('whatever is read came in whole: role, colon and name', () => {
    const nearly = fc
      .tuple(fc.constantFrom('facility', 'auditor', 'feed', 'ops', 'op'), fc.constantFrom(':', '', '::'), fc.string())
      .map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(nearly, fc.string({ unit: 'binary' })), (text) => {
        const read = readClientId(text)
        if (read === null) return
        expect(read.clientId).toBe(text)
        expect(text.startsWith(`${read.role}:`)).toBe(true)
        expect(read.facility).toBe(read.role === 'facility' ? text.slice(9) : null)
      }),
      { seed: 38, numRuns: 2_000 },
    )
  })
})

test('every facility of the catalogue has a code that is read', () => {
  for (const { code } of facilities()) expect(parseFacilityCode(code)).toBe(code)
})

describe('scopes', () => {
  test.each([
    ['verify', ['verify']],
    ['verify share', ['verify', 'share']],
    ['  audit:hiv   audit ', ['audit:hiv', 'audit']],
    ['', []],
  ])('%j', (text, scopes) => {
    expect(parseScopes(text)).toEqual(scopes)
  })

  test.each(['Verify', 'verify,share', 'verify\tshare', 'verify admin', 'toString'])(
    '%j has one nobody knows',
    (text) => {
      expect(parseScopes(text)).toBeNull()
    },
  )

  test('no role may be granted what belongs to another', () => {
    const granted = Object.values(ROLE_SCOPES).flat()
    expect(new Set(granted).size).toBe(granted.length)
    expect([...granted].sort()).toEqual([...SCOPES].sort())
    expect(ROLE_SCOPES).toEqual({
      facility: ['verify', 'share'],
      auditor: ['audit', 'audit:hiv'],
      feed: ['sync'],
      ops: ['ops'],
    })
  })
})
