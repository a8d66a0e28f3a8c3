import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { checkpointText, readCheckpoint } from '../../src/audit/checkpoint.ts'
import { EMPTY_ROOT, hashLeaf } from '../../src/audit/merkle.ts'
import {
  ED25519,
  ed25519Signer,
  ed25519Verifier,
  openNote,
  rawPublicKey,
  readNote,
  readVerifierKey,
  signatureLine,
  signNote,
  verifierKeyText,
} from '../../src/audit/signed-note.ts'
import { proofText, readProof } from '../../src/audit/tlog-proof.ts'

const NAME = 'kiemthe.example/thanhhoa/1'

function keyNamed(name: string) {
  const { privateKey } = generateKeyPairSync('ed25519')
  return { signer: ed25519Signer(name, privateKey), verifier: ed25519Verifier(name, rawPublicKey(privateKey)) }
}

test('pinned: a note signed elsewhere (the example of Go’s sumdb/note)', () => {
  const key = readVerifierKey('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW')
  expect(key).toMatchObject({ name: 'PeterNeumann', keyId: 'c74f20a3', type: ED25519 })
  const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
  const line =
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n'
  const verifier = ed25519Verifier('PeterNeumann', key?.publicKey ?? EMPTY_ROOT)
  expect(openNote(`${text}\n${line}`, [verifier])).toMatchObject({ text, by: [verifier] })
  // the same key signs the same bytes: its private half is in the same example
  const seed = Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1)
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const signer = ed25519Signer('PeterNeumann', createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }))
  expect(signNote(text, [signer])).toBe(`${text}\n${line}`)
})

describe('a signed note', () => {
  const [log, witness, stranger] = [keyNamed(NAME), keyNamed('witness.example/w1'), keyNamed(NAME)]
  const text = checkpointText({ origin: NAME, size: 3, root: hashLeaf('x') })
  const note = signNote(text, [log.signer, witness.signer])

  test('carries several signatures; who is unknown is passed over', () => {
    expect(openNote(note, [log.verifier, witness.verifier])?.by).toEqual([log.verifier, witness.verifier])
    expect(openNote(note, [witness.verifier])?.by).toEqual([witness.verifier])
    expect(openNote(note, [])).toBeNull()
    expect(openNote(note, [stranger.verifier])).toBeNull() // the same name, another key
  })

  test('a signature of a known key that does not verify refuses the whole note', () => {
    const [first, second] = readNote(note)?.signatures ?? []
    if (first === undefined || second === undefined) throw new Error('two were signed')
    const forged = { ...second, signature: first.signature }
    expect(
      openNote(`${text}\n${signatureLine(first)}${signatureLine(forged)}`, [log.verifier, witness.verifier]),
    ).toBeNull()
    expect(openNote(`${text}\n${signatureLine(first)}${signatureLine(forged)}`, [log.verifier])).not.toBeNull()
  })

  test('with one bit changed it is refused, or another text is not what was signed', () => {
    const alone = Buffer.from(signNote(text, [log.signer]))
    for (let bit = 0; bit < alone.length * 8; bit++) {
      const changed = Buffer.from(alone)
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      // as it would arrive: bytes that are no UTF-8 become U+FFFD
      expect(openNote(changed.toString('utf8'), [log.verifier]), `bit ${bit}`).toBeNull()
    }
  })

  test.each([
    ['no signature', `${text}\n`],
    ['no empty line', note.replace('\n\n', '\n')],
    ['no newline at its end', note.slice(0, -1)],
    ['another dash', note.replace('—', '-')],
    ['two spaces', note.replace(`— ${NAME} `, `— ${NAME}  `)],
    ['a control character', `a\tb\n\n${note.slice(note.indexOf('\n\n') + 2)}`],
    ['base64 without its padding', note.replaceAll('=', '')],
    ['an empty text', `\n\n${note.slice(note.indexOf('\n\n') + 2)}`],
    ['half a surrogate', `\ud800\n\n${note.slice(note.indexOf('\n\n') + 2)}`],
    ['65 signatures', `${text}\n${signatureLine(readNote(note)!.signatures[0]!).repeat(65)}`],
  ])('%s is none', (_, changed) => {
    expect(openNote(changed, [log.verifier])).toBeNull()
  })

  test('empty lines in its text are its own: the last one ends it', () => {
    const own = signNote('a\n\nb\n', [log.signer])
    expect(openNote(own, [log.verifier])?.text).toBe('a\n\nb\n')
  })

  test('what is no text is not signed', () => {
    for (const bad of ['', 'a', '\n', 'a\r\n', '\ud800\n']) expect(() => signNote(bad, [log.signer])).toThrow(TypeError)
    expect(() => ed25519Signer('a b', generateKeyPairSync('ed25519').privateKey)).toThrow(TypeError)
    expect(() => rawPublicKey(generateKeyPairSync('ed448').privateKey)).toThrow(TypeError)
  })
})

