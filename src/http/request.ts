import type { Context } from 'hono'
import { z } from 'zod'
import { type FieldFault, type FieldIssue, ServiceError } from '../errors.ts'

/** Bodies of ordinary requests (contract). */
export const BODY_BYTES_MAX = 256 * 1024
/** A batch (contract): 1,000 items of 8 KiB, four times the longest QR code. */
export const BATCH_BYTES_MAX = 8 * 1024 * 1024
/** A form for a token: an assertion is under 1 KiB. */
export const FORM_BYTES_MAX = 16 * 1024
/** Faults named in one answer: enough to mend a request, too few to be a burden. */
const FAULTS_MAX = 20
/** Deeper than any request of ours; hostile nesting is refused before the schema walks it. */
const DEPTH_MAX = 16

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** The text of a body, and what it says, checked against its schema. The text is what an Idempotency-Key stands for. */
export async function readJson<T>(
  c: Context,
  schema: z.ZodType<T>,
  bytesMax = BODY_BYTES_MAX,
): Promise<{ text: string; value: T }> {
  if (!/^application\/json\s*(;|$)/i.test(c.req.header('content-type') ?? '')) {
    throw new ServiceError('unsupported_media_type', { detail: 'application/json' })
  }
  const text = await readText(c, bytesMax)
  return { text, value: checkShape(schema, parseJson(text)) }
}

export function isMediaType(c: Context, type: 'application/json' | 'application/xml'): boolean {
  return (c.req.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() === type
}

/** The value as its schema reads it, or `invalid_request` with pointers relative to this value. */
export function checkShape<T>(schema: z.ZodType<T>, json: unknown): T {
  const parsed = schema.safeParse(json, { reportInput: true })
  if (!parsed.success) throw new ServiceError('invalid_request', { faults: faultsOf(parsed.error.issues) })
  return parsed.data
}

export async function readText(c: Context, bytesMax: number): Promise<string> {
  const bytes = await readBytes(c, bytesMax)
  try {
    return utf8.decode(bytes)
  } catch (cause) {
    throw new ServiceError('invalid_utf8', { cause })
  }
}

export async function readBytes(c: Context, bytesMax: number): Promise<Uint8Array> {
  const tooLarge = () => new ServiceError('body_too_large', { detail: `at most ${bytesMax} bytes` })
  const length = c.req.header('content-length')
  if (length !== undefined) {
    // the platform ends the body at its stated length
    if (Number(length) > bytesMax) throw tooLarge()
    return new Uint8Array(await c.req.arrayBuffer().catch(brokeOff))
  }
  const stream = c.req.raw.body
  if (stream === null) return new Uint8Array()
  const parts: Uint8Array[] = []
  let size = 0
  try {
    for await (const part of stream) {
      size += part.length
      if (size > bytesMax) throw tooLarge()
      parts.push(part)
    }
  } catch (error) {
    if (error instanceof ServiceError) throw error
    brokeOff(error)
  }
  return Buffer.concat(parts)
}

/** A body as it arrives, for who bounds it and holds none of it. */
export async function* readStream(c: Context): AsyncGenerator<Uint8Array> {
  const stream = c.req.raw.body
  if (stream === null) return
  const reader: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]()
  for (;;) {
    const part = await reader.next().catch(brokeOff)
    if (part.done === true) return
    yield part.value
  }
}

/** The caller went away, or took longer than a request may: no failure of ours, so no 500 in the events. */
function brokeOff(cause: unknown): never {
  throw new ServiceError('invalid_request', { detail: 'the body broke off', cause })
}

export function parseJson(text: string): unknown {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch (cause) {
    throw new ServiceError('invalid_json', { cause })
  }
  if (countMembers(json, 0) !== countColons(text)) throw new ServiceError('duplicate_member')
  return json
}

