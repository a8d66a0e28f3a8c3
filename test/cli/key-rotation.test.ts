import { describe, expect, test } from 'vitest'
import { importTokenKeys, makeSigningKey, type TokenKeysFile, tokenKeysSchema } from '../../src/access/token-keys.ts'
import { describeKeys } from '../../src/cli/keys/list.ts'
import {
  addLookupKey,
  newestLookup,
  nextLookupMove,
  noteRenamed,
  retireLookupName,
} from '../../src/cli/keys/lookup-rotation.ts'
import {
  addGeneration,
  nextSealMove,
  noteResealed,
  retireGenerations,
  useNewest,
} from '../../src/cli/keys/seal-rotation.ts'
import { addTokenKey, nextTokenMove, promoteTokenKey, retireTokenKeys } from '../../src/cli/keys/token-rotation.ts'
import { takeMoves } from '../../src/cli/keys/waiting.ts'
import {
  type DataKeysFile,
  dataKeysSchema,
  deriveDataKeys,
  lookupChainOf,
  lookupKey,
  namesOf,
  nextName,
} from '../../src/data-keys.ts'
import { open, seal } from '../../src/seal.ts'

const NOW = new Date('2026-11-24T03:00:00.000Z')
const at = (seconds: number) => new Date(NOW.getTime() + seconds * 1000)
const secret = (byte: number) => Buffer.alloc(32, byte).toString('base64')
const [first, second] = await Promise.all([makeSigningKey('token-1'), makeSigningKey('token-2')])

describe('the file of token keys', () => {
  const one: TokenKeysFile = { keys: [first] }
  const added = addTokenKey(one, second, NOW)
  const promoted = promoteTokenKey(added, at(400))

  test.each([
    ['nothing under way', one, 'add', 0],
    // 30 s until each process has it, 300 s until nobody has a list without it
    ['added', added, 'promote', at(330).getTime()],
    // 30 s until each process signs with it, 600 s until the last token of the former key has ended
    ['signs', promoted, 'retire', at(400 + 630).getTime()],
  ] as const)('%s: what is next would come too early', (_, file, move, dueMs) => {
    expect(nextTokenMove(tokenKeysSchema.parse(file))).toEqual({ move, dueMs })
  })

  test('a new key would sign before it is known, or a former one go before its tokens', async () => {
    const files = [one, added, promoted, retireTokenKeys(promoted)]
    const stages = await Promise.all(files.map((file) => importTokenKeys(tokenKeysSchema.parse(file))))
    expect(stages.map(({ signing, verifying }) => [signing.kid, [...verifying.keys()].sort().join()])).toEqual([
      ['token-1', 'token-1'],
      ['token-1', 'token-1,token-2'],
      ['token-2', 'token-1,token-2'],
      ['token-2', 'token-2'],
    ])
    expect(files[3]).toEqual({ keys: [second] }) // as if there never was another: releases before this one read it too
  })

  test('keys that somebody put there by hand are accepted until the end, and go with the others', async () => {
    const byHand = { keys: [first, second] }
    const third = await makeSigningKey('token-3')
    const stages = promoteTokenKey(addTokenKey(byHand, third, NOW), NOW)
    expect(stages.keys.map(({ kid }) => kid)).toEqual(['token-3', 'token-1', 'token-2'])
    expect(retireTokenKeys(stages).keys.map(({ kid }) => kid)).toEqual(['token-3'])
  })
})

describe('the generations of the seal key', () => {
  const one: DataKeysFile = { lookup: secret(1), log: secret(2), seal: { current: 1, generations: { '1': secret(3) } } }
  const added = addGeneration(one, NOW) ?? one
  const used = useNewest(added, at(60))
  const resealed = noteResealed(used, at(120))

  test.each([
    ['nothing under way', one, 'add', 0],
    ['added', added, 'use', at(30).getTime()],
    ['seals', used, 'reseal', at(90).getTime()],
    ['resealed', resealed, 'retire', at(150).getTime()],
  ] as const)('%s: what is next would come too early', (_, file, move, dueMs) => {
    expect(nextSealMove(dataKeysSchema.parse(file))).toEqual({ move, dueMs })
  })

  test('two processes a step apart could not open what the other seals', () => {
    const stages = [one, added, used, resealed, retireGenerations(resealed)].map((file) =>
      deriveDataKeys(dataKeysSchema.parse(file)),
    )
    stages.slice(1).forEach((later, n) => {
      const earlier = stages[n]
      if (earlier === undefined) throw new Error('one before')
      expect(open(earlier, 'coverage', 's', seal(later, 'coverage', 's', 'x'))).toBe('x')
      // but for the last step, before which no row of the former generation is left
      const backward = () => open(later, 'coverage', 's', seal(earlier, 'coverage', 's', 'x'))
      expect(backward()).toBe('x')
    })
    expect([...(stages.at(-1)?.seal.keys() ?? [])]).toEqual([2])
  })

  test('nothing but the generations changes', () => {
    const { seal: former, ...rest } = one
    const { seal: last, ...same } = retireGenerations(resealed)
    expect(same).toEqual(rest)
    expect(last).toEqual({ current: 2, generations: { '2': added.seal.generations['2'] } })
    expect(last.generations['2']).not.toBe(former.generations['1'])
  })

  test('the number of a generation would be given twice', () => {
    const later = retireGenerations(resealed)
    expect(Object.keys(addGeneration(later, NOW)?.seal.generations ?? {})).toEqual(['2', '3'])
    const full = { ...one, seal: { current: 255, generations: { '255': secret(4) } } }
    expect(addGeneration(full, NOW)).toBeNull()
  })

  test('the list would show a secret', () => {
    const shown = describeKeys(addTokenKey({ keys: [first] }, second, NOW), used, null)
    expect(shown).toContain('token-2   accepted')
    expect(shown).toContain('next: reseal, at 2026-11-24T03:01:30.000Z')
    for (const hidden of [first.d, second.d, ...Object.values(used.seal.generations), String(used.lookup), used.log]) {
      expect(shown).not.toContain(hidden)
    }
  })
})

