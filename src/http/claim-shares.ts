import type { Context } from 'hono'
import type { Principal } from '../access/principal.ts'
import { writeShareCursor } from '../claim-share/cursor.ts'
import { decodeBase64 } from '../claim-share/dossier/base64.ts'
import { listClaimShares as list, readClaimShare } from '../claim-share/read.ts'
import { attachReceipt } from '../claim-share/receipt.ts'
import {
  type ClaimShareRequest,
  claimHeadersSchema,
  claimReceiptSchema,
  claimShareRequest,
  claimShareRequestSchema,
  claimWithdrawalSchema,
} from '../claim-share/request.ts'
import { shareClaim } from '../claim-share/share.ts'
import { withdrawShare } from '../claim-share/withdrawal.ts'
import { QueueFull } from '../db/group.ts'
import { invalid, ServiceError } from '../errors.ts'
import { LARGE_BYTES_MAX } from '../limits/limits.ts'
import type { Scope } from '../scope.ts'
import { claimShareListQuerySchema } from './contract/claim-shares.ts'
import type { Answer } from './endpoint.ts'
import { BATCH_BYTES_MAX, isMediaType, readBytes, readIdempotencyKey, readJson, readQuery } from './request.ts'

/** Of a body with a dossier (contract), in either form. */
export const DOSSIER_BYTES_MAX = BATCH_BYTES_MAX

/**
 * `POST /v1/claim-shares`: 202 once it stands in the log, whether it is new or was there. JSON, or the file itself as
 * `application/xml` with the rest in headers.
 */
export async function postClaimShare(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const key = readIdempotencyKey(c)
  return holdingBytes(c, scope, async () => {
    const request = isMediaType(c, 'application/xml') ? await readXmlForm(c, key) : await readJsonForm(c, key)
    const share = await scope.inShareLane((lane) => shareClaim(lane, caller, request))
    return { status: 202, body: JSON.stringify(share) }
  })
}

/** Many large bodies at once would take all memory: their bytes are counted before they are read. */
async function holdingBytes<T>(c: Context, scope: Scope, work: () => Promise<T>): Promise<T> {
  const { limits } = scope.service
  const stated = Number(c.req.header('content-length') ?? DOSSIER_BYTES_MAX)
  const bytes = stated >= 0 && stated <= DOSSIER_BYTES_MAX ? stated : DOSSIER_BYTES_MAX
  if (limits.largeBytes + bytes > LARGE_BYTES_MAX) throw new QueueFull()
  limits.largeBytes += bytes
  try {
    return await work()
  } finally {
    limits.largeBytes -= bytes
  }
}

async function readJsonForm(c: Context, key: string | null): Promise<ClaimShareRequest> {
  const { value } = await readJson(c, claimShareRequestSchema, DOSSIER_BYTES_MAX)
  const { dossier, ...told } = value
  const bytes = decodeBase64(dossier)
  if (bytes === null) throw invalid('/dossier', 'member_value')
  return claimShareRequest(told, bytes, key)
}

/** The visit id has no header: it is the MA_LK of the dossier. */
async function readXmlForm(c: Context, key: string | null): Promise<ClaimShareRequest> {
  const told = claimHeadersSchema.safeParse(readClaimHeaders(c))
  if (!told.success) {
    const member = told.error.issues[0]?.path[0]
    const name = HEADERS.find(([, each]) => each === member)?.[0] ?? 'claim-kind'
    throw new ServiceError('claim_header_invalid', { detail: name })
  }
  return claimShareRequest(told.data, await readBytes(c, DOSSIER_BYTES_MAX), key)
}

/** Header fields are ASCII: what may be Vietnamese is percent-encoded UTF-8, as in a URL. */
const HEADERS = [
  ['claim-kind', 'kind'],
  ['claim-check-codes', 'checkCodes'],
  ['claim-no-check-reason', 'noCheckReason'],
  ['claim-delivery', 'delivery'],
  ['claim-reason', 'reason'],
  ['claim-basis', 'basis'],
] as const

function readClaimHeaders(c: Context): Record<string, unknown> {
  const told: Record<string, unknown> = {}
  for (const [name, member] of HEADERS) {
    const text = c.req.header(name)
    if (text === undefined) continue
    if (member === 'checkCodes') told[member] = text.split(',').map((each) => each.trim())
    else {
      try {
        told[member] = decodeURIComponent(text)
      } catch {
        throw new ServiceError('claim_header_invalid', { detail: name })
      }
    }
  }
  return told
}

/** `GET /v1/claim-shares/{id}`: the facility's own, with receipts and attempts. */
export async function getClaimShare(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  return json(200, await readClaimShare(scope, caller, c.req.param('id') ?? ''))
}

/** `GET /v1/claim-shares`: the facility's own, the newest first. */
export async function listClaimShares(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const { limit, cursor, settlementMonth, status } = readQuery(c, claimShareListQuerySchema)
  const { facility } = caller
  if (facility === null) throw new ServiceError('scope_missing', { detail: 'share, of a facility' })
  const { items, next } = await list(scope, {
    facility,
    settlementMonth: settlementMonth ?? null,
    status: status ?? null,
    before: cursor ?? null,
    limit,
  })
  return json(200, { items, nextCursor: next === null ? null : writeShareCursor(next) })
}

/** `POST /v1/claim-shares/{id}/receipts`: the same receipt again is the one that stands there. */
export async function postClaimReceipt(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const { value } = await readJson(c, claimReceiptSchema)
  return json(201, await attachReceipt(scope, caller, c.req.param('id') ?? '', value))
}

/** `POST /v1/claim-shares/{id}/withdrawal`: what was taken back before is as it was. */
export async function postClaimWithdrawal(c: Context, scope: Scope, caller: Principal): Promise<Answer> {
  const { value } = await readJson(c, claimWithdrawalSchema)
  return json(201, await withdrawShare(scope, caller, c.req.param('id') ?? '', value))
}

function json(status: number, body: unknown): Answer {
  return { status, body: JSON.stringify(body) }
}
