import { appendBatch, prepare } from '../../src/audit/log.ts'
import type { ClaimShareDetails } from '../../src/claim-share/details.ts'
import type { ClaimDeliveryOutcome, ClaimShareOutcome } from '../../src/claim-share/entry.ts'
import { deriveDataKeys, lookupKey, type Pseudonym, pseudonym } from '../../src/data-keys.ts'
import { deed } from './log.ts'
import type { World } from './service.ts'

export interface Claimed {
  readonly facility?: string
  /** Whose; null: nobody is named. */
  readonly citizenId?: string | null
  readonly outcome?: Partial<ClaimShareOutcome>
  readonly details?: Partial<Omit<ClaimShareDetails, 'visit'>>
  readonly visit?: Partial<ClaimShareDetails['visit']>
}

/** An entry as `POST /v1/claim-shares` writes it, without its bytes. Returns its index. */
export async function shareClaim(world: World, claimed: Claimed = {}): Promise<number> {
  const keys = deriveDataKeys(world.dataKeys)
  const { citizenId = null, facility = '38001' } = claimed
  const person: Pseudonym | null =
    citizenId === null ? null : pseudonym(keys, new Date().getUTCFullYear(), lookupKey(keys, citizenId))
  const outcome: ClaimShareOutcome = {
    ...{ share: 'claim', version: 1, delivery: 'forward', settlementMonth: '2026-11', tTongChiBv: '500000.00' },
    ...{ tTongChiBh: '400000.5', tBntt: '100000', tBncct: '80000.10', tBhtt: '320000.4', checks: 0, findings: 0 },
    ...{ signature: 'valid', dossierDigest: 'x' },
    ...claimed.outcome,
  }
  const details: ClaimShareDetails = {
    ...{ v: 1, share: outcome.share, visitId: 'V-1', person, checkCodes: [], noCheckReason: null, reason: null },
    ...{ basis: null, findings: [], findingsCut: false, previous: null, restricted: null },
    visit: {
      ...{ ngayVao: '202611020800', ngayVaoNoiTru: null, ngayRa: '202611021000', ngayTtoan: null, maLoaiKcb: '01' },
      ...{ maDoituongKcb: '1.1', maLoaiRv: '1', maNoiDi: null, maNoiDen: null, coverage: [] },
      ...claimed.visit,
    },
    signature: { outcome: outcome.signature, why: null, certificate: null },
    ...{ dossierSalt: 'x', dossierBytes: 1, tables: { XML1: 1 }, standard: 'QD3176' },
    ...claimed.details,
  }
  const row = deed({ kind: 'claimShare', facility, outcome, details: JSON.stringify(details), subject: person })
  return append(world, row)
}

/** A transition of a share. */
export async function moveClaim(
  world: World,
  share: number,
  status: ClaimDeliveryOutcome['status'],
  facility = '38001',
): Promise<number> {
  const outcome = { share, status, by: 'sender', maKetQua: null }
  const details = JSON.stringify({ v: 1, share, maGiaoDich: null, thoiGianTiepNhan: null, errors: [], reason: null })
  return append(world, deed({ kind: 'claimDelivery', facility, outcome, details, subject: null }))
}

async function append(world: World, row: ReturnType<typeof deed>): Promise<number> {
  const keys = deriveDataKeys(world.dataKeys)
  const [appended] = await appendBatch(world.owner, keys, [prepare(keys, row)])
  if (appended === undefined || appended instanceof Error || appended.outcome !== 'appended') throw new Error('lost')
  return appended.index
}
