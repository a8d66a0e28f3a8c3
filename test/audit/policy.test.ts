import { describe, expect, test } from 'vitest'
import { hashLeaf } from '../../src/audit/merkle.ts'
import { findProven } from '../../src/audit/proven.ts'
import { signatureLine } from '../../src/audit/signed-note.ts'
import { proofText } from '../../src/audit/tlog-proof.ts'
import { readPolicy } from '../../src/audit/witness/policy.ts'
import { entries, logKey, signedLog, witnessKey } from '../support/signed-log.ts'

const log = logKey('log.example/1')
const [a, b, c] = [witnessKey('a.example'), witnessKey('b.example'), witnessKey('c.example')]
const THREE = `log ${log.text}\nwitness a ${a.text} https://a.example/\nwitness b ${b.text}\nwitness c ${c.text}\n`

describe('a policy', () => {
  test.each<[string, string, number]>([
    ['quorum none', '', 0],
    ['quorum b', 'b', 1],
    ['group g any a b c\nquorum g', 'a', 1],
    ['group g all a b c\nquorum g', 'abc', 3],
    ['group g 2 a b c\nquorum g', 'ac', 2],
    ['group ab any a b\n# a comment\n\n  group g all ab c\nquorum g', 'bc', 2],
  ])('%s', (lines, enough, count) => {
    const policy = readPolicy(THREE + lines)
    const verifiers = policy.witnesses.filter(({ name }) => enough.includes(name)).map(({ verifier }) => verifier)
    expect(verifiers).toHaveLength(count)
    expect(policy.isQuorum(verifiers)).toBe(true)
    for (const out of verifiers) expect(policy.isQuorum(verifiers.filter((each) => each !== out))).toBe(false)
    expect(policy.wantsWitnesses).toBe(count > 0)
  })

  test('keeps addresses without their last slash', () => {
    expect(readPolicy(`${THREE}quorum none`).witnesses.map(({ url }) => url)).toEqual(['https://a.example', null, null])
  })

  test.each([
    ['', 'no quorum line'],
    ['quorum a\nquorum b', 'once'],
    ['quorum d', 'd is not defined'],
    ['group g 4 a b c\nquorum g', 'group <name>'],
    ['group g 0 a\nquorum g', 'group <name>'],
    ['group g any\nquorum g', 'group <name>'],
    ['group g any a a\nquorum g', 'a is a member twice'],
    ['group a any b\nquorum a', 'taken'],
    ['group none any b\nquorum none', 'taken'],
    [`witness d ${a.text}\nquorum d`, 'stands there already'],
    [`witness d ${log.text}\nquorum d`, 'of kind 1'],
    [`log ${witnessKey('d').text}\nquorum none`, 'of kind 4'],
    [`witness d ${witnessKey('d').text} ftp://d\nquorum d`, 'not an http address'],
    ['witness d nothing\nquorum d', 'no verifier key'],
    ['hello', 'line 5: not log'],
  ])('is refused: %j', (lines, why) => {
    expect(() => readPolicy(THREE + lines)).toThrow(why)
  })
})

describe('a proof', () => {
  const all = entries(20)
  const honest = signedLog(log, all)
  const forked = signedLog(log, entries(20, 10))
  const cosigned = (note: string, by: typeof a) => {
    const { name, keyId, sign } = by.signer
    return note + signatureLine({ name, keyId, signature: sign(note.slice(0, note.indexOf('\n\n') + 1)) })
  }
  const proofOf = (index: number, size: number, of = honest) =>
    proofText({ index, path: of.path(index, size), checkpoint: cosigned(of.note(size), a) })
  const leafHash = hashLeaf(all[5] ?? '')
  const policy = readPolicy(`${THREE}quorum a`)
  const claim = { proof: proofOf(5, 15), leafHash, index: 5, seen: null, growth: null }

  test('holds, and says who vouches', () => {
    expect(findProven(claim, policy)).toMatchObject({
      proven: true,
      origin: 'log.example/1',
      index: 5,
      size: 15,
      witnesses: [{ name: 'a', at: expect.any(Date) }],
      seenHeld: null,
    })
    expect(findProven({ ...claim, index: null }, policy)).toMatchObject({ proven: true })
  })

  const seen = (size: number, of = honest) => ({ size, root: of.root(size) })

  test('of a log that the answer saw begin', () => {
    const growth = honest.growth(12, 15)
    expect(findProven({ ...claim, seen: seen(15) }, policy)).toMatchObject({ proven: true, seenHeld: true })
    expect(findProven({ ...claim, seen: seen(12) }, policy)).toMatchObject({ proven: true, seenHeld: null })
    expect(findProven({ ...claim, seen: seen(12), growth }, policy)).toMatchObject({ proven: true, seenHeld: true })
  })

  test.each<[string, Partial<Parameters<typeof findProven>[0]>, string?]>([
    ['proofUnreadable', { proof: 'hello' }],
    ['proofUnreadable', { proof: proofOf(5, 15).replace('\n15\n', '\n015\n') }],
    ['logUnknown', { proof: proofOf(5, 15, signedLog(logKey('other.example'), all)) }],
    ['notSigned', { proof: proofOf(5, 15, signedLog(logKey('log.example/1'), all)) }],
    ['notSigned', { proof: proofOf(5, 15).replace('\n15\n', '\n16\n') }],
    ['tooFewWitnesses', {}, 'quorum b'],
    ['tooFewWitnesses', {}, 'group g all a b\nquorum g'],
    ['otherPlace', { index: 6 }],
    ['notInTree', { leafHash: hashLeaf('changed') }],
    ['notInTree', { proof: proofOf(6, 15), index: 6 }],
    ['notInTree', { proof: proofOf(6, 15), index: null }],
    ['seenAnotherLog', { seen: seen(15, forked) }],
    ['seenAnotherLog', { seen: seen(12, forked), growth: honest.growth(12, 15) }],
    ['seenAnotherLog', { seen: seen(12, forked), growth: forked.growth(12, 15) }],
    ['seenLater', { seen: seen(16), growth: [] }],
  ])('does not: %s', (fault, over, quorum = 'quorum a') => {
    expect(findProven({ ...claim, ...over }, readPolicy(`${THREE}${quorum}`))).toEqual({ proven: false, fault })
  })
})
