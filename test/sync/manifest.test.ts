import fc from 'fast-check'
import { CompactSign, importJWK } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeSigningKey } from '../../src/access/token-keys.ts'
import type { Query } from '../../src/db/pool.ts'
import { type Manifest, parsePayload, readManifest } from '../../src/sync/manifest.ts'

const now = new Date('2026-11-24T02:00:00Z')
const manifest: Manifest = {
  v: 1,
  feed: 'vss',
  sequence: 42,
  kind: 'delta',
  previous: 41,
  rows: 3,
  file: 'vss-42.ndjson.gz',
  encoding: 'gzip',
  bytes: 120,
  sha256: 'a'.repeat(64),
  created: '2026-11-24T01:00:00.000Z',
  asOf: '2026-11-24T00:30:00.000Z',
}

type Pair = Awaited<ReturnType<typeof makeSigningKey>>
let pair: Pair
let other: Pair

beforeAll(async () => {
  pair = await makeSigningKey('k1')
  other = await makeSigningKey('k1')
})

async function sign(payload: unknown, by = pair, header: Record<string, unknown> = {}): Promise<string> {
  const { d, kid, ...jwk } = by
  return new CompactSign(Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'EdDSA', kid, typ: 'kiemthe-feed+jws', ...header })
    .sign(await importJWK({ ...jwk, d }, 'EdDSA'))
}

/** A database with one key; what was asked for is kept. */
function withKey(state: Record<string, unknown> = {}): { query: Query; asked: unknown[][] } {
  const asked: unknown[][] = []
  const { d: _private, kid: _kid, ...publicJwk } = pair
  const row = {
    scopes: 'sync',
    public_jwk: publicJwk,
    expires_at: '2027-01-01 00:00:00+00',
    revoked_at: null,
    disabled_at: null,
  }
  const sql = async (_text: TemplateStringsArray, ...values: unknown[]) => {
    asked.push(values)
    return values[0] === 'feed:vss' && values[1] === 'k1' ? [{ ...row, ...state }] : []
  }
  return { query: (run) => run(sql as never), asked }
}

describe('a manifest', () => {
  test('of its feed is read, and its key is looked up as the feed’s client', async () => {
    const { query, asked } = withKey()
    expect(await readManifest(query, await sign(manifest), now)).toEqual(manifest)
    expect(asked).toEqual([['feed:vss', 'k1']])
  })

  test.each<[string, () => Promise<string>, Record<string, unknown>]>([
    ['another key under the same name', () => sign(manifest, other), {}],
    ['a key that is not registered', () => sign(manifest, pair, { kid: 'k9' }), {}],
    ['a revoked key', () => sign(manifest), { revoked_at: '2026-11-01 00:00:00+00' }],
    ['an expired key', () => sign(manifest), { expires_at: '2026-11-24 01:59:59+00' }],
    ['a disabled client', () => sign(manifest), { disabled_at: '2026-11-01 00:00:00+00' }],
    ['a client that may not sync', () => sign(manifest), { scopes: 'verify' }],
    [
      'another payload under its signature',
      async () => {
        const [head, , mark] = (await sign(manifest)).split('.')
        return `${head}.${Buffer.from(JSON.stringify({ ...manifest, rows: 4 })).toString('base64url')}.${mark}`
      },
      {},
    ],
  ])('is refused: %s', async (_what, make, state) => {
    await expect(readManifest(withKey(state).query, await make(), now)).rejects.toMatchObject({
      code: 'feed_signature',
    })
  })

  test.each<[string, () => Promise<string>]>([
    ['made ahead of our clock', () => sign({ ...manifest, created: '2026-11-24T02:05:00.001Z' })],
    ['of another type', () => sign(manifest, pair, { typ: 'JWT' })],
    ['without a key’s name', () => sign(manifest, pair, { kid: undefined })],
    ['not JSON', () => sign('rows: 3')],
    ['no JWS', async () => 'x.y'],
    ['too long', async () => `${await sign(manifest)}${'A'.repeat(4096)}`],
  ])('is refused: %s', async (_what, make) => {
    await expect(readManifest(withKey().query, await make(), now)).rejects.toMatchObject({
      code: 'feed_manifest_invalid',
    })
  })

  test.each<[string, Record<string, unknown>]>([
    ['previous', { previous: 40 }],
    ['previous', { kind: 'full' }],
    ['rows', { rows: 50_001 }],
    ['rows', { rows: -1 }],
    ['file', { file: '../../etc/passwd' }],
    ['file', { file: '.hidden' }],
    ['asOf', { asOf: '2026-11-24T01:00:00.001Z' }],
    ['sha256', { sha256: 'A'.repeat(64) }],
    ['feed', { feed: 'VSS' }],
    ['encoding', { encoding: 'br' }],
    ['sequence', { sequence: 0, previous: -1 }],
    ['created', { created: '2026-11-24 01:00:00' }],
    ['created', { created: '2026-11-24T08:00:00+07:00' }],
  ])('with a wrong %s is refused, and the member is named: %j', (member, change) => {
    expect(() => parsePayload(JSON.stringify({ ...manifest, ...change }))).toThrow(
      expect.objectContaining({ code: 'feed_manifest_invalid', detail: expect.stringContaining(member) }),
    )
  })

  test('no text makes the parser fail in another way', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc
            .tuple(fc.constantFrom(...Object.keys(manifest)), fc.anything())
            .map(([member, value]) => JSON.stringify({ ...manifest, [member]: value }) ?? ''),
        ),
        (text) => {
          try {
            parsePayload(text)
          } catch (error) {
            expect(error).toMatchObject({ code: 'feed_manifest_invalid' })
          }
        },
      ),
      { seed: 4, numRuns: 300 },
    )
  })
})
