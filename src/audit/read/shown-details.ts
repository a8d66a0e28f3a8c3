import type { ClaimDeliveryDetails, ClaimShareDetails } from '../../claim-share/details.ts'
import { maskCardNumber, parseCardNumber } from '../../coverage/card-number.ts'
import { maskCitizenId, parseCitizenId } from '../../identity/citizen-id.ts'
import type { ClosingDetails, VisitDetails } from '../../unverified-visit/details.ts'
import type { VerificationDetails } from '../../verification/verify.ts'
import type { EntryKind } from '../entry.ts'
import type { AuditReadDetails } from './record.ts'

/**
 * What auditors are shown of the details of an entry: no number, no name and no birth date of the person, no name under which
 * the database knows them. Null: of this kind no details are shown to auditors.
 */
export function shownDetails(kind: EntryKind, text: string): Readonly<Record<string, unknown>> | null {
  switch (kind) {
    case 'verification': {
      const { answer, purpose, visit, officer, registryConsent, portalAnswer, unverifiedVisit } = JSON.parse(
        text,
      ) as VerificationDetails
      const coverages = answer.coverages.map((each) => ({ ...each, cardNumber: masked(each.cardNumber) }))
      const shown = { answer: { ...answer, coverages }, purpose, visit, officer, registryConsent, portalAnswer }
      return unverifiedVisit === undefined ? shown : { ...shown, unverifiedVisit }
    }
    case 'unverifiedVisit': {
      const { visitId, claimedNumber, presentedAt, failures, evidence, officer } = JSON.parse(text) as VisitDetails
      const number = claimedNumber === null ? null : masked(claimedNumber)
      return { visitId, claimedNumber: number, presentedAt, failures, evidence: evidence?.kind ?? null, officer }
    }
    case 'unverifiedVisitClosed': {
      const { unverifiedVisit, attempts, lastCode } = JSON.parse(text) as ClosingDetails
      return { unverifiedVisit, attempts, lastCode }
    }
    case 'claimShare': {
      const { v: _, person: __, dossierSalt: ___, ...shown } = JSON.parse(text) as ClaimShareDetails
      return shown
    }
    case 'claimDelivery': {
      const { v: _, ...shown } = JSON.parse(text) as ClaimDeliveryDetails
      return shown
    }
    case 'auditRead': {
      const { v: _, ...shown } = JSON.parse(text) as AuditReadDetails
      return shown
    }
    default:
      return null
  }
}

const HIDDEN = '***************'

function masked(number: string): string {
  const card = parseCardNumber(number)
  if (card.ok) return maskCardNumber(card.value)
  const id = parseCitizenId(number)
  return id.ok ? maskCitizenId(id.value) : HIDDEN
}