describe('the generations of the lookup key', () => {
  const one: DataKeysFile = { lookup: secret(1), log: secret(2), seal: { current: 1, generations: { '1': secret(3) } } }
  const added = addLookupKey(one, NOW) ?? one
  const renamed = noteRenamed(added, at(60))
  const retired = retireLookupName(renamed)
  const stages = [one, added, renamed, retired].map((file) => deriveDataKeys(dataKeysSchema.parse(file)))
  const number = '038090001234'

  test.each([
    ['nothing under way', one, 'add', 0],
    ['added', added, 'rename', at(30).getTime()],
    ['renamed', renamed, 'retire', at(90).getTime()],
    ['over', retired, 'add', 0],
  ] as const)('%s: what is next would come too early', (_, file, move, dueMs) => {
    expect(nextLookupMove(dataKeysSchema.parse(file))).toEqual({ move, dueMs })
  })

  test('a step would ask by a name too few, or go on asking by one too many', () => {
    const [first, , , last] = stages.map((keys) => lookupKey(keys, number))
    expect(first).not.toBe(last)
    expect(stages.map((keys) => namesOf(keys, number))).toEqual([[first], [first, last], [last, first], [last]])
  })

  test('the name that is made of a name would not be the one that is made of the number', () => {
    const third = addLookupKey(retired, NOW) ?? retired
    for (const file of [added, third]) {
      const keys = deriveDataKeys(file)
      const [former, next] = namesOf(keys, number)
      expect(nextName(keys, former)).toBe(next)
    }
    expect(newestLookup(third)).toBe(3)
    // what is not a name stays under the first key
    expect(deriveDataKeys(third).rowTag('x')).toBe(deriveDataKeys(one).rowTag('x'))
  })

  test('nothing but the chain changes, and no key of it is thrown away', () => {
    expect({ ...retired, lookup: one.lookup }).toEqual(one)
    expect(lookupChainOf(retired)).toEqual({
      current: 2,
      generations: { '1': one.lookup, '2': lookupChainOf(added).generations['2'] },
    })
    const full = Object.fromEntries(Array.from({ length: 99 }, (_, n) => [n + 1, secret(n)]))
    expect(addLookupKey({ ...one, lookup: { current: 99, generations: full } }, NOW)).toBeNull()
  })

  const key2 = secret(4)
  test.each([
    ['a gap', { current: 2, generations: { '1': secret(1), '3': key2 } }],
    ['a former one as current', { current: 1, generations: { '1': secret(1), '2': key2 } }],
    ['none', { current: 1, generations: {} }],
    [
      'a step that does not fit',
      {
        current: 2,
        generations: { '1': secret(1), '2': key2 },
        rotation: { step: 'added', at: NOW.toISOString() },
      },
    ],
    [
      'nothing before the one that was renamed to',
      { current: 1, generations: { '1': key2 }, rotation: { step: 'renamed', at: NOW.toISOString() } },
    ],
    ['a member of another release', { current: 1, generations: { '1': key2 }, other: 1 }],
  ])('refused: %s', (_, lookup) => {
    const read = dataKeysSchema.safeParse({ ...one, lookup })
    expect(read.success).toBe(false)
    expect(JSON.stringify(read.error)).not.toContain(key2)
  })

  test('the list would show a secret', () => {
    const shown = describeKeys(null, added, null)
    expect(shown).toContain('lookup  generation 1   names\nlookup  generation 2   added\n')
    expect(shown).toContain('next: rename, at 2026-11-24T03:00:30.000Z')
    expect(describeKeys(null, retired, null)).toContain(
      'generation 1   leads to it\nlookup  generation 2   names\nlog ',
    )
    for (const hidden of Object.values(lookupChainOf(added).generations)) expect(shown).not.toContain(hidden)
  })
})

test('a move would be taken before it is due, or a wait that was asked for be left out', async () => {
  const taken: string[] = []
  let nowMs = 0
  const clock = {
    now: () => new Date(nowMs),
    sleep: async (ms: number) => {
      nowMs += ms
    },
  }
  const next = async () => (taken.length === 0 ? { move: 'one', dueMs: 0 } : { move: 'two', dueMs: 30_000 })
  const take = async (move: string) => {
    taken.push(`${move} at ${nowMs}`)
    return move === 'two' ? ('done' as const) : ('more' as const)
  }
  await takeMoves(clock, false, next, take)
  expect(taken).toEqual(['one at 0'])
  await takeMoves(clock, true, next, take)
  expect(taken).toEqual(['one at 0', 'two at 30000'])
})