test('a verifier key reads as it was written, and not with another id', () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const text = verifierKeyText(NAME, ED25519, rawPublicKey(privateKey))
  expect(readVerifierKey(text)).toMatchObject({ name: NAME, type: ED25519, publicKey: rawPublicKey(privateKey) })
  const [name = '', id = '', key = ''] = [NAME, ...text.slice(NAME.length + 1).split(/\+(.*)/)]
  for (const bad of [
    '',
    name,
    `${name}+${id}`,
    `${name}x+${id}+${key}`,
    `${name}+00000000+${key}`,
    `${name}+${id}+${key}=`,
  ])
    expect(readVerifierKey(bad)).toBeNull()
})

describe('a checkpoint', () => {
  const checkpoint = { origin: NAME, size: 20_852_163, root: hashLeaf('x') }

  test('reads as it was written; extension lines are passed over', () => {
    expect(readCheckpoint(checkpointText(checkpoint))).toEqual(checkpoint)
    expect(readCheckpoint(`${checkpointText(checkpoint)}more\n`)).toEqual(checkpoint)
    expect(readCheckpoint(checkpointText({ ...checkpoint, size: 0 }))?.size).toBe(0)
  })

  test.each([
    ['', ''],
    ['no newline', checkpointText(checkpoint).slice(0, -1)],
    ['no origin', checkpointText({ ...checkpoint, origin: '' })],
    ['leading zero', checkpointText(checkpoint).replace('\n2', '\n02')],
    ['a sign', checkpointText(checkpoint).replace('\n2', '\n+2')],
    ['past 2^53', checkpointText({ ...checkpoint, size: 2 ** 53 })],
    ['a short root', checkpointText({ ...checkpoint, root: checkpoint.root.subarray(1) })],
    ['an empty extension line', `${checkpointText(checkpoint)}\n`],
    ['two lines', `${NAME}\n1\n`],
  ])('%s is none', (_, text) => {
    expect(readCheckpoint(text)).toBeNull()
  })
})

describe('a proof', () => {
  const proof = { index: 7, path: [hashLeaf('a'), hashLeaf('b')], checkpoint: 'o\n9\nr\n\n— o s\n' }

  test('reads as it was written, the checkpoint verbatim; extra data is passed over', () => {
    expect(readProof(proofText(proof))).toEqual(proof)
    expect(readProof(proofText({ ...proof, path: [] }))).toEqual({ ...proof, path: [] })
    expect(readProof(proofText(proof).replace('index', 'extra AAAA\nindex'))).toEqual(proof)
  })

  test.each([
    ['another head', proofText(proof).replace('@v1', '@v2')],
    ['no index', proofText(proof).replace('index 7\n', '')],
    ['a leading zero', proofText(proof).replace('index 7', 'index 07')],
    ['a short hash', proofText({ ...proof, path: [hashLeaf('a').subarray(1)] })],
    ['64 hashes', proofText({ ...proof, path: Array.from({ length: 64 }, () => hashLeaf('a')) })],
    ['extra that is no base64', proofText(proof).replace('index', 'extra ?\nindex')],
    ['no checkpoint', proofText(proof).split('\n\n')[0] ?? ''],
  ])('%s is none', (_, text) => {
    expect(readProof(text)).toBeNull()
  })
})
