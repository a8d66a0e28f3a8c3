import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto'
import { z } from 'zod'
import type { Brand } from './brand.ts'
import { type Hmac, hmacSha256 } from './hmac.ts'

/** 128 bits, 32 hex digits: what a person is called in the database. PostgreSQL reads it as `uuid`. */
export type LookupKey = Brand<string, 'LookupKey'>
/** The same person in the log's details: another name every year, so that years cannot be joined by a dump. */
export type Pseudonym = Brand<string, 'Pseudonym'>

const secret = z.base64().refine((text) => Buffer.from(text, 'base64').length === 32, 'must be 32 bytes in base64')

/** A chain holds all its keys for ever, and each number is hashed once by each: one rotation a year is a century. */
export const LOOKUP_GENERATION_MAX = 99

const lookupChainSchema = z
  .strictObject({
    /** The generation new rows are named under: all of them, but while a rotation is under way. */
    current: z.int().min(1).max(LOOKUP_GENERATION_MAX),
    /** From 1 on, without a gap: the name under one is made of the name under the one before. */
    generations: z.record(z.string().regex(/^[1-9]\d?$/), secret),
    /** The last step of a rotation under way (`kiemthe keys rotate lookup`); absent when there is none. */
    rotation: z.strictObject({ step: z.enum(['added', 'renamed']), at: z.iso.datetime() }).optional(),
  })
  .refine(({ current, generations, rotation }) => {
    const newest = Object.keys(generations).length
    const isWhole = Array.from({ length: newest }, (_, n) => n + 1).every((each) => each in generations)
    if (!isWhole || (rotation !== undefined && newest < 2)) return false
    return current === (rotation?.step === 'added' ? newest - 1 : newest)
  }, 'the generations are no chain, or current is not the one that they say')

export type LookupChain = z.infer<typeof lookupChainSchema>

/** The file of data keys (mode 0600). Losing it loses every sealed row; it is backed up apart from the database. */
export const dataKeysSchema = z.strictObject({
  /** One key as long as it was never rotated. */
  lookup: z.union([secret, lookupChainSchema]),
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
  /** The chain, first generation first. */
  readonly lookup: readonly Hmac[]
  /** What rows may be named under: the current generation, and while a rotation is under way the one beside it. */
  readonly lookupGenerations: readonly [current: number, other?: number]
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
  const chain = lookupChainOf(file)
  const lookup = Array.from(Object.keys(chain.generations), (_, n) =>
    Buffer.from(chain.generations[n + 1] ?? '', 'base64'),
  )
  const seal = new Map<number, KeyObject>()
  for (const [generation, text] of Object.entries(file.seal.generations)) {
    seal.set(Number(generation), derive(Buffer.from(text, 'base64'), `seal/${generation}`))
  }
  if (!seal.has(file.seal.current)) throw new TypeError(`seal.generations lacks the current one, ${file.seal.current}`)
  const years = new Map<number, Hmac>()
  return {
    lookup: lookup.map((each) => hmacSha256(createSecretKey(each))),
    lookupGenerations: generationsOf(chain),
    // of the first generation for ever: tags cannot be made again without the feed
    rowTag: hmacSha256(derive(lookup[0] ?? Buffer.alloc(0), 'row-tag')),
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

/** Whatever form the file has. */
export function lookupChainOf({ lookup }: DataKeysFile): LookupChain {
  return typeof lookup === 'string' ? { current: 1, generations: { '1': lookup } } : lookup
}

function generationsOf({ current, rotation }: LookupChain): readonly [number, number?] {
  switch (rotation?.step) {
    case undefined:
      return [current]
    case 'added':
      return [current, current + 1]
    case 'renamed':
      return [current, current - 1]
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
  return nameUnder(keys, number, keys.lookupGenerations[0])
}

/** Under each generation that the rows of a number may be named under, the current one first. */
export type Names = readonly [current: LookupKey, other?: LookupKey]

export function namesOf(keys: DataKeys, number: string): Names {
  const other = keys.lookupGenerations[1]
  const name = lookupKey(keys, number)
  return other === undefined ? [name] : [name, nameUnder(keys, number, other)]
}

/** What somebody who was called so under that generation is called under the current one. */
export function nameSince(keys: DataKeys, name: LookupKey, generation: number): LookupKey {
  let next: string = name
  for (const key of keys.lookup.slice(generation, keys.lookupGenerations[0])) next = mac128(key, next)
  return next as LookupKey
}

/** Rows have their former names or their new ones, as the rotation comes to them: no state of the past can be read whole. */
export function isHistoryTorn(keys: DataKeys): boolean {
  const [current, other] = keys.lookupGenerations
  return other !== undefined && other > current
}

/** Whether people are given new names just now: nobody may bring rows under the former ones meanwhile. */
export function isRenaming(keys: DataKeys): boolean {
  return keys.lookupGenerations[1] !== undefined
}

/** Of a name under the last generation but one, the name under the last: whoever renames knows no number. */
export function nextName(keys: DataKeys, name: LookupKey): LookupKey {
  const newest = keys.lookup.at(-1)
  if (newest === undefined || keys.lookup.length < 2) throw new TypeError('there is no next generation')
  return mac128(newest, name) as LookupKey
}

function nameUnder(keys: DataKeys, number: string, generation: number): LookupKey {
  let name = number
  for (let n = 0; n < generation; n++) {
    const key = keys.lookup[n]
    if (key === undefined) throw new TypeError(`the chain has no generation ${generation}`)
    name = mac128(key, name)
  }
  return name as LookupKey
}

/** Under each generation there ever was: what stood in the log's details before a rotation was made of a former name. */
export function everyNameOf(keys: DataKeys, number: string): LookupKey[] {
  return keys.lookup.map((_, n) => nameUnder(keys, number, n + 1))
}

export function pseudonym(keys: DataKeys, year: number, person: LookupKey): Pseudonym {
  return mac128(keys.pseudonym(year), person) as Pseudonym
}

/** A visit in the database: keyed, since a facility's visit id may name the patient. */
export function visitDigest(keys: DataKeys, facility: string, visitId: string): string {
  return mac128(keys.request, `visit:${facility}\n${visitId}`)
}

/** The same of the visit id alone, for auditors' tables: another digest, so that a dump joins them to no visit under way. */
export function auditVisitDigest(keys: DataKeys, visitId: string): string {
  return mac128(keys.request, `audit-visit:${visitId}`)
}

/** The bytes of a dossier in the database, by their SHA-256: whoever has a dossier cannot look for it without the key. */
export function dossierDigest(keys: DataKeys, facility: string, sha256: string): string {
  return mac128(keys.request, `dossier:${facility}\n${sha256}`)
}

export function mac128(key: Hmac, text: string): string {
  return key(text).slice(0, 32)
}
