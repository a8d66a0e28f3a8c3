import { createPublicKey, hash, verify } from 'node:crypto'
import { beforeEach, describe, expect, test } from 'vitest'
import { openNote, readNote } from '../../src/audit/signed-note.ts'
import { addCheckpointText, readAddCheckpoint, type Verdict } from '../../src/audit/witness/add-checkpoint.ts'
import { cosignedAt } from '../../src/audit/witness/cosignature.ts'
import { createWitness, type Memory, type Witness } from '../../src/audit/witness/witness.ts'
import { entries, logKey, signedLog, witnessKey } from '../support/signed-log.ts'

const ORIGIN = 'log.example/1'
const AT = new Date('2026-11-24T03:00:00Z')
const log = logKey(ORIGIN)
const honest = signedLog(log, entries(20))
/** Signed by the same key: as the honest one up to entry 10, then another history. */
const forked = signedLog(log, entries(20, 10))

let memory: Memory
let refused: Verdict[]

function memoryOf(): Memory {
  const notes = new Map<string, string>()
  return {
    latest: (origin) => notes.get(origin) ?? null,
    remember: async (origin, note) => void notes.set(origin, note),
  }
}

function witnessOn(on: Memory, key = witnessKey('w.example/1', () => AT)): Witness {
  return createWitness([log.verifier], key.signer, on, (verdict) => refused.push(verdict))
}

beforeEach(() => {
  memory = memoryOf()
  refused = []
})

describe('a cosignature', () => {
  test('is what tlog-cosignature says, by code of its own', async () => {
    const key = witnessKey('w.example/1', () => AT)
    const { body } = await witnessOn(memory, key).add(honest.body(0, 7))
    const [dash, name, base64 = ''] = body.trimEnd().split(' ')
    const bytes = Buffer.from(base64, 'base64')
    const raw = Buffer.from(key.text.split('+').slice(2).join('+'), 'base64')
    expect([dash, name, raw[0], bytes.length]).toEqual(['—', 'w.example/1', 4, 4 + 8 + 64])
    const id = hash('sha256', Buffer.concat([Buffer.from('w.example/1\n'), raw]), 'buffer').subarray(0, 4)
    expect(bytes.subarray(0, 4)).toEqual(id)
    expect(bytes.readBigUInt64BE(4)).toBe(BigInt(AT.getTime() / 1000))
    const publicKey = createPublicKey({
      format: 'jwk',
      key: { kty: 'OKP', crv: 'Ed25519', x: raw.subarray(1).toString('base64url') },
    })
    const text = readNote(honest.note(7))?.text
    const message = Buffer.from(`cosignature/v1\ntime ${AT.getTime() / 1000}\n${text}`)
    expect(verify(null, message, publicKey, bytes.subarray(12))).toBe(true)
  })

  test('replayed beside another checkpoint, or with another time, refuses the whole note', async () => {
    const key = witnessKey('w.example/1', () => AT)
    const { body } = await witnessOn(memory, key).add(honest.body(0, 7))
    expect(openNote(honest.note(7) + body, [key.verifier])?.by).toEqual([key.verifier])
    expect(openNote(honest.note(8) + body, [key.verifier])).toBeNull()
    expect(openNote(forked.note(12) + body, [key.verifier])).toBeNull()
    const bytes = Buffer.from(body.trimEnd().split(' ')[2] ?? '', 'base64')
    bytes[11] = (bytes[11] ?? 0) ^ 1
    expect(openNote(`${honest.note(7)}— w.example/1 ${bytes.toString('base64')}\n`, [key.verifier])).toBeNull()
    expect(cosignedAt(bytes.subarray(5))).toBeNull()
  })
})