/**
 * JSON.parse keeps the last of two equal members; a signature checker, a proxy or a log may have read the first.
 * In JSON a colon outside a text stands after each member name, so colons and members that survived must be equal.
 * (V8 may read a name that is written with an escape as another one, after it has read certain names before:
 * nodejs/node#63785, open in 24 and 26. That other name holds a backslash, so it is none of ours and is refused.)
 */
function countColons(text: string): number {
  let colons = 0
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char === 0x3a) colons++
    else if (char === 0x22) {
      i = text.indexOf('"', i + 1)
      while (isEscaped(text, i)) i = text.indexOf('"', i + 1)
    }
  }
  return colons
}

function isEscaped(text: string, quote: number): boolean {
  let slashes = 0
  while (text.charCodeAt(quote - 1 - slashes) === 0x5c) slashes++
  return slashes % 2 === 1
}

function countMembers(json: unknown, depth: number): number {
  if (typeof json !== 'object' || json === null) return 0
  if (depth > DEPTH_MAX) throw new ServiceError('invalid_json')
  let members = 0
  if (Array.isArray(json)) {
    for (const item of json) members += countMembers(item, depth + 1)
    return members
  }
  for (const [name, value] of Object.entries(json)) {
    // never a member of ours, and poison in code that copies objects
    if (name === '__proto__')
      throw new ServiceError('invalid_request', { faults: [{ pointer: '', issue: 'member_unknown' }] })
    members += 1 + countMembers(value, depth + 1)
  }
  return members
}

/** zod's issues in our words: a pointer and a code, never the value or an unknown member's name. */
function faultsOf(issues: readonly z.core.$ZodIssue[]): FieldFault[] {
  return issues.slice(0, FAULTS_MAX).map((issue) => ({ pointer: pointerOf(issue.path), issue: issueOf(issue) }))
}

function pointerOf(path: readonly PropertyKey[]): string {
  return path.map((step) => `/${String(step).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

function issueOf(issue: z.core.$ZodIssue): FieldIssue {
  if (isMissing(issue)) return 'member_missing'
  switch (issue.code) {
    case 'unrecognized_keys':
      return 'member_unknown'
    case 'invalid_type':
      return 'member_type'
    case 'too_big':
      return 'member_too_long'
    case 'too_small':
      return 'member_too_short'
    default:
      return 'member_value'
  }
}

/** Of a union zod reports the object that should have said which kind it is. */
function isMissing(issue: z.core.$ZodIssue): boolean {
  if (issue.input === undefined) return true
  if (issue.code !== 'invalid_union' || issue.discriminator === undefined) return false
  return !Object.hasOwn(issue.input as object, issue.discriminator)
}

/** The query of a URL, checked: texts by name. A name that stands twice is no text, so no schema takes it. */
export function readQuery<T>(c: Context, schema: z.ZodType<T>): T {
  const members = Object.entries(c.req.queries()).map(([name, texts]) => [name, texts.length === 1 ? texts[0] : texts])
  return checkShape(schema, Object.fromEntries(members))
}

/** How long the caller waits, in whole milliseconds; a minute is longer than anything of ours takes. */
export const requestTimeoutSchema = z
  .string()
  .max(5)
  .regex(/^(?:[1-9]\d{0,3}|[1-5]\d{4}|60000)$/)

/** `Request-Timeout`; null: the caller did not say. */
export function readRequestTimeoutMs(c: Context): number | null {
  const text = c.req.header('request-timeout')
  if (text === undefined) return null
  if (!requestTimeoutSchema.safeParse(text).success) throw new ServiceError('request_timeout_invalid')
  return Number(text)
}

/** 1–64 visible ASCII characters. */
export const idempotencyKeySchema = z
  .string()
  .max(64)
  .regex(/^[\x21-\x7e]{1,64}$/)

export function readIdempotencyKey(c: Context): string | null {
  const key = c.req.header('idempotency-key')
  if (key === undefined) return null
  if (!idempotencyKeySchema.safeParse(key).success) throw new ServiceError('idempotency_key_invalid')
  return key
}
