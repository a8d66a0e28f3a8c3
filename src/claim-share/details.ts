import { openDetails } from '../audit/log.ts'
import type { DataKeys, Pseudonym } from '../data-keys.ts'
import type { Finding } from './dossier/finding.ts'
import type { ShareKind } from './entry.ts'

/** What an entry `claimShare` seals. Times and codes of the visit as the dossier has them (`yyyyMMddHHmm`), unread. */
export interface ClaimShareDetails {
  readonly v: 1
  readonly share: ShareKind
  /** MA_LK. */
  readonly visitId: string
  /** The subject of the entry; null: the dossier names nobody by a number. */
  readonly person: Pseudonym | null
  readonly checkCodes: readonly QuotedCheck[]
  readonly noCheckReason: string | null
  readonly reason: string | null
  readonly basis: string | null
  readonly findings: readonly Finding[]
  /** There were more findings than are kept. */
  readonly findingsCut: boolean
  /** Place of the version before (`placeOf`: in the first log its leaf index); null for the first. */
  readonly previous: number | null
  readonly restricted: 'hiv' | null
  readonly visit: DossierVisit
  readonly signature: SignatureShown
  /** SHA-256(salt ‖ bytes) is in the entry; base64. */
  readonly dossierSalt: string
  readonly dossierBytes: number
  /** The tables in it, `XML1` …, with how many rows each has. */
  readonly tables: Readonly<Record<string, number>>
  /** The decision whose tables it was checked against: `QD4750`, `QD3176`, `QD1931`. */
  readonly standard: string
}

export interface QuotedCheck {
  readonly code: string
  /** Place of the check; null: no check of this facility and person has this code. */
  readonly index: number | null
  /** It is a visit that was recorded without a check. */
  readonly unverified?: true
}

export interface DossierVisit {
  readonly ngayVao: string | null
  readonly ngayVaoNoiTru: string | null
  readonly ngayRa: string | null
  readonly ngayTtoan: string | null
  readonly maLoaiKcb: string | null
  /** The route code. */
  readonly maDoituongKcb: string | null
  readonly maLoaiRv: string | null
  readonly maNoiDi: string | null
  readonly maNoiDen: string | null
  /** As claimed, card numbers not among them: terms and registered facility of each card, in order. */
  readonly coverage: readonly {
    readonly from: string | null
    readonly to: string | null
    readonly registeredFacility: string | null
  }[]
}

/** What the signature and its certificate say of themselves; no chain is built, so no name in it is proven. */
export interface SignatureShown {
  readonly outcome: 'valid' | 'invalid' | 'unverifiable' | 'absent'
  /** Why not `valid`; a code. */
  readonly why: string | null
  readonly certificate: {
    readonly subject: string
    readonly issuer: string
    readonly serial: string
    readonly validFrom: string
    readonly validTo: string
    /** SHA-256 of the certificate, hex. */
    readonly fingerprint: string
  } | null
}

/** What an entry `claimDelivery` seals. */
export interface ClaimDeliveryDetails {
  readonly v: 1
  /** Place of the share. */
  readonly share: number
  readonly maGiaoDich: string | null
  /** `yyyyMMddHHmmss`, as the insurer gives it. */
  readonly thoiGianTiepNhan: string | null
  readonly errors: readonly { readonly maLoi: string; readonly moTaLoi: string }[]
  readonly reason: string | null
}

/** Our own text, authenticated by its seal. */
export function openClaimShare(keys: DataKeys, subject: string | null, sealed: Uint8Array): ClaimShareDetails {
  return JSON.parse(openDetails(keys, subject, sealed)) as ClaimShareDetails
}

export function openClaimDelivery(keys: DataKeys, subject: string | null, sealed: Uint8Array): ClaimDeliveryDetails {
  return JSON.parse(openDetails(keys, subject, sealed)) as ClaimDeliveryDetails
}
