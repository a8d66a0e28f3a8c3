import { compactVerify, decodeProtectedHeader, importJWK } from 'jose'
import { z } from 'zod'
import { type ClientKey, findClientKey } from '../access/store.ts'
import type { Query } from '../db/pool.ts'
import { ServiceError } from '../errors.ts'
import { CATALOGUE_FEED } from '../facility/facility.ts'

/** Deltas go in by one statement: 50,000 rows are 20 MB of it. More is a full feed, or several deltas. */
export const DELTA_ROWS_MAX = 50_000
/** The country has 12,900 facilities; a catalogue goes in by one statement, 400 bytes a row. */
export const CATALOGUE_ROWS_MAX = 50_000
/** A manifest is 600 bytes; a longer text is none. */
export const MANIFEST_CHARACTERS_MAX = 4_096
export const MANIFEST_TYPE = 'kiemthe-feed+jws'
const ROWS_MAX = 1_000_000_000
/** Clocks of two houses may differ by this much. A feed from further ahead would lie about its age. */
const CLOCK_AHEAD_MS = 5 * 60_000

const instant = z.iso.datetime({ precision: 3 }).or(z.iso.datetime({ precision: 0 }))
export const FEED_ID = /^[a-z0-9][a-z0-9-]{0,31}$/

/** What one data file is: `src/sync/README.md`. */
export const manifestSchema = z
  .strictObject({
    v: z.literal(1),
    feed: z.string().regex(FEED_ID),
    sequence: z.int().min(1),
    kind: z.enum(['full', 'delta']),
    previous: z.int().min(0).nullable(),
    rows: z.int().min(0).max(ROWS_MAX),
    file: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$/), // never a path
    encoding: z.enum(['plain', 'gzip', 'zstd']),
    bytes: z.int().min(0),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    created: instant,
    asOf: instant,
  })
  .refine((m) => m.previous === (m.kind === 'full' ? null : m.sequence - 1), { path: ['previous'] })
  .refine((m) => m.kind === 'full' || m.rows <= DELTA_ROWS_MAX, { path: ['rows'] })
  .refine((m) => m.feed !== CATALOGUE_FEED || m.kind === 'full', { path: ['kind'] })
  .refine((m) => m.feed !== CATALOGUE_FEED || m.rows <= CATALOGUE_ROWS_MAX, { path: ['rows'] })
  .refine((m) => m.asOf <= m.created, { path: ['asOf'] })

export type Manifest = z.infer<typeof manifestSchema>

/** The manifest in a JWS, once its signature is checked against a key in force of the client `feed:<feed>`. */
export async function readManifest(query: Query, jws: string, now: Date): Promise<Manifest> {
  const { alg, kid } = headerOf(jws)
  const unproven = parsePayload(payloadOf(jws))
  const key = await query((sql) => findClientKey(sql, `feed:${unproven.feed}`, kid)).catch((cause: unknown) => {
    throw new ServiceError('database_unavailable', { cause })
  })
  if (key === null || !isInForce(key, now)) {
    throw new ServiceError('feed_signature', { detail: 'no key in force of this feed has that `kid`' })
  }
  const keyAlg = key.publicJwk.kty === 'EC' ? 'ES256' : 'EdDSA'
  try {
    if (alg !== keyAlg) throw new TypeError('another algorithm than the key’s')
    await compactVerify(jws, await importJWK(key.publicJwk, keyAlg), { algorithms: [keyAlg] })
  } catch (cause) {
    throw new ServiceError('feed_signature', { cause })
  }
  if (Date.parse(unproven.created) > now.getTime() + CLOCK_AHEAD_MS)
    throw malformed('`created` lies ahead of our clock')
  return unproven
}

/** Its JSON, checked. Says which member is wrong, never its value. */
export function parsePayload(text: string): Manifest {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw malformed('the payload is not JSON')
  }
  const parsed = manifestSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const members = new Set(parsed.error.issues.map((issue) => String(issue.path[0] ?? 'an unknown member')))
  throw malformed(`wrong: ${[...members].join(', ')}`)
}

function headerOf(jws: string): { alg: string; kid: string } {
  if (jws.length > MANIFEST_CHARACTERS_MAX) throw malformed(`longer than ${MANIFEST_CHARACTERS_MAX} characters`)
  try {
    const { alg, kid, typ }: { alg?: unknown; kid?: unknown; typ?: unknown } = decodeProtectedHeader(jws)
    if (
      typ === MANIFEST_TYPE &&
      typeof alg === 'string' &&
      typeof kid === 'string' &&
      /^[\x21-\x7e]{1,64}$/.test(kid)
    ) {
      return { alg, kid }
    }
  } catch {
    // said below
  }
  throw malformed(`a JWS in compact form with \`alg\`, \`kid\` and \`typ\` ${MANIFEST_TYPE} is expected`)
}

function payloadOf(jws: string): string {
  return Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8')
}

function isInForce(key: ClientKey, now: Date): boolean {
  return key.disabledAt === null && key.revokedAt === null && key.expiresAt > now && key.scopes.includes('sync')
}

function malformed(detail: string): ServiceError {
  return new ServiceError('feed_manifest_invalid', { detail })
}
