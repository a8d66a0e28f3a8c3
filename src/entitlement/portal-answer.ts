import type { Decision } from './decide.ts'
import { DECISION_CODES, type DecisionCode } from './decision-code.ts'

/**
 * The facility's own look-up on the VSS portal (TT 12/2026 Đ4), attached to a request. Where the portal answered about
 * the person, it wins over our copy; what may be shown stays what our copy and the evidence allow.
 */
const BY_VSS_CODE: Readonly<Record<string, DecisionCode>> = {
  '000': 'valid',
  '001': 'check_paper_defence',
  '002': 'check_paper_police',
  '003': 'replaced',
  '004': 'valid_prefer_new',
  '010': 'expired',
  '050': 'not_found',
  '060': 'name_mismatch',
  '061': 'name_mismatch',
  '070': 'birth_date_mismatch',
  '110': 'revoked',
  '120': 'reduced',
  '121': 'moved_out',
  '122': 'moved_within',
  '123': 're_enrolled',
  '124': 'stopped',
  '130': 'child_without_card',
}

/** The portal spoke about the call, the account or itself, not about the person: our copy's answer stands. */
const NOT_ABOUT_THE_PERSON = new Set(['051', '052', '053', '054', '055', '100', '101', '205', '401', '500'])

export function withPortalAnswer(
  own: Decision,
  vssCode: string,
): Decision & { readonly vssCodeSource: 'copy' | 'portal' } {
  if (NOT_ABOUT_THE_PERSON.has(vssCode)) return { ...own, vssCodeSource: 'copy' }
  // a code we do not know is guarded like a status we do not know, never guessed
  const code = BY_VSS_CODE[vssCode] ?? 'held'
  const row = DECISION_CODES[code]
  const agrees = row.decision === own.decision
  const successorHere = code === 'replaced' && appliesAsSuccessor(own)
  return {
    code,
    decision: successorHere ? 'entitled' : row.decision,
    cause: successorHere ? null : row.cause,
    vssCode,
    shown: row.cause === 'evidenceMismatch' ? [] : own.shown, // on a mismatch nothing is disclosed, whoever found it
    applies: agrees || successorHere ? own.applies : null,
    warnings:
      code === 'replaced' || code === 'valid_prefer_new'
        ? [...new Set([...own.warnings, 'newCard' as const])]
        : own.warnings,
    vssCodeSource: 'portal',
  }
}

/** The cover that pays is a newer card's. Without a sign of that it may be the very card the portal calls void. */
function appliesAsSuccessor(own: Decision): boolean {
  return own.applies !== null && own.applies.status !== 'superseded' && own.warnings.includes('newCard')
}
