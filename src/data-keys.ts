import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import type { Brand } from './brand.ts'
import { type Hmac, hmacSha256 } from './hmac.ts'

/** 128 bits, 32 hex digits: what a person is called in the database. PostgreSQL reads it as `uuid`. */
export type LookupKey = Brand<string, 'LookupKey'>
/** The same person in the log's details: another name every year, so that years cannot be joined by a dump. */
export type Pseudonym = Brand<string, 'Pseudonym'>

const secret = z.base64().refine((text) => Buffer.from(text, 'base64').length === 32, 'must be 32 bytes in base64')

/** The file of data keys (mode 0600). Losing it loses every sealed row; it is backed up apart from the database. */
export const dataKeysSchema = z.strictObject({
  lookup: secret,
  log: secret,
  seal: z.strictObject({
    /** The generation new rows are sealed under; older ones stay readable. One byte in each sealed row. */
    current: z.int().min(1).max(255),
    generations: z.record(z.string().regex(/^[1-9]\d{0,2}$/), secret),
    /** The last step of a rotation under way (`kiemthe keys rotate seal`); absent when there is none. */
    rotation: z.strictObject({ step: z.enum(['added', 'seals', 'resealed']), at: z.iso.datetime() }).optional(),
  }),
})

export type DataKeysFile = z.infer<typeof dataKeysSchema>

export interface DataKeys {
  readonly lookup: Hmac
  /** Digests of rows, requests and idempotency keys; check codes; pseudonyms: one derived key each. */
  readonly rowTag: Hmac
  readonly request: Hmac
  readonly checkCode: Hmac
  readonly pseudonym: (year: number) => Hmac
  readonly sealGeneration: number
  readonly seal: ReadonlyMap<number, KeyObject>
}

/** One key a use, derived once. */
export function deriveDataKeys(file: DataKeysFile): DataKeys {
  const log = Buffer.from(file.log, 'base64')
  const lookup = Buffer.from(file.lookup, 'base64')
  const seal = new Map<number, KeyObject>()
  for (const [generation, text] of Object.entries(file.seal.generations)) {
    seal.set(Number(generation), derive(Buffer.from(text, 'base64'), `seal/${generation}`))
  }
  if (!seal.has(file.seal.current)) throw new TypeError(`seal.generations lacks the current one, ${file.seal.current}`)
  const years = new Map<number, Hmac>()
  return {
    lookup: hmacSha256(createSecretKey(lookup)),
    rowTag: hmacSha256(derive(lookup, 'row-tag')),
    request: hmacSha256(derive(log, 'request')),
    checkCode: hmacSha256(derive(log, 'check-code')),
    pseudonym: (year) => {
      const known = years.get(year)
      if (known !== undefined) return known
      const key = hmacSha256(derive(log, `pseudonym/${year}`))
      years.set(year, key)
      return key
    },
    sealGeneration: file.seal.current,
    seal,
  }
}

function derive(secretBytes: Buffer, use: string): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', secretBytes, '', `kiemthe/1/${use}`, 32)))
}

/**
 * HMAC-SHA-256 cut to 128 bits. A plain hash of 12 digits is guessed in minutes; this one only with the key.
 * Citizen ids (12 digits), former numbers (9 or 12) and insurance numbers (10) cannot be taken for one another: their
 * lengths differ, and two persons never held one 12-digit number (Luật Căn cước Đ12).
 */
export function lookupKey(keys: DataKeys, number: string): LookupKey {
  return mac128(keys.lookup, number) as LookupKey
}

export function pseudonym(keys: DataKeys, year: number, person: LookupKey): Pseudonym {
  return mac128(keys.pseudonym(year), person) as Pseudonym
}

export function mac128(key: Hmac, text: string): string {
  return key(text).slice(0, 32)
}
