import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildEntry, commitment, type EntryContent, leafHash } from '../../src/audit/entry.ts'

const DETERMINISTIC = { seed: 38, numRuns: 300 }

const content: EntryContent = {
  recordedAt: new Date('2026-11-24T01:02:03.004Z'),
  kind: 'verification',
  facility: '38001',
  outcome: { decision: 'entitled', code: 'valid', cause: null, method: 'chipIdQr', assurance: 'unsigned' },
  details: '{"v":1,"answer":{"name":"Nguyễn Văn An"}}',
}

/** By WebCrypto, from the bytes: nothing of ours in between. */
async function sha256(...parts: Uint8Array[]): Promise<string> {
  return Buffer.from(await crypto.subtle.digest('SHA-256', Buffer.concat(parts))).toString('base64')
}

/** Text as it reaches a log: JSON of any value, Vietnamese and astral characters included. */
const text = fc.oneof(fc.json({ stringUnit: 'grapheme' }), fc.string({ unit: 'grapheme', maxLength: 300 }))

test('the leaf hash is SHA-256(0x00 ‖ body) over the UTF-8 of the body (RFC 6962 §2.1)', async () => {
  await fc.assert(
    fc.asyncProperty(text, async (body) => {
      expect(leafHash(body)).toBe(await sha256(Buffer.of(0), Buffer.from(body, 'utf8')))
    }),
    DETERMINISTIC,
  )
})

test('pinned: the leaf hash of the empty leaf (RFC 6962), and of one of ours', () => {
  expect(inHex(leafHash(''))).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d')
  expect(inHex(leafHash('{"v":1}'))).toBe('0fe7f04cd9688fb996eea9ae1248cbe83b4d04805413f35ab25ad9deb5a3cb32')
})

test('the commitment is SHA-256(salt ‖ details)', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 16, maxLength: 16 }), text, async (salt, details) => {
      expect(commitment(salt, details)).toBe(await sha256(salt, Buffer.from(details, 'utf8')))
    }),
    DETERMINISTIC,
  )
})

describe('an entry', () => {
  test('has exactly these members in this order: no subject, no index, nobody named', () => {
    const { body } = buildEntry(content)
    const parsed = JSON.parse(body)
    expect(Object.keys(parsed)).toEqual(['v', 'recordedAt', 'kind', 'facility', 'outcome', 'details'])
    expect(parsed).toMatchObject({
      v: 1,
      recordedAt: '2026-11-24T01:02:03.004Z',
      kind: 'verification',
      facility: '38001',
      outcome: content.outcome,
    })
    expect(body).not.toContain('Nguyễn')
  })

  test('hides whatever a caller hands in beside its content', () => {
    const subject = '0123456789abcdef0123456789abcdef'
    const more = { ...content, subject, client: 'facility:38001', index: 4711, idempotency: { key: 'k', request: 'r' } }
    const parsed = JSON.parse(buildEntry(more).body)
    expect(Object.keys(parsed)).toEqual(['v', 'recordedAt', 'kind', 'facility', 'outcome', 'details'])
    expect(JSON.stringify(parsed)).not.toContain(subject)
  })

  test('commits to its details by its own salt, and is hashed as it stands', () => {
    const { body, leafHash: hash, salt } = buildEntry(content)
    expect(JSON.parse(body).details).toBe(commitment(salt, content.details))
    expect(hash).toEqual(leafHash(body))
  })

  test('of the same deed is never the same text: without the salt nobody can guess the details', () => {
    const entries = Array.from({ length: 200 }, () => buildEntry(content))
    expect(new Set(entries.map((entry) => entry.salt.toString('hex'))).size).toBe(200)
    expect(new Set(entries.map((entry) => entry.body)).size).toBe(200)
    for (const entry of entries) expect(entry.salt).toHaveLength(16)
  })

  test('changes its hash with any single character of the body', () => {
    const { body } = buildEntry(content)
    const hashes = new Set([leafHash(body)])
    for (let i = 0; i < body.length; i++) {
      hashes.add(leafHash(`${body.slice(0, i)}~${body.slice(i + 1)}`))
    }
    expect(hashes.size).toBe(body.length + 1)
  })

  test('of a deed without a facility says so', () => {
    expect(JSON.parse(buildEntry({ ...content, kind: 'auditRead', facility: null }).body).facility).toBeNull()
  })
})

function inHex(base64: string): string {
  return Buffer.from(base64, 'base64').toString('hex')
}
