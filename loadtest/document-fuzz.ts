import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'

/** A request made from the document, and what its answer must be. */
export interface FuzzOptions {
  readonly url: string
  /** The text of `openapi.json`. */
  readonly document: string
  readonly requests: number
  readonly random: () => number
  /** Bodies that are answered, to begin mutants with, beside the document's examples. */
  readonly bodies: readonly unknown[]
  readonly tokenOf: (role: 'facility' | 'auditor') => string
}

export interface FuzzFigures {
  readonly sent: number
  readonly statuses: Readonly<Record<string, number>>
  /** Entries that the log must have grown by. */
  readonly deeds: number
  /** What the document does not say; empty when all is well. */
  readonly wrong: readonly string[]
}

type Json = null | boolean | number | string | Json[] | { [name: string]: Json }

const operationSchema = z.object({
  operationId: z.string(),
  security: z.array(z.unknown()),
  parameters: z.array(z.object({ in: z.string(), name: z.string(), example: z.coerce.string() })).default([]),
  requestBody: z
    .object({
      content: z.record(
        z.string(),
        z.object({ schema: z.unknown(), examples: z.record(z.string(), z.object({ value: z.json() })).optional() }),
      ),
    })
    .optional(),
  responses: z.record(z.string(), z.object({ content: z.record(z.string(), z.object({ schema: z.unknown() })) })),
})
const documentSchema = z.object({
  paths: z.record(z.string(), z.record(z.string(), operationSchema)),
  components: z.object({ schemas: z.record(z.string(), z.unknown()) }),
})
type Operation = z.infer<typeof operationSchema>

/** Who enrols faster is answered `overloaded`, rightly (`http/enrolments.ts`: 5 a second, 50 at once): a little less is asked. */
const ENROLMENTS_AT_ONCE = 40
const ENROLMENT_EVERY_MS = 220

/** Each is an entry when an auditor asks. */
/** Each answers the id of what it recorded; a repeated one answers an id that was told before. */
const RECORDS: ReadonlySet<string> = new Set(['verify', 'recordUnverifiedVisit', 'shareClaim'])
const AUDIT_READS: ReadonlySet<string> = new Set([
  'getVerification',
  'listAuditVerifications',
  'listAuditClaimShares',
  'listAuditFlags',
  'searchAudit',
  'getAuditEntry',
  'getAuditEvidence',
])

const HOSTILE: readonly string[] = [
  '',
  ' ',
  '\u0000',
  '|'.repeat(30),
  '038090000001|||||||',
  '\ud800',
  '\u202e',
  '9'.repeat(5_000),
  "'; drop table log_entry; --",
  '2026-02-29',
  '0000-00-00',
  '9999-12-31',
  '1e400',
  '__proto__',
  'constructor',
  '$(id)%n%x',
  '<script>alert(1)</script>',
  '../../etc/passwd',
  'é'.normalize('NFD'),
  '👩‍👩‍👧‍👦'.repeat(40),
]
const OTHER: readonly Json[] = [null, true, 0, -1, 1e308, [], {}, [[[[]]]], { kind: 'chipIdQr' }]

