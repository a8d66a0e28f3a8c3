import { describe, expect, test } from 'vitest'
import type { Warning } from '../../src/entitlement/decision-code.ts'
import { ASSURANCES, type Assurance } from '../../src/identity/assurance.ts'
import {
  adviceOf,
  DEFAULT_POLICY,
  type Method,
  type Policy,
  PROOFS,
  type Proof,
  type Purpose,
  policyOf,
  REGISTRY_METHODS,
  wantsRegistry,
} from '../../src/verification/policy.ts'

const PURPOSES: readonly Purpose[] = ['arrival', 'during', 'end', 'appointment']
const METHODS: readonly Method[] = [
  'chipIdQr',
  'chipIdMrz',
  'chipIdTyped',
  'insuranceCard',
  'insuranceCardQr',
  'document',
]

function everywhere(wants: Proof): Policy {
  const each = { wants, registry: REGISTRY_METHODS }
  return { arrival: each, during: each, end: each, appointment: each }
}

const TYPED: readonly Method[] = ['chipIdTyped', 'insuranceCard']

/** Written out a second time, as a reader would say it. */
function advice(wants: Proof, method: Method, assurance: Assurance): Warning | null {
  if (method === 'document' || wants === 'typed' || assurance === 'chipAuthenticated') return null
  if (wants === 'unsigned') return assurance === 'unsigned' && TYPED.includes(method) ? 'scanWanted' : null
  if (wants === 'chipSigned') return assurance === 'unsigned' ? 'chipWanted' : null
  return 'liveChipWanted'
}

describe('over the whole cross product', () => {
  for (const wants of PROOFS)
    for (const method of METHODS)
      for (const assurance of ASSURANCES)
        test(`${wants} wanted, ${method} ${assurance}: advised, whatever the purpose`, () => {
          for (const purpose of PURPOSES)
            expect(adviceOf(everywhere(wants), { purpose, method, assurance })).toBe(advice(wants, method, assurance))
        })

  for (const purpose of PURPOSES)
    for (const method of METHODS)
      for (const assurance of ASSURANCES)
        test(`by default, ${purpose} by ${method} ${assurance}: the registry where it adds something, and no advice`, () => {
          const worthAsking =
            purpose !== 'appointment' &&
            assurance === 'unsigned' &&
            !['insuranceCard', 'insuranceCardQr'].includes(method)
          expect(wantsRegistry(DEFAULT_POLICY, { purpose, method, assurance })).toBe(worthAsking)
          expect(adviceOf(DEFAULT_POLICY, { purpose, method, assurance })).toBeNull()
        })
})

test('one purpose is told apart from the others', () => {
  const policy: Policy = { ...DEFAULT_POLICY, end: { wants: 'chipSigned', registry: ['document'] } }
  for (const purpose of PURPOSES) {
    const proven = { purpose, method: 'chipIdQr', assurance: 'unsigned' } as const
    expect(adviceOf(policy, proven)).toBe(purpose === 'end' ? 'chipWanted' : null)
    expect(wantsRegistry(policy, proven)).toBe(purpose === 'arrival' || purpose === 'during')
  }
})

test('no policy asks the registry what the chip has proven', () => {
  const policy = everywhere('chipAuthenticated')
  for (const assurance of ['chipSigned', 'chipAuthenticated'] as const)
    for (const method of METHODS) expect(wantsRegistry(policy, { purpose: 'arrival', method, assurance })).toBe(false)
})

describe('the text of a policy', () => {
  test('what it does not say is as by default', () => {
    expect(policyOf('{}')).toEqual({ ok: true, value: DEFAULT_POLICY })
    expect(policyOf('{"arrival":{"wants":"chipSigned"},"appointment":{"registry":["chipIdTyped"]}}')).toEqual({
      ok: true,
      value: {
        ...DEFAULT_POLICY,
        arrival: { ...DEFAULT_POLICY.arrival, wants: 'chipSigned' },
        appointment: { wants: 'typed', registry: ['chipIdTyped'] },
      },
    })
  })

  test('all that is wrong is told at once, where it is, without the values', () => {
    const read = policyOf(
      JSON.stringify({
        arrival: { wants: 'secret-1', registry: ['insuranceCard', 'chipIdQr'] },
        during: { registry: 47, refuse: true },
        departure: {},
      }),
    )
    const problems = read.ok ? [] : read.problems
    expect(problems.map(({ path }) => path.join('.')).sort()).toEqual([
      '',
      'arrival.registry.0',
      'arrival.wants',
      'during',
      'during.registry',
    ])
    expect(JSON.stringify(problems)).not.toContain('secret')
  })

  test.each(['', 'typed', '[]', 'null', '"unsigned"', '{"arrival":'])('%j is none', (text) => {
    expect(policyOf(text).ok).toBe(false)
  })
})