describe('a witness', () => {
  test('cosigns growth, and the same tree again', async () => {
    const one = witnessOn(memory)
    for (const [from, to] of [
      [0, 7],
      [7, 7],
      [7, 8],
      [8, 20],
    ] as const)
      expect((await one.add(honest.body(from, to))).status).toBe(200)
    expect(memory.latest(ORIGIN)).toBe(honest.note(20))
    expect(refused).toEqual([])
  })

  test.each<[string, () => string, number, string | null]>([
    ['a rollback, from where it says it stands', () => honest.body(5, 6), 409, '12\n'],
    ['a log that knows nothing of it', () => honest.body(0, 15), 409, '12\n'],
    ['a log that claims to be further', () => honest.body(13, 15), 409, '12\n'],
    ['another tree of the same size', () => forked.body(12, 12), 409, '12\n'],
    ['a fork that grew, with its own proof', () => forked.body(12, 15), 422, null],
    ['growth with the proof of another size', () => honest.body(12, 15).replace(/\n.{44}\n/, '\n'), 422, null],
    [
      'the same tree with a proof of something',
      () => honest.body(12, 12).replace('\n\n', `\n${'A'.repeat(43)}=\n\n`),
      422,
      null,
    ],
    [
      'an old size above the new one',
      () => addCheckpointText({ oldSize: 13, proof: [], note: honest.note(12) }),
      400,
      null,
    ],
    ['a log it does not know', () => signedLog(logKey('other.example/1'), entries(3)).body(0, 3), 404, null],
    ['a known name under another key', () => signedLog(logKey(ORIGIN), entries(15)).body(12, 15), 403, null],
    ['a size with a leading zero', () => honest.body(12, 15).replace('old 12', 'old 012'), 400, null],
    ['no checkpoint', () => 'old 12\n\nhello\n', 400, null],
    ['nothing', () => '', 400, null],
  ])('does not cosign %s', async (_, body, status, answer) => {
    const one = witnessOn(memory)
    expect((await one.add(honest.body(0, 12))).status).toBe(200)
    const reply = await one.add(body())
    expect(reply.status).toBe(status)
    if (answer !== null) expect(reply).toMatchObject({ type: 'text/x.tlog.size', body: answer })
    expect(reply.body).not.toContain('—')
    expect(memory.latest(ORIGIN)).toBe(honest.note(12))
    expect(refused).toHaveLength(1)
  })

  test('of two trees of one size that come at once cosigns one', async () => {
    const slow: Memory = {
      ...memory,
      remember: (...kept) => new Promise((go) => setTimeout(() => go(memory.remember(...kept)), 5)),
    }
    const one = witnessOn(slow)
    const replies = await Promise.all([one.add(honest.body(0, 15)), one.add(forked.body(0, 15))])
    expect(replies.map((each) => each.status)).toEqual([200, 409])
  })

  test('dead before it kept a checkpoint has not cosigned it; dead after, it still knows it', async () => {
    const dies = (when: 'before' | 'after'): Memory => ({
      ...memory,
      remember: async (...kept) => {
        if (when === 'after') await memory.remember(...kept)
        throw new Error('killed')
      },
    })
    expect((await witnessOn(memory).add(honest.body(0, 8))).status).toBe(200)
    await expect(witnessOn(dies('before')).add(honest.body(8, 12))).rejects.toThrow('killed')
    expect(memory.latest(ORIGIN)).toBe(honest.note(8))
    await expect(witnessOn(dies('after')).add(honest.body(8, 12))).rejects.toThrow('killed')
    const again = witnessOn(memory)
    expect(await again.add(honest.body(8, 12))).toMatchObject({ status: 409, body: '12\n' })
    expect((await again.add(forked.body(12, 12))).status).toBe(409)
    expect((await again.add(honest.body(12, 12))).status).toBe(200)
  })

  test('a failure is no obstacle to the next request', async () => {
    let full = true
    const one = witnessOn({
      ...memory,
      remember: async (...kept) => {
        if (full) throw new Error('disk full')
        await memory.remember(...kept)
      },
    })
    await expect(one.add(honest.body(0, 8))).rejects.toThrow('disk full')
    full = false
    expect((await one.add(honest.body(0, 8))).status).toBe(200)
  })

  test('two that were shown different logs are found by showing one what the other cosigned', async () => {
    const [first, second] = [witnessOn(memory), witnessOn(memoryOf(), witnessKey('v.example/1'))]
    expect((await first.add(honest.body(0, 15))).status).toBe(200)
    expect((await second.add(forked.body(0, 15))).status).toBe(200)
    const shown = first.latest(ORIGIN) ?? ''
    const reply = await second.add(addCheckpointText({ oldSize: 15, proof: [], note: shown }))
    expect(reply.status).toBe(409)
    expect(refused).toEqual([{ outcome: 'otherRoot', size: 15, note: honest.note(15) }]) // signed by the log: evidence
    // of different sizes the log would have to prove growth, and cannot
    const grown = await witnessOn(memory).add(forked.body(15, 20))
    expect(grown.status).toBe(422)
  })
})

test('a request is read as it was written', () => {
  expect(readAddCheckpoint(honest.body(3, 17))).toEqual({
    oldSize: 3,
    proof: honest.growth(3, 17),
    note: honest.note(17),
  })
  const lines = (count: number) => `old 1\n${`${'A'.repeat(43)}=\n`.repeat(count)}\n${honest.note(2)}`
  expect(readAddCheckpoint(lines(63))?.proof).toHaveLength(63)
  expect(readAddCheckpoint(lines(64))).toBeNull()
})
