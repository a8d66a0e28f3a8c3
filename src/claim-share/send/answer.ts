import { z } from 'zod'

/** What the gateway says of a file, as far as it decides what we do next. */
export type GatewayAnswer =
  | { readonly kind: 'received'; readonly maKetQua: string; readonly receipt: InsurerReceipt }
  /** The file is wrong: the facility corrects it and shares a new version. */
  | {
      readonly kind: 'returned'
      readonly maKetQua: string
      readonly receipt: InsurerReceipt | null
      readonly errors: readonly FileError[]
    }
  /** The token is not taken: it ended, or belongs to another address. */
  | { readonly kind: 'tokenRefused' }
  /** The account is not taken. Nothing of the file. */
  | { readonly kind: 'accountRefused'; readonly maKetQua: string | null }
  /** This account asks too often. */
  | { readonly kind: 'tooMany'; readonly retryAfterMs: number | null }
  /** The gateway works, and says what we do not know; never taken for a yes, nor for the facility's fault. */
  | { readonly kind: 'unknownCode'; readonly maKetQua: string }
  /** The gateway says that it failed, or nothing that can be read. */
  | { readonly kind: 'failed' }
  | { readonly kind: 'unreadable' }

export interface InsurerReceipt {
  readonly maGiaoDich: string
  /** `yyyyMMddHHmmss`. */
  readonly thoiGianTiepNhan: string
}

export interface FileError {
  readonly maLoi: string
  readonly moTaLoi: string
}

const ERRORS_MAX = 100
const ERROR_TEXT_MAX = 500

/** Strings or numbers: clients have seen both. Members that we do not know are the portal's own affair. */
const code = z.union([z.string().max(20), z.int()]).transform(String)
const replySchema = z.object({
  maKetQua: code,
  maGiaoDich: z.string().min(1).max(100).nullish(),
  thoiGianTiepNhan: z
    .string()
    .regex(/^\d{14}$/)
    .nullish(),
  thongDiep: z.string().nullish(),
  dsLoi: z.array(z.object({ maLoi: code, moTaLoi: z.string().nullish() })).nullish(),
})

/**
 * 200 received; 201 malformed, 202 wrong content, 204 empty: returned (domain §1.5, medium confidence). An HTTP status
 * other than 200 speaks before the body, which may then be anything (401 comes with an empty one).
 */
export function readAnswer(status: number, text: string, retryAfter: string | undefined): GatewayAnswer {
  if (status === 401) return { kind: 'tokenRefused' }
  if (status === 403) return { kind: 'accountRefused', maKetQua: null }
  if (status === 429) return { kind: 'tooMany', retryAfterMs: retryAfterMs(retryAfter) }
  if (status !== 200) return { kind: 'failed' }
  const reply = replySchema.safeParse(jsonOf(text))
  if (!reply.success) return { kind: 'unreadable' }
  const { maKetQua, maGiaoDich, thoiGianTiepNhan, thongDiep, dsLoi } = reply.data
  const receipt = maGiaoDich && thoiGianTiepNhan ? { maGiaoDich, thoiGianTiepNhan } : null
  switch (maKetQua) {
    case '200':
      // without its receipt nobody could prove it
      return receipt === null ? { kind: 'unreadable' } : { kind: 'received', maKetQua, receipt }
    case '201':
    case '202':
    case '204': {
      const listed = (dsLoi ?? []).map((each) => ({ maLoi: each.maLoi, moTaLoi: each.moTaLoi ?? '' }))
      const all = listed.length > 0 ? listed : [{ maLoi: maKetQua, moTaLoi: thongDiep ?? '' }]
      const errors = all
        .slice(0, ERRORS_MAX)
        .map(({ maLoi, moTaLoi }) => ({ maLoi, moTaLoi: moTaLoi.slice(0, ERROR_TEXT_MAX) }))
      return { kind: 'returned', maKetQua, receipt, errors }
    }
    case '401':
      return { kind: 'tokenRefused' }
    case '403':
      return { kind: 'accountRefused', maKetQua }
    case '429':
      return { kind: 'tooMany', retryAfterMs: retryAfterMs(retryAfter) }
    case '408':
    case '500':
      return { kind: 'failed' }
    default:
      return { kind: 'unknownCode', maKetQua }
  }
}

export interface InsurerToken {
  readonly accessToken: string
  readonly tokenId: string
  /** As the portal says it; it is held no longer than we know sessions to live. */
  readonly expiresAt: Date | null
}

const tokenSchema = z.object({
  maKetQua: code,
  APIKey: z
    .object({
      access_token: z.string().min(1).max(2_048),
      id_token: z.string().min(1).max(200),
      expires_in: z.string().max(64).nullish(),
    })
    .nullish(),
})

export function readToken(status: number, text: string): InsurerToken | 'accountRefused' | 'failed' | 'unreadable' {
  if (status === 401 || status === 403) return 'accountRefused'
  if (status !== 200) return 'failed'
  const reply = tokenSchema.safeParse(jsonOf(text))
  if (!reply.success) return 'unreadable'
  const { maKetQua, APIKey: key } = reply.data
  if (maKetQua === '401' || maKetQua === '403') return 'accountRefused'
  if (maKetQua !== '200') return 'failed'
  if (!key || ![key.access_token, key.id_token].every(isHeaderText)) return 'unreadable'
  return { accessToken: key.access_token, tokenId: key.id_token, expiresAt: readExpiry(key.expires_in ?? '') }
}

/** It goes into a header. */
function isHeaderText(text: string): boolean {
  return /^[\x21-\x7E]+$/.test(text)
}

/** `2026-11-24T03:10:00.0000000Z`: an instant with seven digits. Anything else says nothing. */
function readExpiry(text: string): Date | null {
  const at = Date.parse(text.replace(/(\.\d{3})\d+(?=Z$)/, '$1'))
  return text.endsWith('Z') && !Number.isNaN(at) ? new Date(at) : null
}

/** Seconds; a date is not read. */
function retryAfterMs(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,5}$/.test(text) ? Number(text) * 1_000 : null
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