/** Valid requests, single-field mutants and hostile texts, made from the document; every answer is held against it. */
export async function documentFuzz(options: FuzzOptions): Promise<FuzzFigures> {
  const { url, random, requests, tokenOf } = options
  const { paths, components } = documentSchema.parse(
    JSON.parse(options.document.replaceAll('#/components/schemas/', '#/$defs/')),
  )
  const validators = new Map<string, z.ZodType>()
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  const statuses: Record<string, number> = {}
  const wrong: string[] = []
  /** What the requests made, by the path they were posted to. */
  const ids = new Map<string, string[]>()
  const recorded = new Set<string>()
  let reads = 0
  let receipts = 0
  const withdrawals = new Set<string>()
  let enrolments = 0
  const began = performance.now()
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const chance = (share: number) => random() < share
  const hostile = () =>
    chance(0.8)
      ? pick(HOSTILE)
      : Array.from({ length: 1 + Math.floor(random() * 40) }, () =>
          String.fromCharCode(Math.floor(random() * 0x3000)),
        ).join('')

  for (let n = 0; n < requests; n++) {
    // half of all go where most is decided
    const { path, method, operation } = chance(0.5)
      ? (operations.find((each) => each.operation.operationId === 'verify') ?? pick(operations))
      : pick(operations)
    const role = chance(0.8) ? 'facility' : 'auditor'
    const headers: Record<string, string> = {}
    if (operation.security.length > 0 && chance(0.97)) headers['authorization'] = `Bearer ${tokenOf(role)}`
    let target = path
    const query = new URLSearchParams()
    for (const { in: where, name, example } of operation.parameters) {
      const made = ids.get(path.replace('/{id}', '')) ?? []
      const value = chance(0.15) ? hostile() : where === 'path' && made.length > 0 && chance(0.9) ? pick(made) : example
      if (where === 'path') target = target.replace(`{${name}}`, encodeURIComponent(value.toWellFormed() || 'x'))
      else if (where === 'query') {
        if (chance(0.5)) query.append(name, value)
      } else if (chance(0.6))
        headers[name] =
          name === 'Idempotency-Key' && value === example
            ? `key-${Math.floor(random() * requests)}`
            : [...value].filter((c) => c >= ' ' && c <= '~').join('')
    }
    if (query.size > 0) target += `?${query}`
    const init: RequestInit = { method, headers }
    const [type, media] = Object.entries(operation.requestBody?.content ?? {})[0] ?? []
    if (type !== undefined && media !== undefined) {
      const examples = Object.values(media.examples ?? {}).map((each) => each.value as Json)
      let body = pick(operation.operationId === 'verify' && chance(0.7) ? (options.bodies as Json[]) : examples)
      if (chance(0.7)) body = typeof body === 'string' ? hostile() : mutant(body, pick, hostile)
      headers['content-type'] = chance(0.98) ? type : hostile().replace(/[^ -~]/g, '')
      if (type === 'application/json') init.body = JSON.stringify(body)
      else init.body = typeof body === 'string' ? body : new URLSearchParams(texts(body)).toString()
      if (chance(0.02)) init.body = init.body.slice(0, Math.floor(random() * init.body.length))
    }
    if (operation.operationId === 'enrolKey') {
      const earliest = began + (++enrolments - ENROLMENTS_AT_ONCE) * ENROLMENT_EVERY_MS
      await sleep(Math.max(0, earliest - performance.now()))
    }
    const response = await fetch(url + target, init)
    const text = await response.text()
    statuses[response.status] = (statuses[response.status] ?? 0) + 1
    const fault = mismatch(operation, response, text, validators, components.schemas)
    if (fault !== null) wrong.push(`${n}: ${method} ${path} ${response.status}: ${fault}`)
    if (!response.ok) continue
    if (RECORDS.has(operation.operationId)) {
      const { id } = z.object({ id: z.string() }).parse(JSON.parse(text))
      if (!recorded.has(id)) ids.set(path, [...(ids.get(path) ?? []), id])
      recorded.add(id)
    }
    if (operation.operationId === 'verifyBatch') {
      const { items } = z
        .object({ items: z.array(z.object({ verification: z.object({ id: z.string() }).optional() })) })
        .parse(JSON.parse(text))
      for (const { verification } of items) if (verification !== undefined) recorded.add(verification.id)
    }
    if (operation.operationId === 'attachClaimReceipt') receipts++
    if (operation.operationId === 'withdrawClaimShare') {
      const { id, receipts: said } = z
        .object({ id: z.string(), receipts: z.array(z.object({ at: z.string() })) })
        .parse(JSON.parse(text))
      withdrawals.add(`${id} ${said.at(-1)?.at}`) // once more changes nothing
    }
    if (AUDIT_READS.has(operation.operationId) && role === 'auditor') reads++
  }
  return { sent: requests, statuses, deeds: recorded.size + reads + receipts + withdrawals.size, wrong }
}

function mismatch(
  operation: Operation,
  response: Response,
  text: string,
  validators: Map<string, z.ZodType>,
  schemas: Readonly<Record<string, unknown>>,
): string | null {
  if (response.status >= 500) return `a failure of ours: ${text.slice(0, 200)}`
  if (response.headers.get('x-request-id') === null) return 'no request id'
  const content = operation.responses[response.status]?.content
  if (content === undefined) return `the status is not documented: ${text.slice(0, 200)}`
  const type = (response.headers.get('content-type') ?? '').split(';')[0] ?? ''
  const schema = content[type]?.schema
  if (schema === undefined) return `the content type ${type} is not documented`
  const key = `${operation.operationId} ${response.status} ${type}`
  const validator =
    validators.get(key) ??
    z.fromJSONSchema({ ...(schema as object), $defs: schemas } as Parameters<typeof z.fromJSONSchema>[0])
  validators.set(key, validator)
  const parsed = validator.safeParse(type.endsWith('json') ? JSON.parse(text) : text)
  return parsed.success
    ? null
    : `the body is not as documented: ${parsed.error.issues.map((issue) => `${issue.path.join('/')} ${issue.code}`).join(', ')}`
}

/** One member removed, replaced, or put in that nobody knows. */
function mutant(value: Json, pick: <T>(from: readonly T[]) => T, hostile: () => string): Json {
  const copy = structuredClone(value)
  const holders: { [name: string]: Json }[] = []
  const walk = (each: Json) => {
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return
    holders.push(each)
    Object.values(each).forEach(walk)
  }
  walk(copy)
  const holder = pick(holders)
  const name = pick(Object.keys(holder))
  switch (pick(['remove', 'other', 'hostile', 'longer', 'unknown', 'hostile'] as const)) {
    case 'remove':
      delete holder[name]
      break
    case 'other':
      holder[name] = pick(OTHER)
      break
    case 'hostile':
      holder[name] = hostile()
      break
    case 'longer':
      holder[name] = `${String(holder[name])}${'x'.repeat(pick([1, 300, 20_000]))}`
      break
    case 'unknown':
      Object.defineProperty(holder, hostile(), { value: 1, enumerable: true })
      break
  }
  return copy
}

function texts(value: Json): Record<string, string> {
  return Object.fromEntries(Object.entries(value ?? {}).map(([name, each]) => [name, String(each)]))
}
