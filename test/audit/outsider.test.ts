import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { proofText } from '../../src/audit/tlog-proof.ts'
import { checkGrowth, checkProof, checkpointOf, cosignedAt, rootOfLeaves } from '../support/outsider.ts'
import { entries, logKey, signedLog, witnessKey } from '../support/signed-log.ts'

/** Whether the words of `src/audit/README.md` are enough: who wrote that verifier had nothing else. */
const SIZE = 40
const key = logKey('log.example/1')
const log = signedLog(key, entries(SIZE))
const witness = witnessKey('witness.example/1')

/** Each byte of a text in turn is another one. */
function* changed(text: string): Generator<string> {
  for (let at = 0; at < text.length; at++) yield text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
}

const notes = Array.from({ length: SIZE + 1 }, (_, size) => log.note(size))
const checkpoints = notes.map((note) => checkpointOf(note, key.text))
const noteOf = (size: number) => notes[size] ?? ''
const shown = (size: number) => checkpoints[size] ?? { size: 0, root: Buffer.alloc(0) }
const growthText = (from: number, to: number) =>
  log
    .growth(from, to)
    .map((hash) => `${hash.toString('base64')}\n`)
    .join('')

test('the outsider would have help from inside', async () => {
  const text = await readFile(join(import.meta.dirname, '..', 'support', 'outsider.ts'), 'utf8')
  const named = [...text.matchAll(/(?:from|import|require)\s*\(?\s*'([^']+)'/g)].map(([, module]) => module)
  expect(named).toEqual(['node:crypto'])
})

test(`the page would not say how to verify a proof, at some place of some tree of up to ${SIZE}`, () => {
  for (let size = 1; size <= SIZE; size++) {
    const leaves = log.leaves.slice(0, size)
    expect(rootOfLeaves(leaves)).toEqual(shown(size).root)
    for (let index = 0; index < size; index++) {
      const proof = proofText({ index, path: log.path(index, size), checkpoint: noteOf(size) })
      const [leaf, other] = [leaves[index] ?? Buffer.alloc(32), leaves[(index + 1) % size] ?? Buffer.alloc(32)]
      expect(checkProof(proof, key.text, leaf)).toEqual({ ...shown(size), index })
      if (size > 1) expect(() => checkProof(proof, key.text, other)).toThrow('the root')
    }
  }
})

test('or that a log grew, between some two sizes', () => {
  const forked = signedLog(key, entries(SIZE, 0))
  for (let to = 2; to <= SIZE; to++) {
    for (let from = 1; from < to; from++) {
      const text = growthText(from, to)
      checkGrowth(text, shown(from), shown(to))
      const another = { ...shown(from), root: forked.root(from) }
      expect(() => checkGrowth(text, another, shown(to))).toThrow('both roots')
      expect(() => checkGrowth(`${text}${text.slice(0, 45)}`, shown(from), shown(to))).toThrow('not ')
    }
  }
})

test('a byte that was changed anywhere would pass: of proof, growth, or cosigned checkpoint', () => {
  const leaf = log.leaves[37] ?? Buffer.alloc(32)
  const proof = proofText({ index: 37, path: log.path(37, SIZE), checkpoint: noteOf(SIZE) })
  for (const wrong of changed(proof)) expect(() => checkProof(wrong, key.text, leaf)).toThrow('not ')
  for (const wrong of changed(growthText(37, SIZE)))
    expect(() => checkGrowth(wrong, shown(37), shown(SIZE))).toThrow('not ')
  const { name, keyId, sign } = witness.signer
  const line = Buffer.concat([Buffer.from(keyId, 'hex'), sign(`${noteOf(SIZE).split('\n\n')[0]}\n`)])
  const note = `${noteOf(SIZE)}— ${name} ${line.toString('base64')}\n`
  expect(cosignedAt(note, witness.text).getTime()).toBeLessThanOrEqual(Date.now())
  for (const wrong of changed(note))
    expect(() => [checkpointOf(wrong, key.text), cosignedAt(wrong, witness.text)]).toThrow('not ')
})

test('a name would vouch for a key', () => {
  for (const other of [logKey('log.example/1').text, witness.text, key.text.replace('log.', 'log2.')])
    expect(() => checkpointOf(noteOf(SIZE), other)).toThrow('not ')
})
